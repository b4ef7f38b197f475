"""Which mistake in geometry a mask was made with: the change after which it would fit.

Each mask is tried transposed, flipped, shifted, inverted and renumbered against its reference. A
change is named only where it is clearly better, over all cases that it can be tried on.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from data_manifest.findings import Finding
from evaluate.checking.check_findings import make_finding, nothing_found

RENUMBERING = "renumbering its labels"
"""The words of the one change that moves nothing."""

_LabelMap = npt.NDArray[np.integer]
_LARGEST = 4_000_000
_MOST_LABELS = 400
_GOOD_ENOUGH = 0.8
_CLEARLY, _FITS = 0.2, 0.5
_AS_GOOD = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantScores:
    """Mean DSC over the labels of one case, of the mask as it is and of its variants."""

    case: str
    as_it_is: float
    variants: dict[str, float]


def score_variants(case: str, reference: _LabelMap, prediction: _LabelMap) -> VariantScores:
    """Try every variant on one case; none where the mask fits as it is.

    Maps are (H, W) or (D, H, W).
    """
    every = math.ceil(math.sqrt(reference.size / _LARGEST))
    if every > 1:  # in the plane only: slices may be few
        thinned = (..., slice(None, None, every), slice(None, None, every))
        reference, prediction = reference[thinned], prediction[thinned]
    most = int(max(reference.max(), prediction.max()))
    as_it_is = _dsc(reference, prediction) if most <= _MOST_LABELS else 1.0
    if as_it_is >= _GOOD_ENOUGH or not prediction.any():
        return VariantScores(case=case, as_it_is=as_it_is, variants={})
    scores: dict[str, float] = {}
    for words, changed in _variants(reference, prediction):
        scores[words] = max(scores.get(words, 0.0), _dsc(reference, changed))
    scores[RENUMBERING] = _renumbered(reference, prediction)
    return VariantScores(case=case, as_it_is=as_it_is, variants=scores)


def variant_findings(scores: Sequence[VariantScores]) -> list[Finding]:
    """The one change that would clearly mend the masks, if there is one."""
    changes = []
    for words in dict.fromkeys(words for score in scores for words in score.variants):
        tried = [score for score in scores if words in score.variants]
        before = float(np.mean([score.as_it_is for score in tried]))
        after = float(np.mean([score.variants[words] for score in tried]))
        better = sum(score.variants[words] > score.as_it_is + _CLEARLY for score in tried)
        if after >= max(_FITS, before + _CLEARLY) and 3 * better >= 2 * len(tried):
            changes.append((len(tried), after, before, words))
    if not changes:
        return [nothing_found("mask-variant", "no variant of the masks fits clearly better")]
    best = max(after for _, after, _, _ in changes)
    # Of variants that are as good, the first is the simplest: they are tried in that order.
    count, after, before, words = next(f for f in changes if f[1] >= best - _AS_GOOD)
    found = f"the mask fits after {words}: DSC {before:.2f} becomes {after:.2f}"
    return [make_finding("mask-variant", subject=f"{count} of {len(scores)} cases", found=found)]


def _variants(reference: _LabelMap, prediction: _LabelMap) -> Iterator[tuple[str, _LabelMap]]:
    """Simple changes first: a flip, a swap of axes, both, a shift, the complement."""
    axes = prediction.ndim
    names = "zyx"[-axes:]
    orders = [
        order
        for order in itertools.permutations(range(axes))
        if tuple(prediction.shape[axis] for axis in order) == prediction.shape
    ]
    flips = [
        flip for count in range(axes + 1) for flip in itertools.combinations(range(axes), count)
    ]
    plain = tuple(range(axes))
    steps = sorted(
        ((order, flip) for order in orders for flip in flips if order != plain or flip),
        key=lambda pair: sum(a != b for a, b in zip(pair[0], plain, strict=True)) + len(pair[1]),
    )
    for order, flip in steps:
        words = []
        if order != plain:
            words.append(_swap_words(order, names))
        if flip:
            words.append(f"flipping {' and '.join(names[axis] for axis in flip)}")
        yield " and ".join(words), np.flip(np.transpose(prediction, order), flip)
    shift = _shift(reference, prediction)
    if any(shift):
        yield "shifting it", _shifted(prediction, shift)
    if reference.max() == 1:
        yield "exchanging object and background", (prediction == 0).astype(np.uint8)


def _swap_words(order: tuple[int, ...], names: str) -> str:
    moved = [axis for axis, source in enumerate(order) if axis != source]
    if len(moved) == 2:
        first, second = sorted(names[axis] for axis in moved)
        return f"swapping {first} and {second}"
    return f"ordering its axes as {', '.join(names[axis] for axis in order)}"


def _shift(reference: _LabelMap, prediction: _LabelMap) -> tuple[int, ...]:
    """By how many voxels the mask must move to lie best on the reference, by their correlation."""
    spectra = [np.fft.rfftn(labels > 0) for labels in (reference, prediction)]
    overlap = np.fft.irfftn(
        spectra[0] * np.conj(spectra[1]), s=reference.shape, axes=tuple(range(reference.ndim))
    )
    best = np.unravel_index(int(np.argmax(overlap)), reference.shape)
    return tuple(
        int(by) if by <= size // 2 else int(by) - size
        for by, size in zip(best, reference.shape, strict=True)
    )


def _shifted(labels: _LabelMap, shift: tuple[int, ...]) -> _LabelMap:
    """Moved by whole voxels; what leaves is lost, and what comes in is background."""
    moved = np.zeros_like(labels)
    sides = list(zip(shift, labels.shape, strict=True))
    target = tuple(slice(max(0, by), max(0, size + min(0, by))) for by, size in sides)
    source = tuple(slice(max(0, -by), max(0, size - max(0, by))) for by, size in sides)
    moved[target] = labels[source]
    return moved


def _pairs(reference: _LabelMap, prediction: _LabelMap) -> npt.NDArray[np.float64]:
    """DSC of every label of the reference with every label of the prediction."""
    rows, columns = int(reference.max()) + 1, int(prediction.max()) + 1
    joint = reference.ravel().astype(np.int64) * columns + prediction.ravel()
    table = np.bincount(joint, minlength=rows * columns).reshape(rows, columns).astype(np.float64)
    both = table[1:, 1:]
    together = table[1:].sum(axis=1)[:, np.newaxis] + table[:, 1:].sum(axis=0)
    dsc: npt.NDArray[np.float64] = np.zeros_like(both)
    np.divide(2 * both, together, out=dsc, where=together > 0)
    return dsc


def _dsc(reference: _LabelMap, prediction: _LabelMap) -> float:
    if not prediction.any():
        return 0.0
    pairs = _pairs(reference, prediction)
    return float(sum(pairs[k, k] for k in range(min(pairs.shape))) / max(1, len(pairs)))


def _renumbered(reference: _LabelMap, prediction: _LabelMap) -> float:
    pairs = _pairs(reference, prediction)
    rows, columns = linear_sum_assignment(pairs, maximize=True)
    return float(pairs[rows, columns].sum() / max(1, len(pairs)))
