"""In 2D the true contour counts, not the surface of a slab."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from metrics import score_labels, surface_dice
from tests.metrics.reference_script import reference_surface_dice
from tests.metrics.volumes import exact_spacings, label_pairs, mask_pairs, spacings, tolerances


def _prism_contour_dice(pair, spacing_mm, tolerance_mm):
    """Contour Dice from the reference's 3D surfaces: what one more layer adds to a prism.

    The layers are further apart than the tolerance, so that each sees only its own contour, and
    the caps cancel in the difference of two heights.
    """
    import surface_distance

    height_mm = 2 * tolerance_mm + 1.0
    sums = []
    for layers in (2, 3):
        prisms = [np.repeat(mask[..., np.newaxis], layers, axis=2) for mask in pair]
        found = surface_distance.compute_surface_distances(*prisms, [*spacing_mm, height_mm])
        areas = [found["surfel_areas_gt"], found["surfel_areas_pred"]]
        distances = [found["distances_gt_to_pred"], found["distances_pred_to_gt"]]
        within = sum(
            area[distance <= tolerance_mm].sum()
            for area, distance in zip(areas, distances, strict=True)
        )
        sums.append((within, sum(area.sum() for area in areas)))
    (within_two, area_two), (within_three, area_three) = sums
    return (within_three - within_two) / (area_three - area_two)


def test_a_square_grown_beyond_the_tolerance_scores_zero_though_most_of_it_overlaps():
    reference, prediction = np.zeros((2, 100, 100), dtype=bool)
    reference[30:70, 30:70] = True
    prediction[26:74, 26:74] = True
    assert surface_dice(reference, prediction, spacing_mm=(1, 1), tolerance_mm=2) == 0.0
    # the same as a slab, whose inside is surface too: the reference script's value
    slab = surface_dice(
        reference[..., np.newaxis],
        prediction[..., np.newaxis],
        spacing_mm=(1, 1, 1),
        tolerance_mm=2,
    )
    assert slab == pytest.approx(0.917, abs=5e-4)


def test_a_contour_is_as_long_as_geometry_says():
    """Pixels a (1 x 1) and b (1 x 3), far apart: a third of the contour's length is worked out.

    A single pixel's contour is four half diagonals, 2√2 long; three in a row have two more sides of
    two pixels each, 2√2 + 4. The reference has both, the prediction only the first.
    """
    reference, prediction = np.zeros((2, 20, 20), dtype=bool)
    reference[3, 3] = prediction[3, 3] = True
    reference[15, 10:13] = True
    one, three = 2 * np.sqrt(2), 2 * np.sqrt(2) + 4
    value = surface_dice(reference, prediction, spacing_mm=(1, 1), tolerance_mm=1)
    assert value == pytest.approx((one + one) / (one + one + three), abs=1e-15)


def test_pixels_that_touch_at_a_corner_have_each_their_own_contour():
    """Checked by lengths: two apart and two touching have the same contour, 4√2."""
    apart, touching, one = np.zeros((3, 12, 12), dtype=bool)
    one[2, 2] = apart[2, 2] = touching[2, 2] = True
    apart[9, 9] = touching[3, 3] = True
    value = surface_dice(one, apart, spacing_mm=(1, 1), tolerance_mm=0)
    assert value == pytest.approx(2 / 3, abs=1e-15)
    # one corner point is shared: there √2 of the two pixels' contour meets √2/2 of the one's
    assert surface_dice(one, touching, spacing_mm=(1, 1), tolerance_mm=0) == pytest.approx(
        (2 * np.sqrt(2) + 2.5 * np.sqrt(2)) / (6 * np.sqrt(2)), abs=1e-15
    )


@settings(max_examples=100, deadline=None)
@given(data=st.data(), pair=mask_pairs(dimension=2, longest=16), spacing_mm=spacings(2))
def test_random_images_score_as_the_references_contours(data, pair, spacing_mm):
    tolerance_mm = data.draw(tolerances(spacing_mm))
    ours = surface_dice(*pair, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
    theirs = reference_surface_dice(*pair, spacing_mm, tolerance_mm)
    assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings(r"ignore:.*`scipy\.ndimage.*:DeprecationWarning")
@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    pair=mask_pairs(dimension=2, longest=12).filter(lambda pair: pair[0].any() and pair[1].any()),
    spacing_mm=exact_spacings(2),
)
def test_the_contour_is_the_side_of_a_prism(data, pair, spacing_mm):
    tolerance_mm = data.draw(tolerances(spacing_mm))
    assert_allclose(
        surface_dice(*pair, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm),
        _prism_contour_dice(pair, spacing_mm, tolerance_mm),
        rtol=0,
        atol=1e-10,  # differences of sums
    )


@settings(max_examples=60, deadline=None)
@given(pair=label_pairs(dimension=2, longest=14), spacing_mm=spacings(2))
def test_a_slab_scores_as_the_reference_scores_slabs(pair, spacing_mm):
    reference, prediction = (labels[..., np.newaxis] for labels in pair)
    spacing_mm = (*spacing_mm, 1.0)
    scores = score_labels(reference, prediction, spacing_mm=spacing_mm, tolerance_mm=2.0)
    for score in scores:
        masks = reference == score.label, prediction == score.label
        theirs = reference_surface_dice(*masks, spacing_mm, 2.0)
        assert_allclose(score.nsd, theirs, rtol=0, atol=1e-12)
