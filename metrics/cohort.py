"""One number for many cases: sums of counts, errors over cases, and spreads.

A case without a value (nan) is left out and counted: every result says of how many cases it is.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Values: TypeAlias = npt.NDArray[np.float64]
_Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]


def present(values: npt.ArrayLike) -> _Values:
    """The values that are there: without nan."""
    array = np.asarray(values, dtype=np.float64)
    kept: _Values = array[~np.isnan(array)]
    return kept


def _of_present(
    statistic: Callable[[_Values], np.floating], *, least: int = 1
) -> Callable[[npt.ArrayLike], float]:
    def of(values: npt.ArrayLike) -> float:
        kept = present(values)
        return float(statistic(kept)) if len(kept) >= least else math.nan

    return of


root_mean_square = _of_present(lambda v: np.sqrt(np.mean(v**2)))
"""The root of the mean square of differences: RMSE."""

STATISTICS: Mapping[str, Callable[[npt.ArrayLike], float]] = {
    "mean": _of_present(np.mean),
    "sd": _of_present(lambda v: np.std(v, ddof=1), least=2),
    "min": _of_present(np.min),
    "q25": _of_present(lambda v: np.percentile(v, 25)),
    "median": _of_present(np.median),
    "q75": _of_present(lambda v: np.percentile(v, 75)),
    "max": _of_present(np.max),
    "rmse": root_mean_square,
    "sum": _of_present(np.sum),
}
"""Statistics over cases by the ending that names them: `sd` of a sample, quartiles interpolated
linearly; nan where there is no value (two for `sd`)."""


def aggregated_dice(shared: npt.ArrayLike, both: npt.ArrayLike) -> float:
    """Twice the shared volume over both volumes, each summed over cases first.

    The global Dice of LiTS where volumes are voxels, the aggregated Dice of HECKTOR 2022 where they
    are mm³ (Andrearczyk et al., 2023). Large cases weigh more, and voxels of 2 mm 8 times those of
    1 mm where voxels are counted in mm³.

    Args:
        shared: (n,), of each case.
        both: (n,), the reference's and the prediction's together.

    Returns:
        nan where no case has any volume.
    """
    volume = float(present(both).sum())
    return 2 * float(present(shared).sum()) / volume if volume else math.nan


def aggregated_f1(tp: npt.ArrayLike, fp: npt.ArrayLike, fn: npt.ArrayLike) -> float:
    """2tp / (2tp + fp + fn) of objects counted over all cases (autoPET V); nan without objects.

    Args:
        tp: (n,), of each case.
        fp: (n,).
        fn: (n,).
    """
    hit, invented, missed = (float(present(counts).sum()) for counts in (tp, fp, fn))
    whole = 2 * hit + invented + missed
    return 2 * hit / whole if whole else math.nan


def determination(reference: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """The coefficient of determination R² of one quantity over cases (CoNIC 2022).

    Args:
        reference: (n,).
        prediction: (n,).

    Returns:
        At most 1; may be negative. Where the reference does not vary, 1 if the prediction is
        perfect and else 0; nan without cases.
    """
    true, predicted = (np.asarray(v, dtype=np.float64) for v in (reference, prediction))
    if not len(true):
        return math.nan
    error = float(((true - predicted) ** 2).sum())
    variance = float(((true - true.mean()) ** 2).sum())
    if not variance:
        return float(error == 0)
    return 1 - error / variance


def balanced_accuracy(reference: Sequence[Hashable], prediction: Sequence[Hashable]) -> float:
    """The mean recall of the classes that the reference has; nan without cases.

    Args:
        reference: each case's class.
        prediction: each case's predicted class.
    """
    right: dict[Hashable, list[bool]] = {}
    for true, predicted in zip(reference, prediction, strict=True):
        right.setdefault(true, []).append(true == predicted)
    return macro_mean([float(np.mean(hits)) for hits in right.values()])


def macro_mean(values: npt.ArrayLike) -> float:
    """The mean of values that each stand for a group, alike whatever the groups' sizes."""
    return STATISTICS["mean"](values)


def by_group(
    statistic: Callable[[_Columns], float], columns: _Columns, groups: Sequence[Hashable]
) -> float:
    """A statistic of each group of cases, then the mean over groups (autoPET V: data sets).

    Args:
        statistic: of some cases' columns.
        columns: by name, (n,) each.
        groups: (n,), each case's group.
    """
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    return macro_mean(
        [statistic({name: c[at] for name, c in columns.items()}) for at in members.values()]
    )
