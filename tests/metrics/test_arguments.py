"""What would be broadcast, wrapped round or answered with nan elsewhere is refused with facts."""

import doctest

import numpy as np
import pytest

import metrics.label_scoring
from metrics import MetricInputError, dice, false_positive_voxels, score_labels, surface_dice

_MASK = np.ones((4, 5, 6), dtype=bool)
_LABELS = np.ones((4, 5, 6), dtype=np.uint8)
_OPTIONS = {"spacing_mm": (1, 1, 1), "tolerance_mm": 1}


@pytest.mark.parametrize("shape", [(1, 5, 6), (4, 5, 1), (5, 6), (4, 5, 7), (6, 5, 4)])
def test_shapes_that_differ_are_refused_even_where_they_broadcast(shape):
    other, labels = np.ones(shape, dtype=bool), np.ones(shape, dtype=np.uint8)
    for call in (
        lambda: dice(_MASK, other),
        lambda: surface_dice(_MASK, other, **_OPTIONS),
        lambda: score_labels(_LABELS, labels, **_OPTIONS),
        lambda: false_positive_voxels(_LABELS, labels),
    ):
        with pytest.raises(MetricInputError) as caught:
            call()
        assert str(shape) in str(caught.value)
        assert "(4, 5, 6)" in str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64, object])
def test_masks_that_are_not_bool_are_refused(dtype):
    with pytest.raises(MetricInputError, match="prediction: found dtype"):
        dice(_MASK, _MASK.astype(dtype))
    with pytest.raises(MetricInputError, match="reference: found dtype"):
        surface_dice(_MASK.astype(dtype), _MASK, **_OPTIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, object, "U1", "M8[s]"])
def test_label_maps_that_are_not_integer_are_refused(dtype):
    with pytest.raises(MetricInputError, match=r"prediction: found dtype .* an integer dtype"):
        score_labels(_LABELS, _LABELS.astype(dtype), **_OPTIONS)


@pytest.mark.parametrize("label", [-1, 65536, 2**40])
def test_labels_in_a_map_that_are_out_of_range_are_refused(label):
    wrong = _LABELS.astype(np.int64)
    wrong[0, 0, 0] = label
    with pytest.raises(MetricInputError, match=f"prediction: found labels .*{label}"):
        score_labels(_LABELS, wrong, **_OPTIONS)
    with pytest.raises(MetricInputError, match="reference: found labels"):
        false_positive_voxels(wrong, _LABELS)


@pytest.mark.parametrize("axes", [0, 1, 4])
def test_surfaces_of_other_than_two_or_three_axes_are_refused(axes):
    mask = np.ones((2,) * axes, dtype=bool)
    with pytest.raises(MetricInputError, match=f"{axes} axes"):
        surface_dice(mask, mask, spacing_mm=(1,) * axes, tolerance_mm=1)
    with pytest.raises(MetricInputError, match=f"{axes} axes"):
        score_labels(mask, mask, spacing_mm=(1,) * axes, tolerance_mm=1)


@pytest.mark.parametrize(
    "spacing_mm",
    [
        (1, 1, 0),
        (1, -1, 1),
        (1, float("nan"), 1),
        (float("inf"), 1, 1),
        (1, 1e-200, 1),
        (1, 1, 1e200),
        (1, 1),
        (1, 1, 1, 1),
        ((1, 1, 1),),
        1.0,
        None,
        "abc",
        (1, "x", 1),
        (1, 1j, 1),
    ],
)
def test_spacings_that_are_no_lengths_are_refused(spacing_mm):
    for call, arrays in ((surface_dice, (_MASK, _MASK)), (score_labels, (_LABELS, _LABELS))):
        with pytest.raises(MetricInputError, match=r"spacing_mm: found .*expected 3 numbers"):
            call(*arrays, spacing_mm=spacing_mm, tolerance_mm=1)


@pytest.mark.parametrize("tolerance_mm", [-1e-9, float("nan"), float("inf"), 1e200, None, "two"])
def test_tolerances_that_are_no_lengths_are_refused(tolerance_mm):
    with pytest.raises(MetricInputError, match="tolerance_mm: found"):
        surface_dice(_MASK, _MASK, spacing_mm=(1, 1, 1), tolerance_mm=tolerance_mm)
    for given in (tolerance_mm, {1: tolerance_mm}, {1: 1, 2: tolerance_mm}):
        with pytest.raises(MetricInputError, match="tolerance_mm: found"):
            score_labels(_LABELS, _LABELS, spacing_mm=(1, 1, 1), tolerance_mm=given)


@pytest.mark.parametrize(
    ("tolerance_mm", "labels"),
    [({2: 1.0}, None), ({}, [1]), ([1.0], None), ([1.0, 2.0], [1]), ([], [1])],
)
def test_tolerances_that_do_not_cover_the_labels_are_refused(tolerance_mm, labels):
    with pytest.raises(MetricInputError, match=r"tolerance_mm: found .* labels"):
        score_labels(
            _LABELS, _LABELS, spacing_mm=(1, 1, 1), tolerance_mm=tolerance_mm, labels=labels
        )


@pytest.mark.parametrize("labels", [[0], [-1], [65536], [1.0], ["1"], [1, 2, 1], [None]])
def test_labels_to_score_that_are_no_labels_are_refused(labels):
    with pytest.raises(MetricInputError, match="labels: found"):
        score_labels(_LABELS, _LABELS, **_OPTIONS, labels=labels)


def test_labels_and_spacings_may_be_numpys():
    (score,) = score_labels(
        _LABELS,
        _LABELS,
        spacing_mm=np.array([1, 2, 3]),
        tolerance_mm=np.float32(1),
        labels=np.array([1], dtype=np.uint8),
    )
    assert (score.label, score.nsd) == (1, 1.0)
    assert type(score.label) is int


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(metrics.label_scoring)
    assert result.attempted
    assert not result.failed


def test_labels_may_come_one_by_one_and_a_tolerance_as_an_array_of_one() -> None:
    reference = np.array([[0, 1, 1], [0, 3, 3]], dtype=np.uint8)
    scores = score_labels(
        reference,
        reference,
        spacing_mm=(1, 1),
        tolerance_mm=np.array(1.0),
        labels=(label for label in (1, 3)),
    )
    assert [score.label for score in scores] == [1, 3]


def test_a_masked_array_is_refused_since_its_mask_would_be_ignored() -> None:
    masked = np.ma.masked_equal(np.array([[0, 1], [1, 2]], dtype=np.uint8), 2)
    plain = np.asarray(masked)
    with pytest.raises(MetricInputError, match=r"prediction.*filled"):
        score_labels(plain, masked, spacing_mm=(1, 1), tolerance_mm=1)
    with pytest.raises(MetricInputError, match=r"reference.*filled"):
        dice(masked > 0, plain > 0)
