"""The one paired difference: two sides on the same cases, how far apart, and how sure that is.

Used between two submissions (`compare`), between a run and its repetition (`audit --rerun`), and
between every two teams of a ranking.
"""

from evaluate.pairing.differences import (
    LEVEL,
    PairedDifference,
    as_pairs,
    paired_difference,
    percentile_interval,
)
from evaluate.pairing.draws import (
    Bools,
    Counts,
    Floats,
    draw_counts,
    resampled_means,
    resampled_medians,
)

__all__ = [
    "LEVEL",
    "Bools",
    "Counts",
    "Floats",
    "PairedDifference",
    "as_pairs",
    "draw_counts",
    "paired_difference",
    "percentile_interval",
    "resampled_means",
    "resampled_medians",
]
