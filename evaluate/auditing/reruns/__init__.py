"""`segjudge audit --rerun`: submissions run again, twice, and held against what was recorded."""

from evaluate.auditing.reruns.again import Rerun, rerun

__all__ = ["Rerun", "rerun"]
