"""What works on a machine and what does not, each with what it means for results."""

from evaluate.doctor.examining import examine_engine, examine_machine

__all__ = ["examine_engine", "examine_machine"]
