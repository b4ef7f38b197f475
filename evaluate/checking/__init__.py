"""Checking: a machine before a run, and a submission before it is handed in."""

from evaluate.checking.machine import Finding, examine_engine, examine_machine

__all__ = ["Finding", "examine_engine", "examine_machine"]
