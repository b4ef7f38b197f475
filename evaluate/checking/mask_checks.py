"""Whether a mask answers its prompts: it is not empty, and label k lies where prompt k says."""

import posixpath
from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from data_manifest.errors import printable
from data_manifest.findings import Finding, Severity, listed
from data_manifest.layouts import ArrayFacts
from data_manifest.prompts import Prompts
from evaluate.checking.check_findings import hit
from evaluate.checking.trials import Observation, Trial
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules

# The reader's own words for what a header does not tell of.
_BY_WORDS = {
    "image's grid": "output-grid",
    "nobody asked for": "labels-unknown",
    "not written to its end": "output-readable",
    "that can be read": "output-readable",
}


def output_hits(trial: Trial, protocol: Rules) -> Iterator[Finding]:
    """The one thing that is wrong with a case's output, and what is only unwise about it."""
    seen = trial.observation
    if seen is None:
        return
    outcome = trial.record.outcome
    if outcome is Outcome.OUTPUT_TOO_LARGE:
        yield hit("leftover-files", trial.case.id, trial.record.reason)
    elif outcome is Outcome.NO_OUTPUT:
        yield _no_output(trial, seen.files, protocol)
    elif outcome is Outcome.BAD_OUTPUT:
        yield _bad_output(trial, seen, protocol)
    elif outcome is Outcome.OK and seen.arrays is not None:
        yield from _unwise(trial, seen.arrays, protocol)


def _no_output(trial: Trial, files: tuple[str, ...], protocol: Rules) -> Finding:
    case = trial.case.id
    expected = protocol.output.name(case)
    if not files:
        return hit("output-missing", case, f"no {expected}: the outputs folder is empty")
    words = f"no {expected}, but {', '.join(map(printable, files[:3]))}"
    folder, name = posixpath.split(expected)
    ending = posixpath.splitext(name)[1]
    elsewhere = any(f.endswith(ending) and posixpath.dirname(f) != folder for f in files)
    mend = f"leave it in the outputs folder's `{folder}`, which is yours to make" if folder else ""
    if elsewhere and not folder:
        mend = "leave it in the outputs folder itself, in no folder below"
    return hit("output-name", case, words, mend=mend if elsewhere else "")


def _bad_output(trial: Trial, seen: Observation, protocol: Rules) -> Finding:
    case, shape = trial.case.id, trial.case.shape
    key, arrays = protocol.output.key, seen.arrays
    if len(seen.masks) > 1:
        mend = "leave one mask alone in the folder that the protocol's `output.path` names"
        return hit("output-name", case, trial.record.reason, mend=mend)
    if arrays is None:
        return hit("output-readable", case, trial.record.reason)
    mask = next((array for array in arrays if array.name == key), None)
    if mask is None:
        names = ", ".join(printable(array.name) for array in arrays[:4]) or "none"
        return hit("output-key", case, f"no array {key}; found: {names}")
    if mask.dtype == "object":
        return hit("output-dtype", case, "an object, which only pickle could read")
    if mask.shape != shape:
        words = f"shape {mask.shape}, the image's is {shape}"
        return hit("output-shape", case, words, mend=_shape_advice(mask.shape, shape))
    for words, check in _BY_WORDS.items():
        if words in trial.record.reason:
            return hit(check, case, trial.record.reason)
    return hit("output-dtype", case, f"{mask.dtype}: {trial.record.reason}")


def _shape_advice(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if len(shape) == len(expected) and shape != expected and sorted(shape) == sorted(expected):
        order = "x, y" if len(expected) == 2 else "x, y, z"
        return f"the axes are swapped: transpose the mask; arrays are not in {order} order"
    if shape in ((1, *expected), (*expected, 1)):
        return "take the axis of length 1 away: `mask.squeeze()`"
    if shape == (*expected, 3):
        return "the colours are still there: one number a pixel is the label"
    if len(shape) == len(expected) + 1:
        return "one layer for each object or class: write one map, with label k for prompt k"
    return ""


def _unwise(trial: Trial, arrays: tuple[ArrayFacts, ...], protocol: Rules) -> Iterator[Finding]:
    key = protocol.output.key
    mask = next((array for array in arrays if array.name == key), None)
    if mask is not None and (mask.dtype.startswith("float") or mask.dtype.endswith("64")):
        words = f"{mask.dtype}: it is read, and takes {_times(mask.dtype)} the room of uint8"
        yield hit("output-dtype", trial.case.id, words, Severity.NOTE)


def _times(dtype: str) -> str:
    return f"{int(''.join(c for c in dtype if c.isdigit()) or 8) // 8} times"


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
