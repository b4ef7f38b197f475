"""What the harness knows: rules, outcomes, attempts, scores, and the error family; no behaviour."""
