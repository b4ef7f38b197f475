"""The surface Dice of volumes is the reference implementation's, to 1e-12, ties included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from metrics import dice, surface_dice
from metrics.surfaces import element_areas
from tests.metrics.reference_script import reference_dice, reference_surface_dice
from tests.metrics.volumes import exact_spacings, mask_pairs, spacings, tolerances


def _cube(size, *, side, at):
    mask = np.zeros((size,) * 3, dtype=bool)
    mask[tuple(slice(start, start + side) for start in at)] = True
    return mask


def _assert_as_reference(reference, prediction, spacing_mm, tolerance_mm):
    ours = surface_dice(reference, prediction, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
    theirs = reference_surface_dice(reference, prediction, spacing_mm, tolerance_mm)
    assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "spacing_mm", [(1.0, 1.0, 1.0), (0.7, 1.3, 2.9), (5.0, 0.4, 0.4), (1e-6, 1.0, 1e3)]
)
def test_every_neighbourhood_has_the_area_of_the_references_table(spacing_mm):
    from surface_distance import lookup_tables

    theirs = lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)
    # their first voxel is the highest bit, ours is the lowest
    reversed_bits = [int(f"{code:08b}"[::-1], 2) for code in range(256)]
    assert_allclose(element_areas(spacing_mm), theirs[reversed_bits], rtol=1e-14)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), pair=mask_pairs(), spacing_mm=spacings())
def test_random_volumes_score_as_the_reference_scores_them(data, pair, spacing_mm):
    tolerance_mm = data.draw(tolerances(spacing_mm))
    _assert_as_reference(*pair, spacing_mm, tolerance_mm)
    assert_allclose(dice(*pair), reference_dice(*pair), rtol=0, atol=0)


@settings(max_examples=100, deadline=None)
@given(pair=mask_pairs(longest=14), tenths=st.tuples(*[st.integers(1, 9)] * 3))
def test_two_millimetres_on_grids_of_tenths_score_as_the_reference(pair, tenths):
    _assert_as_reference(*pair, tuple(n / 10 for n in tenths), 2.0)


@pytest.mark.parametrize(
    ("spacing_mm", "tolerance_mm", "within", "beyond"),
    [
        # the reference's distance transform finds the one that rounds to within
        (0.1, 0.9, (0, 0, 9), [(4, 1, 8)]),
        (0.1, 0.9, (9, 0, 0), [(8, 4, 1)]),
        # it finds the one that rounds to beyond, although the other is there
        (0.1, 0.9, (0, 0, 9), [(4, 1, 8), (7, 4, 4)]),
        (0.1, 1.5, (5, 10, 10), [(5, 14, 2), (12, 9, 0)]),
        (0.1, 2.5, (0, 15, 20), [(0, 24, 7), (24, 7, 0)]),
        (0.2, 1.8, (0, 0, 9), [(8, 1, 4), (4, 1, 8)]),
    ],
)
def test_steps_of_one_length_that_round_to_both_sides_of_the_tolerance_score_as_the_reference(
    spacing_mm, tolerance_mm, within, beyond
):
    """Nine steps of 0.1 mm round to 0.9 mm, (8, 4, 1) to just above, though both are as long."""
    reference, prediction = np.zeros((2, 26, 26, 26), dtype=bool)
    reference[0, 0, 0] = True
    prediction[within] = True
    for steps in beyond:
        prediction[steps] = True
    _assert_as_reference(reference, prediction, (spacing_mm,) * 3, tolerance_mm)


@pytest.mark.parametrize("tolerance_mm", [0.5, 3.0, 8.0, 30.0, 500.0])
def test_a_prediction_far_away_scores_as_the_reference(tolerance_mm):
    """The widest balls are where widening the surface gives way to a feature transform."""
    rng = np.random.default_rng(5)
    reference, prediction = np.zeros((2, 40, 36, 30), dtype=bool)
    reference[2:12, 3:15, 2:12] = rng.random((10, 12, 10)) < 0.9
    prediction[25:38, 15:35, 8:28] = rng.random((13, 20, 20)) < 0.9
    _assert_as_reference(reference, prediction, (0.9, 0.7, 1.1), tolerance_mm)


@pytest.mark.parametrize(("moved_mm", "expected"), [(1, 1.0), (2, 1.0), (4, 0.0)])
def test_a_single_voxel_is_right_up_to_the_tolerance_and_wrong_beyond(moved_mm, expected):
    reference = _cube(12, side=1, at=(3, 3, 3))
    prediction = np.roll(reference, moved_mm, axis=0)
    value = surface_dice(reference, prediction, spacing_mm=(1, 1, 1), tolerance_mm=2)
    assert value == expected
    assert dice(reference, prediction) == 0.0


def test_with_tolerance_zero_only_coinciding_surface_counts():
    cube = _cube(20, side=7, at=(6, 6, 6))
    moved = np.roll(cube, 1, axis=0)
    assert surface_dice(cube, cube, spacing_mm=(1, 1, 1), tolerance_mm=0) == 1.0
    value = surface_dice(cube, moved, spacing_mm=(1, 1, 1), tolerance_mm=0)
    assert value == pytest.approx(0.6656, abs=5e-5)  # the reference script's


def test_spacing_belongs_to_the_axis_of_its_index():
    cube = _cube(24, side=8, at=(8, 8, 8))
    slices, columns = np.roll(cube, 2, axis=0), np.roll(cube, 2, axis=2)
    values = [
        surface_dice(cube, moved, spacing_mm=(2.5, 0.8, 0.8), tolerance_mm=2)
        for moved in (slices, columns)
    ]
    assert values[0] < 0.9
    assert values[1] == 1.0


def test_outside_the_array_is_background():
    """A mask that fills its array has the surface that it has in a wider one."""
    full = np.ones((4, 5, 3), dtype=bool)
    smaller = full.copy()
    smaller[0] = False
    spacing_mm, tolerance_mm = (1.0, 2.0, 3.0), 0.5
    assert surface_dice(full, full, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm) == 1.0
    assert surface_dice(
        full, smaller, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm
    ) == surface_dice(
        np.pad(full, 3), np.pad(smaller, 3), spacing_mm=spacing_mm, tolerance_mm=tolerance_mm
    )


def test_both_masks_empty_have_no_value_and_one_empty_has_the_worst():
    empty, cube = np.zeros((2, 6, 6, 6), dtype=bool)
    cube[2:4, 2:4, 2:4] = True
    for function, options in (
        (dice, {}),
        (surface_dice, {"spacing_mm": (1, 1, 1), "tolerance_mm": 100}),
    ):
        assert np.isnan(function(empty, empty, **options))
        assert function(cube, empty, **options) == 0.0
        assert function(empty, cube, **options) == 0.0
        assert np.isnan(function(empty[:0], cube[:0], **options))


@settings(max_examples=100, deadline=None)
@given(data=st.data(), pair=mask_pairs(), spacing_mm=spacings())
def test_reference_and_prediction_can_change_places(data, pair, spacing_mm):
    options = {"spacing_mm": spacing_mm, "tolerance_mm": data.draw(tolerances(spacing_mm))}
    assert_allclose(
        surface_dice(*pair, **options), surface_dice(*reversed(pair), **options), atol=1e-12
    )


@settings(max_examples=100, deadline=None)
@given(
    data=st.data(),
    pair=mask_pairs(),
    spacing_mm=exact_spacings(),
    order=st.permutations(range(3)),
)
def test_axes_can_change_places_with_their_spacings(data, pair, spacing_mm, order):
    tolerance_mm = data.draw(tolerances(spacing_mm))
    turned = [np.transpose(mask, order) for mask in pair]
    assert_allclose(
        surface_dice(
            *turned, spacing_mm=[spacing_mm[axis] for axis in order], tolerance_mm=tolerance_mm
        ),
        surface_dice(*pair, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm),
        atol=1e-12,
    )


@settings(max_examples=100, deadline=None)
@given(
    pair=mask_pairs().filter(lambda pair: pair[0].any() and pair[1].any()),
    spacing_mm=spacings(),
    two=st.tuples(st.floats(0, 20), st.floats(0, 20)).map(sorted),
)
def test_a_wider_tolerance_never_scores_lower(pair, spacing_mm, two):
    narrow, wide = (
        surface_dice(*pair, spacing_mm=spacing_mm, tolerance_mm=tolerance) for tolerance in two
    )
    assert 0.0 <= narrow <= wide <= 1.0


@settings(max_examples=100, deadline=None)
@given(pair=mask_pairs(), spacing_mm=exact_spacings(), power=st.sampled_from([-30, -3, 4, 40]))
def test_the_unit_of_length_does_not_matter(pair, spacing_mm, power):
    scale = 2.0**power  # exact in float64
    assert_allclose(
        surface_dice(*pair, spacing_mm=[scale * s for s in spacing_mm], tolerance_mm=2 * scale),
        surface_dice(*pair, spacing_mm=spacing_mm, tolerance_mm=2),
        atol=1e-12,
    )
