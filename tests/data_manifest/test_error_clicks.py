"""A click lies where CVPR 2025's published script puts it, to the voxel.

The table of five rounds is what that script's own functions gave. The plain rewriting below takes
their steps one by one, with scipy alone.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from data_manifest.cases import Reference
from data_manifest.prompts import error_clicks as module
from data_manifest.prompts.error_clicks import Click, error_clicks
from evaluate.facts.metric_rules import Gate, ScoredMetric
from evaluate.facts.scoring_rules import Scoring
from evaluate.scoring.case_scores import PreparedCase

ROUNDS = [
    ((9, 30, 30), True, (3, 54, 6), True, 0.3416688256451482, 0.3861553415300687),
    ((10, 37, 39), True, (4, 53, 2), False, 0.45530178954770895, 0.5081222090461436),
    ((10, 24, 39), True, (7, 55, 9), False, 0.524304626743354, 0.6095350579701723),
    ((9, 39, 24), True, (1, 55, 11), False, 0.5752237136465325, 0.6783232807962436),
    ((10, 23, 23), True, (2, 58, 3), False, 0.5735137075917414, 0.7216813732584624),
]
"""Click of label 1 and of label 3, and whether each is a foreground click; then DSC and NSD."""


def plain_click(reference: np.ndarray, prediction: np.ndarray, label: int) -> Click | None:
    error = (reference == label) != (prediction == label)
    components, count = ndimage.label(error, np.ones((3, 3, 3)))
    if not count:
        return None
    largest = 1 + int(np.argmax(np.bincount(components.ravel())[1:]))
    depth = ndimage.distance_transform_edt(np.pad(components == largest, 1))
    candidates = np.argwhere(depth == depth.max()) - 1
    z, y, x = candidates[np.random.RandomState(42).choice(len(candidates))].tolist()
    return Click(voxel=(z, y, x), foreground=bool(reference[z, y, x] == label))


def answered(labels: np.ndarray, label: int, click: Click | None) -> None:
    """What the table's participant does with a click."""
    assert click is not None
    near = sum(
        (axis - at) ** 2 for axis, at in zip(np.indices(labels.shape), click.voxel, strict=True)
    )
    if click.foreground:
        labels[near <= 49] = label
    else:
        labels[(near <= 16) & (labels == label)] = 0


def test_five_rounds_of_two_labels_are_the_published_ones() -> None:
    reference = np.zeros((20, 64, 64), np.uint8)
    reference[5:15, 20:44, 20:44], reference[0:6, 50:60, 5:9] = 1, 3
    answer = np.zeros_like(reference)
    gate = Gate(metric="dsc", above=0.2)
    scoring = Scoring(
        metrics=(
            ScoredMetric(name="dsc"),
            ScoredMetric(name="nsd", gate=gate, options={"tolerance_mm": 2.0}),
        ),
        spacing_order="stored",
    )
    truth = Reference(labels=reference, spacing_mm=(5.0, 0.8, 0.8))
    for first, first_is_fg, third, third_is_fg, dsc, nsd in ROUNDS:
        clicks = error_clicks(reference, answer, [1, 3])
        assert clicks == [
            Click(voxel=first, foreground=first_is_fg),
            Click(voxel=third, foreground=third_is_fg),
        ]
        for label, click in zip((1, 3), clicks, strict=True):
            answered(answer, label, click)
        values = PreparedCase(truth, scoring).measures(answer).values
        assert values == {"dsc": pytest.approx(dsc, rel=1e-12), "nsd": pytest.approx(nsd, rel=1e-9)}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 7), st.integers(1, 14), st.integers(1, 14)),
    coarse=st.integers(1, 4),
    labels=st.integers(1, 4),
)
def test_every_click_is_that_of_a_plain_rewriting(
    seed: int, shape: tuple[int, int, int], coarse: int, labels: int
) -> None:
    generator = np.random.default_rng(seed)

    def blocks() -> np.ndarray:
        """Ties among components and among depths are the rule here, not the exception."""
        values = generator.integers(0, labels + 1, [-(-size // coarse) for size in shape])
        for axis in range(3):
            values = values.repeat(coarse, axis)
        z, y, x = shape
        return np.ascontiguousarray(values[:z, :y, :x].astype(np.uint8))

    reference, prediction = blocks(), blocks()
    wanted = [*range(1, labels + 2)]
    assert error_clicks(reference, prediction, wanted) == [
        plain_click(reference, prediction, label) for label in wanted
    ]


def test_a_very_large_box_is_clicked_at_half_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script's steps there: pad by a quarter, halve by maximum, transform, repeat, mask."""
    monkeypatch.setattr(module, "_LARGEST_BOX", 1000)
    reference = np.zeros((20, 21, 22), np.uint8)
    near = sum((axis - 10) ** 2 for axis in np.indices(reference.shape))
    reference[near <= 70] = 1
    box = np.pad(reference[2:19, 2:19, 2:19], 4)
    halved = np.pad(box, [(0, size % 2) for size in box.shape])
    halved = halved.reshape(13, 2, 13, 2, 13, 2).max(axis=(1, 3, 5))
    depth = ndimage.distance_transform_edt(halved)
    for axis in range(3):
        depth = depth.repeat(2, axis)
    depth = depth[:25, :25, :25] * box
    candidates = np.argwhere(depth == depth.max()) - 4 + 2
    expected = candidates[np.random.RandomState(42).choice(len(candidates))]
    (click,) = error_clicks(reference, np.zeros_like(reference), [1])
    assert click == Click(voxel=tuple(expected.tolist()), foreground=True)


def test_maps_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="the same twice"):
        error_clicks(np.zeros((1, 2, 3), np.uint8), np.zeros((1, 3, 2), np.uint8), [1])
