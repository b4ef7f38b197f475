"""Further metrics equal those of SimpleITK, surface-distance and panoptica's definition."""

import math
import warnings

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from skimage import measure

from metrics import METRICS, MetricInputError, score_labels
from tests.metrics.volumes import mask_pairs

ALL = tuple(m.name for m in METRICS.values() if not m.is_measured and m.name not in ("dsc", "nsd"))
COUNTS = ("lesion_pairs", "lesion_tp", "lesion_fp", "lesion_fn")
SPACING = (2.5, 0.8, 0.7)


def further(reference, prediction, *, names=ALL, spacing_mm=SPACING, **options):
    (score,) = score_labels(
        reference.astype(np.uint8),
        prediction.astype(np.uint8),
        spacing_mm=spacing_mm,
        tolerance_mm=2.0,
        labels=[1],
        further=names,
        **options,
    )
    return score.further


@settings(max_examples=100, deadline=None)
@given(pair=mask_pairs())
def test_overlap_metrics_are_those_of_simpleitk(pair):
    reference, prediction = pair
    if not (reference.any() and prediction.any()):
        return
    measures = sitk.LabelOverlapMeasuresImageFilter()
    # The second one is its ground truth.
    images = (sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (prediction, reference))
    measures.Execute(*images)
    found = further(reference, prediction)
    assert found["iou"] == pytest.approx(measures.GetJaccardCoefficient(1), abs=1e-12)
    assert found["precision"] == pytest.approx(1 - measures.GetFalseDiscoveryRate(1), abs=1e-12)
    assert found["sensitivity"] == pytest.approx(1 - measures.GetFalseNegativeError(1), abs=1e-12)
    similarity = 2 * (int(reference.sum()) - int(prediction.sum()))
    similarity /= int(reference.sum()) + int(prediction.sum())
    assert abs(measures.GetVolumeSimilarity(1)) == pytest.approx(abs(similarity), abs=1e-12)
    volumes = abs(int(prediction.sum()) - int(reference.sum())) / int(reference.sum())
    assert found["volume_difference"] == pytest.approx(100 * volumes, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(pair=mask_pairs(), spacing=st.sampled_from([SPACING, (1.0, 1.0, 1.0), (0.3, 5.0, 0.9)]))
def test_surface_distances_are_those_of_surface_distance(pair, spacing):
    import surface_distance

    reference, prediction = pair
    if not (reference.any() and prediction.any()):
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*`scipy\.ndimage.*", DeprecationWarning)
        distances = surface_distance.compute_surface_distances(reference, prediction, spacing)
    found = further(reference, prediction, names=("hd", "hd95", "assd"), spacing_mm=spacing)
    directed = ("distances_gt_to_pred", "distances_pred_to_gt")
    assert found["hd"] == pytest.approx(max(distances[name].max() for name in directed), rel=1e-12)
    expected = surface_distance.compute_robust_hausdorff(distances, 95)
    assert found["hd95"] == pytest.approx(expected, rel=1e-12)
    means = surface_distance.compute_average_surface_distance(distances)
    areas = (distances["surfel_areas_gt"].sum(), distances["surfel_areas_pred"].sum())
    assert found["assd"] == pytest.approx(np.average(means, weights=areas), rel=1e-9, abs=1e-12)


def detections(reference, prediction, min_iou):
    """By scikit-image's components and scipy's assignment, which share no code with ours."""
    first, second = (
        measure.label(mask, connectivity=mask.ndim) for mask in (reference, prediction)
    )
    counts = int(first.max()), int(second.max())
    if not sum(counts):
        return math.nan
    fits = np.zeros(counts)
    for i in range(counts[0]):
        for j in range(counts[1]):
            a, b = first == i + 1, second == j + 1
            fits[i, j] = (a & b).sum() / (a | b).sum() >= min_iou
    rows, columns = optimize.linear_sum_assignment(-fits)
    return 2 * fits[rows, columns].sum() / sum(counts)


@settings(max_examples=100, deadline=None)
@given(
    pair=mask_pairs() | mask_pairs(dimension=2, longest=16),
    min_iou=st.sampled_from([0.1, 0.3, 0.5, 0.51, 1.0]),
)
def test_detection_pairs_as_many_objects_as_can_be(pair, min_iou):
    reference, prediction = pair
    if not (reference.any() or prediction.any()):
        return
    spacing = SPACING[: reference.ndim]
    found = further(
        reference, prediction, names=("lesion_f1",), spacing_mm=spacing, min_iou=min_iou
    )
    assert found["lesion_f1"] == pytest.approx(
        detections(reference, prediction, min_iou), abs=1e-12
    )


def test_a_missed_label_is_infinitely_far_and_has_no_overlap():
    reference = np.zeros((4, 5, 6), dtype=bool)
    reference[1:3, 1:3, 1:3] = True
    missed = further(reference, np.zeros_like(reference))
    assert (
        missed
        | {
            "iou": 0.0,
            "sensitivity": 0.0,
            "precision": 0.0,
            "volume_difference": 100.0,
            "hd": math.inf,
            "hd95": math.inf,
            "assd": math.inf,
            "masd": math.inf,
            "rmsd": math.inf,
            "cldice": 0.0,
            "specificity": 1.0,
            "betti0_error": 1.0,
            "relative_volume_difference": -1.0,
            "volume_difference_ml": pytest.approx(-8 * 2.5 * 0.8 * 0.7 / 1000),
            "lesion_f1": 0.0,
            "lesion_fn": 1.0,
            "lesion_fp": 0.0,
            "fn_volume_ml": missed["reference_volume_ml"],
            "lesion_dsc": 0.0,
            "lesion_hd95": pytest.approx(math.hypot(4 * 2.5, 5 * 0.8, 6 * 0.7)),
        }
        == missed
    )
    made_up = further(np.zeros_like(reference), reference)
    assert made_up["volume_difference"] == math.inf
    nothing = further(np.zeros_like(reference), np.zeros_like(reference))
    assert set(nothing) == set(ALL)
    defined = {name: value for name, value in nothing.items() if not math.isnan(value)}
    assert defined.pop("specificity") == 1
    assert defined.pop("topology_match") == 1  # both have no part, and no hole
    assert set(defined.values()) == {0.0}  # counts and volumes are none
    assert all(
        name.endswith(("_ml", "_error", "_sum", "_difference", "_variant", "_flipped"))
        or name in COUNTS
        for name in defined
    )


def test_what_is_not_asked_for_is_not_computed(monkeypatch):
    from metrics import label_pair

    def never(*_, **__):
        raise AssertionError("computed, although nobody asked")

    monkeypatch.setattr(label_pair, "measure_distances", never)
    monkeypatch.setattr(label_pair, "detected", never)
    monkeypatch.setattr(label_pair.Spans, "both", never)
    mask = np.ones((2, 3, 4), dtype=bool)
    assert further(mask, mask, names=()) == {}
    assert further(mask, mask, names=("iou",)) == {"iou": 1.0}


def test_an_unknown_metric_and_an_impossible_threshold_are_refused():
    mask = np.ones((2, 3, 4), dtype=bool)
    with pytest.raises(MetricInputError, match="hd95"):
        further(mask, mask, names=("hd96",))
    with pytest.raises(MetricInputError, match="above 0"):
        further(mask, mask, min_iou=0.0)
