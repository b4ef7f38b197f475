"""The harness: runs submissions on cases, measures, scores, ranks, reports, audits."""
