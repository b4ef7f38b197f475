"""Auditing: whether a run's files, scores and places are still what was run, and if not, why."""
