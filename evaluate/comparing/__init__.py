"""The compare stage: two submissions' scores on the same cases to differences and how sure."""

from evaluate.comparing.comparability import calibration_ratio, check_comparable
from evaluate.comparing.score_pairs import Pairs, pair_scores
from evaluate.comparing.statistics import compare

__all__ = ["Pairs", "calibration_ratio", "check_comparable", "compare", "pair_scores"]
