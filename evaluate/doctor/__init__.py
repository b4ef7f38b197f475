"""What works on a machine and what does not, each with what it means for results."""

from evaluate.doctor.engine_examined import examine_engine
from evaluate.doctor.examining import examine_machine

__all__ = ["examine_engine", "examine_machine"]
