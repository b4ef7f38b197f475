"""What counts of voxels say of two masks, rims, and parts of an image."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.overlaps import Overlap, boundary_iou
from metrics.windows import cut_out, reference_slices
from tests.metrics.volumes import mask_pairs


def test_overlap_metrics_by_hand():
    found = Overlap(reference=8, prediction=10, shared=6, image=20, voxel_mm3=500.0)
    assert (found.dsc, found.iou) == (12 / 18, 6 / 12)
    assert (found.sensitivity, found.precision) == (6 / 8, 6 / 10)
    assert found.specificity == 8 / 12
    assert (found.reference_volume_ml, found.prediction_volume_ml) == (4.0, 5.0)
    assert (found.intersection_volume_ml, found.volume_difference_ml) == (3.0, 1.0)
    assert (found.absolute_volume_difference_ml, found.relative_volume_difference) == (1.0, 0.25)


def test_a_share_of_nothing_is_undefined():
    nothing = Overlap(reference=0, prediction=0, shared=0, image=4, voxel_mm3=1.0)
    for name in ("dsc", "iou", "sensitivity", "precision", "relative_volume_difference"):
        assert math.isnan(getattr(nothing, name))
    assert nothing.specificity == 1
    full = Overlap(reference=4, prediction=1, shared=1, image=4, voxel_mm3=1.0)
    assert math.isnan(full.specificity)


def test_boundary_iou_by_hand():
    # rims one pixel deep of two squares of 4 that are shifted by one: 12 pixels each
    first, second = np.zeros((2, 9, 9), dtype=bool)
    first[2:6, 2:6] = True
    second[2:6, 3:7] = True
    found = boundary_iou(first, second, spacing_mm=(1.0, 1.0), width_mm=0.0)
    # shared: 3 pixels of the upper and 3 of the lower row, no pixel of the columns but their ends
    assert found == pytest.approx(6 / 18)
    assert math.isnan(boundary_iou(first & False, first & False, spacing_mm=(1, 1), width_mm=1))


@settings(max_examples=100, deadline=None)
@given(pair=mask_pairs())
def test_a_rim_as_wide_as_the_mask_gives_the_iou(pair):
    union = np.count_nonzero(pair[0] | pair[1])
    found = boundary_iou(*pair, spacing_mm=(1.0, 1.0, 1.0), width_mm=100.0)
    if union:
        assert found == np.count_nonzero(pair[0] & pair[1]) / union
    assert boundary_iou(pair[0], pair[0], spacing_mm=(1.0,) * 3, width_mm=1.0) in (
        pytest.approx(1.0),
        pytest.approx(float("nan"), nan_ok=True),
    )


@pytest.mark.parametrize(("inclusive", "last"), [(True, 5), (False, 4)])
def test_the_window_is_the_reference_s_slices_with_or_without_its_highest(inclusive, last):
    mask = np.zeros((4, 4, 9), dtype=bool)
    mask[1, 1, 2] = mask[2, 2, 5] = True
    window = reference_slices(mask, axis=2, inclusive=inclusive)
    assert mask[window].shape == (4, 4, last - 1)
    assert window == (slice(None), slice(None), slice(2, last + 1))
    assert reference_slices(mask & False, axis=2) is None


def test_a_reference_on_one_slice_has_no_window_without_its_highest():
    mask = np.zeros((3, 3), dtype=bool)
    mask[1] = True
    assert reference_slices(mask, axis=0, inclusive=False) is None
    assert mask[reference_slices(mask, axis=0)].all()


@settings(max_examples=100, deadline=None)
@given(
    first=st.tuples(st.integers(-4, 8), st.integers(-4, 8)),
    size=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_a_part_may_reach_out_of_the_image_and_is_background_there(first, size):
    label_map = np.arange(1, 31, dtype=np.uint8).reshape(5, 6)
    padded = np.pad(label_map, 14)
    expected = padded[tuple(slice(a + 14, a + 14 + n) for a, n in zip(first, size, strict=True))]
    np.testing.assert_array_equal(cut_out(label_map, first=first, size=size), expected)
