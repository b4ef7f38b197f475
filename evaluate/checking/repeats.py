"""Whether the same case gives the same mask again, and one slice what the flat image gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import hit, make_finding, nothing_found
from evaluate.checking.trials import gathered
from metrics import dice

_LabelMap = npt.NDArray[np.integer]
_NEARLY = 0.99
_ALIKE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One case run twice."""

    case: str
    outcomes: tuple[str, str]
    first: _LabelMap | None
    second: _LabelMap | None


def repeat_findings(repeats: Sequence[Repeat]) -> list[Finding]:
    """What differs between the first and the second time."""
    hits = [noticed for repeat in repeats if (noticed := _difference(repeat)) is not None]
    if hits:
        return gathered(hits, [repeat.case for repeat in repeats])
    if not any(repeat.first is not None for repeat in repeats):
        return []
    return [nothing_found("repeatable", f"{len(repeats)} cases twice: the same, bit for bit")]


def _difference(repeat: Repeat) -> Finding | None:
    if repeat.outcomes[0] != repeat.outcomes[1]:
        words = f"first {repeat.outcomes[0]}, then {repeat.outcomes[1]}"
        return hit("repeatable", repeat.case, words)
    first, second = repeat.first, repeat.second
    if first is None or second is None or np.array_equal(first, second):
        return None
    share = np.count_nonzero(first != second) / first.size
    agreement = _agreement(first, second)
    severity = Severity.NOTE if agreement >= _NEARLY else Severity.WARNING
    words = f"the two masks differ in {share:.2%} of the voxels; DSC between them {agreement:.4f}"
    return hit("repeatable", repeat.case, words, severity)


def _agreement(first: _LabelMap, second: _LabelMap) -> float:
    labels = [label for label in np.union1d(first, second).tolist() if label > 0]
    return float(np.mean([dice(first == k, second == k) for k in labels])) if labels else 1.0


def one_slice_finding(flat: _LabelMap | None, slice_of_one: _LabelMap | None) -> list[Finding]:
    """Whether a volume of one slice gets the mask that the same image gets in 2D."""
    if flat is None or slice_of_one is None or not (flat.any() and slice_of_one.any()):
        return []
    agreement = _agreement(flat, slice_of_one[0])
    words = f"DSC between the two masks {agreement:.2f}"
    if agreement >= _ALIKE:
        return [nothing_found("one-slice", words)]
    both = "the same image in 2D and as one slice"
    return [make_finding("one-slice", Severity.NOTE, subject=both, found=words)]
