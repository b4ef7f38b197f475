"""The compare stage: two submissions' scores on the same cases to differences and how sure."""

from evaluate.comparing.comparability import Pairs, calibration_ratio, check_comparable, pair_scores
from evaluate.comparing.statistics import compare

__all__ = ["Pairs", "calibration_ratio", "check_comparable", "compare", "pair_scores"]
