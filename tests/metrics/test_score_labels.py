"""A label map scores label by label, each as its mask alone would, whatever the arrays' storage."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import (
    METRICS,
    Comparison,
    LabelValues,
    PreparedReference,
    dice,
    false_positive_voxels,
    score_labels,
    surface_dice,
)
from tests.metrics.reference_script import reference_dice, reference_surface_dice
from tests.metrics.volumes import label_pairs, spacings

_OPTIONS = {"spacing_mm": (2.5, 0.8, 0.8), "tolerance_mm": 2.0}


def _values(scores):
    return [dataclasses.astuple(score)[:5] for score in scores]


def _two_maps(highest=3):
    rng = np.random.default_rng(3)
    reference = rng.integers(0, 4, (7, 9, 11)) * (rng.random((7, 9, 11)) < 0.5)
    prediction = np.where(rng.random(reference.shape) < 0.8, reference, np.roll(reference, 1, 2))
    return (np.where(labels == 3, highest, labels) for labels in (reference, prediction))


@settings(max_examples=100, deadline=None)
@given(pair=label_pairs(), spacing_mm=spacings())
def test_random_label_maps_score_as_the_reference_scores_each_label(pair, spacing_mm):
    reference, prediction = pair
    scores = score_labels(reference, prediction, spacing_mm=spacing_mm, tolerance_mm=2.0)
    assert [score.label for score in scores] == sorted(set(reference.flat) - {0})
    for score in scores:
        masks = reference == score.label, prediction == score.label
        assert score.dsc == reference_dice(*masks)
        theirs = reference_surface_dice(*masks, spacing_mm, 2.0)
        assert score.nsd == pytest.approx(theirs, rel=0, abs=1e-12)
        assert (score.reference_voxels, score.prediction_voxels) == tuple(m.sum() for m in masks)


def test_a_comparison_is_of_the_arrays_as_they_were():
    """Counts are taken at once and surfaces when asked for: both are of the same moment."""
    reference, prediction = (labels.astype(np.uint8) for labels in _two_maps())
    expected = _values(score_labels(reference, prediction, **_OPTIONS))
    comparison = Comparison(reference, prediction)
    reference[:], prediction[:] = 0, 1
    assert _values(comparison.scores(**_OPTIONS)) == expected


@settings(max_examples=60, deadline=None)
@given(pair=label_pairs(dimension=2, longest=12))
def test_a_label_scores_as_its_mask_does(pair):
    options = {"spacing_mm": (0.8, 1.1), "tolerance_mm": 1.0}
    for score in score_labels(*pair, **options):
        masks = [labels == score.label for labels in pair]
        assert score.dsc == dice(*masks)
        assert score.nsd == surface_dice(*masks, **options)


@settings(max_examples=60, deadline=None)
@given(pair=label_pairs(), names=st.permutations([1, 2, 3]))
def test_the_numbers_that_labels_carry_do_not_matter(pair, names):
    renamed = [np.array([0, *names])[labels] for labels in pair]
    before = {score.label: score for score in score_labels(*pair, **_OPTIONS)}
    after = {score.label: score for score in score_labels(*renamed, **_OPTIONS)}
    assert after == {
        names[label - 1]: dataclasses.replace(score, label=names[label - 1])
        for label, score in before.items()
    }


@pytest.mark.parametrize(
    ("dtype", "highest"),
    [
        (np.uint8, 255),
        (np.int8, 127),
        (np.uint16, 65535),
        (np.int16, 32767),
        (np.int32, 65535),
        (np.int64, 65535),
        (np.uint64, 65535),
        (">u2", 65535),
    ],
)
def test_every_integer_dtype_scores_alike_up_to_its_largest_label(dtype, highest):
    expected = _values(score_labels(*_two_maps(), **_OPTIONS))
    reference, prediction = (labels.astype(dtype) for labels in _two_maps(highest))
    scores = score_labels(reference, prediction, **_OPTIONS)
    assert [score.label for score in scores] == [1, 2, highest]
    assert [values[1:] for values in _values(scores)] == [values[1:] for values in expected]


def test_the_two_maps_may_differ_in_dtype():
    reference, prediction = _two_maps()
    assert score_labels(
        reference.astype(np.uint8), prediction.astype(np.int64), **_OPTIONS
    ) == score_labels(reference, prediction, **_OPTIONS)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda labels: np.repeat(np.repeat(labels, 2, axis=0), 3, axis=2)[::2, :, ::3],
        lambda labels: labels[::-1, :, ::-1].copy()[::-1, :, ::-1],
        lambda labels: np.pad(labels, 2)[2:-2, 2:-2, 2:-2],
    ],
    ids=["Fortran order", "strided view", "negative strides", "inside a larger array"],
)
def test_the_memory_layout_does_not_matter(layout):
    reference, prediction = _two_maps()
    expected = score_labels(reference, prediction, **_OPTIONS)
    assert score_labels(layout(reference), layout(prediction), **_OPTIONS) == expected
    assert score_labels(layout(reference), prediction, **_OPTIONS) == expected
    masks = reference == 1, prediction == 1
    assert surface_dice(*map(layout, masks), **_OPTIONS) == expected[0].nsd
    assert dice(*map(layout, masks)) == expected[0].dsc


def test_a_volume_larger_than_any_chunk_is_counted_whole():
    """200,000 voxels apart from each other; the prediction has the first half of them."""
    reference = np.zeros((150, 180, 200), dtype=np.uint8)
    reference[::3, ::3, ::3] = 1
    prediction = np.asfortranarray(reference)
    prediction[75:] = 0
    voxels = 50 * 60 * 67
    (score,) = score_labels(reference, prediction, spacing_mm=(1, 1, 1), tolerance_mm=0)
    assert (score.reference_voxels, score.prediction_voxels) == (voxels, voxels // 2)
    assert score.dsc == pytest.approx(2 / 3, abs=1e-15)
    assert score.nsd == pytest.approx(2 / 3, abs=1e-15)  # eight equal elements a voxel


def test_inputs_may_be_read_only_and_are_left_as_they_were():
    reference, prediction = _two_maps()
    before = reference.copy(), prediction.copy()
    reference.flags.writeable = prediction.flags.writeable = False
    score_labels(reference, prediction, **_OPTIONS)
    assert np.array_equal(reference, before[0])
    assert np.array_equal(prediction, before[1])


def test_bool_maps_score_as_label_one():
    reference, prediction = (labels == 1 for labels in _two_maps())
    (score,) = score_labels(reference, prediction, **_OPTIONS)
    assert (score.label, score.dsc) == (1, dice(reference, prediction))


def test_a_label_that_the_prediction_lacks_scores_zero():
    reference = np.array([[0, 1, 1], [0, 2, 2]], dtype=np.uint8)
    prediction = np.where(reference == 2, 2, 0)
    scores = score_labels(reference, prediction, spacing_mm=(1, 1), tolerance_mm=1)
    assert _values(scores) == [(1, 0.0, 0.0, 2, 0), (2, 1.0, 1.0, 2, 2)]
    assert np.mean([score.dsc for score in scores]) == 0.5


def test_asked_for_labels_come_in_the_order_asked_and_absent_ones_are_nan():
    reference = np.array([[0, 1, 1], [0, 3, 3]], dtype=np.uint8)
    prediction = np.array([[0, 1, 1], [4, 3, 3]], dtype=np.uint8)
    scores = score_labels(
        reference, prediction, spacing_mm=(1, 1), tolerance_mm=1, labels=[3, 2, 4, 60000]
    )
    assert [score.label for score in scores] == [3, 2, 4, 60000]
    assert (scores[0].dsc, scores[0].nsd) == (1.0, 1.0)
    assert scores[2] == LabelValues(
        label=4, dsc=0.0, nsd=0.0, reference_voxels=0, prediction_voxels=1
    )
    for score in (scores[1], scores[3]):
        assert np.isnan([score.dsc, score.nsd]).all()
        assert score.reference_voxels == score.prediction_voxels == 0


def test_maps_without_any_label_have_no_scores():
    empty = np.zeros((3, 4, 5), dtype=np.uint8)
    assert score_labels(empty, empty, **_OPTIONS) == []
    assert score_labels(empty[:0], empty[:0], **_OPTIONS) == []
    (score,) = score_labels(empty, empty, **_OPTIONS, labels=[1])
    assert np.isnan(score.dsc)


def test_each_label_can_have_its_own_tolerance():
    reference = np.zeros((30, 30), dtype=np.uint8)
    reference[3:9, 3:9], reference[18:24, 3:9] = 1, 2
    prediction = np.roll(reference, 3, axis=1)
    options = {"spacing_mm": (1, 1)}
    wide, narrow = (
        [score.nsd for score in score_labels(reference, prediction, **options, tolerance_mm=mm)]
        for mm in (3, 1)
    )
    mixed = [1.0, narrow[1]]
    assert wide == [1.0, 1.0]
    assert narrow[1] < 1.0
    for tolerance_mm, labels in (
        ({1: 3, 2: 1, 9: 5}, None),
        ([3, 1], [1, 2]),
        (np.array([3, 1]), [1, 2]),
        ((1, 3), [2, 1]),
    ):
        scores = score_labels(
            reference, prediction, **options, tolerance_mm=tolerance_mm, labels=labels
        )
        assert [s.nsd for s in sorted(scores, key=lambda s: s.label)] == mixed


def test_labels_that_only_the_prediction_has_are_reported_with_their_volume():
    reference = np.array([[0, 1, 1, 65535]], dtype=np.uint16)
    prediction = np.array([[7, 7, 1, 300]], dtype=np.int64)
    assert false_positive_voxels(reference, prediction) == {7: 2, 300: 1}
    assert false_positive_voxels(reference, reference) == {}


def test_sparse_label_numbers_cost_no_memory_for_those_between():
    reference = np.zeros((4, 64, 64), dtype=np.uint16)
    reference[:2], reference[2:, 10:20] = 1, 65535
    prediction = np.roll(reference, 1, axis=2)
    tracemalloc.start()
    try:
        score_labels(reference, prediction, **_OPTIONS)
        peak_mib = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert peak_mib < 50  # a joint histogram would take 32 GiB


def test_every_metric_states_its_direction_worst_value_and_unit():
    stated = {name: (m.direction, m.worst, m.unit) for name, m in METRICS.items()}
    assert {
        "dsc": ("higher", 0.0, ""),
        "nsd": ("higher", 0.0, ""),
        "iou": ("higher", 0.0, ""),
        "sensitivity": ("higher", 0.0, ""),
        "precision": ("higher", 0.0, ""),
        "volume_difference": ("lower", math.inf, "%"),
        "hd": ("lower", "diagonal", "mm"),
        "hd95": ("lower", "diagonal", "mm"),
        "assd": ("lower", "diagonal", "mm"),
        "lesion_f1": ("higher", 0.0, ""),
        "lesion_dsc": ("higher", 0.0, ""),
        "lesion_hd95": ("lower", "diagonal", "mm"),
        "lesion_fp": ("lower", math.inf, "objects"),
        "fp_volume_ml": ("lower", math.inf, "ml"),
        "cldice": ("higher", 0.0, ""),
        "wall_s": ("lower", "limit", "s"),
        "cpu_s": ("lower", "limit", "s"),
        "peak_memory_mib": ("lower", "limit", "MiB"),
    }.items() <= stated.items()
    assert all(name == metric.name for name, metric in METRICS.items())


@pytest.mark.parametrize("noise", [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
def test_a_prepared_reference_gives_each_prediction_the_numbers_of_one_of_its_own(
    noise,
) -> None:
    """Of a case's teams, some alike and some not; noise has more spans than memory is for."""
    rng = np.random.default_rng(5)
    calm = np.zeros((9, 40, 50), np.uint8)
    calm[2:7, 5:30, 8:44], calm[3:6, 10:20, 12:30] = 1, 2
    wild = rng.integers(0, 4, calm.shape, dtype=np.uint8)
    reference, last = (wild if share else calm for share in noise)
    masks = [calm, np.roll(calm, 2, axis=2), np.zeros_like(calm), last, np.roll(last, 1, axis=1)]
    prepared = PreparedReference(reference)
    for tolerance in (0.9, 2.0):
        for mask in masks:
            arguments = {"spacing_mm": (2.5, 0.8, 0.8), "tolerance_mm": tolerance}
            once = Comparison(prepared, mask).scores(**arguments, further=["hd95", "lesion_f1"])
            own = Comparison(reference, mask).scores(**arguments, further=["hd95", "lesion_f1"])
            np.testing.assert_equal(once, own)
