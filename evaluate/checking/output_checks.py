"""Why an output does not count, by its file's name and its arrays' headers."""

import posixpath
from collections.abc import Iterator

from data_manifest.errors import printable
from data_manifest.findings import Finding, Severity
from data_manifest.layouts import ArrayFacts
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
