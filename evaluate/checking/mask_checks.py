"""Whether a mask answers its prompts: it is not empty, and label k lies where prompt k says."""

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from data_manifest.findings import Finding, Severity, listed
from data_manifest.prompts import Prompts
from evaluate.checking.check_findings import hit

_MARGIN = 3
_AWAY, _FAR = 0.5, 0.1
_MOST_PROMPTS = 200
_MISREAD = 0.7
_LabelMap = npt.NDArray[np.integer]


def mask_hits(
    case: str,
    prompts: Prompts | None,
    prediction: _LabelMap,
    *,
    known: Collection[int] | None = None,
) -> Iterator[Finding]:
    """What is wrong with a mask, by its prompts and the protocol's labels alone.

    The mask is (H, W) or (D, H, W); prompts are of one kind. Without known labels, label k is the
    object of prompt k.
    """
    if not prediction.any():
        yield hit("mask-empty", case, f"not one voxel of {prediction.size:,} is labelled")
        return
    counts = np.bincount(prediction.ravel())
    if known is not None:
        yield from _unknown(case, counts, known)
    if prompts is None:
        return
    covered = 1 - counts[0] / prediction.size
    asked = np.count_nonzero(prompts.baseline(prediction.shape)) / prediction.size
    if covered > max(0.5, 1.5 * asked):
        words = f"{covered:.0%} of the image is labelled, the prompts ask for {asked:.0%}"
        yield hit("mask-fills-image", case, words)
        return
    if known is not None:
        return
    yield from _numbering(case, counts, prompts)
    located = prompts.regions(prediction.shape)
    if located and len(prompts) <= _MOST_PROMPTS and len(counts) <= 4 * _MOST_PROMPTS:
        yield from _places(case, prompts, prediction, counts)


def _unknown(
    case: str, counts: npt.NDArray[np.integer], known: Collection[int]
) -> Iterator[Finding]:
    present = [int(label) for label in np.flatnonzero(counts) if label > 0]
    strange = [label for label in present if label not in known]
    if strange:
        severity = Severity.PROBLEM if len(strange) == len(present) else Severity.WARNING
        words = (
            f"labels {listed(strange, most=5)}; the protocol scores {listed(sorted(known), most=5)}"
        )
        yield hit("labels-unknown", case, words, severity)


def _numbering(case: str, counts: npt.NDArray[np.integer], prompts: Prompts) -> Iterator[Finding]:
    asked = len(prompts)
    present = [int(label) for label in np.flatnonzero(counts) if label > 0]
    surplus = [label for label in present if label > asked]
    missing = sorted(set(range(1, asked + 1)) - set(present))
    if surplus:
        severity = Severity.PROBLEM if missing else Severity.WARNING
        words = f"labels {listed(surplus, most=5)} for {asked} {prompts.kind}"
        yield hit("labels-surplus", case, words, severity)
    if missing:
        severity = Severity.PROBLEM if 2 * len(missing) >= asked else Severity.WARNING
        words = (
            f"no voxel of label {listed(missing, most=5)}; the mask has {listed(present, most=5)}"
        )
        mend = (
            f"the mask is binary: write k for the object of {prompts.one} k"
            if len(present) == 1 and asked > 1
            else ""
        )
        yield hit("labels-missing", case, words, severity, mend)


def _places(
    case: str, prompts: Prompts, prediction: _LabelMap, counts: npt.NDArray[np.integer]
) -> Iterator[Finding]:
    """Whether labels lie where their prompts say; if not, whether where others' do."""
    inside = np.stack(
        [
            np.bincount(prediction[region].ravel(), minlength=len(counts))
            for region in prompts.regions(prediction.shape, _MARGIN)
        ]
    )[:, 1:]
    own = sum(int(inside[k, k]) for k in range(min(inside.shape)))
    total = int(counts[1:].sum())
    rows, columns = linear_sum_assignment(inside, maximize=True)
    best = int(inside[rows, columns].sum())
    moved = [(int(c) + 1, int(r) + 1) for r, c in zip(rows, columns, strict=True)
             if r != c < len(prompts) and inside[r, c] > 0]  # fmt: skip
    if moved and own < _AWAY * total and best > 1.5 * own and best > _AWAY * total:
        shown = ", ".join(
            f"label {label} in {prompts.one} {other}" for label, other in sorted(moved)[:3]
        )
        words = f"{shown}; {own / total:.0%} of the voxels in their own {prompts.one}"
        yield hit("labels-order", case, words)
        return
    share = _inside(prediction, prompts)[0] / total
    if share < _AWAY:
        severity = Severity.PROBLEM if share < _FAR else Severity.WARNING
        words = f"{share:.0%} of the labelled voxels lie in a {prompts.one}"
        way, elsewhere = _misread(prediction, prompts)
        if elsewhere > _MISREAD * total and elsewhere > 2 * share * total:
            words += f", {elsewhere / total:.0%} would if {way}"
        yield hit("mask-at-prompts", case, words, severity)


def _inside(prediction: _LabelMap, prompts: Prompts) -> tuple[int, float]:
    """How many labelled voxels lie at a prompt, whichever, and the IoU of mask and prompts."""
    near = np.zeros(prediction.shape, bool)
    for region in prompts.regions(prediction.shape, _MARGIN):
        near[region] = True
    both = int(np.count_nonzero(prediction[near]))
    return both, both / (np.count_nonzero(near) + np.count_nonzero(prediction) - both)


def _misread(prediction: _LabelMap, prompts: Prompts) -> tuple[str, int]:
    """The way to misread the prompts that fits the mask best, and how many voxels then lie in one.

    Empty where there is no way that anybody knows of.
    """
    ways = prompts.misread(prediction.shape)
    fits = {words: _inside(prediction, read) for words, read in ways.items()}
    best = max(fits, key=lambda words: fits[words][1], default="")
    return best, fits[best][0] if best else 0
