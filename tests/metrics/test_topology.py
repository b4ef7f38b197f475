"""Skeletons are scikit-image's voxel for voxel; pieces, tunnels and hollows are counted right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import measure, morphology

from metrics.topology import (
    betti_numbers,
    centreline_dice,
    harmonic_mean,
    skeleton,
)
from tests.metrics.volumes import mask_pairs

MASKS = st.one_of(mask_pairs(longest=12), mask_pairs(dimension=2, longest=30)).map(
    lambda pair: pair[0]
)


@st.composite
def smooth_masks(draw):
    """Blobs with necks, hollows and tunnels, which noise seldom has."""
    dimension = draw(st.sampled_from([2, 3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = [draw(st.integers(1, 60 if dimension == 2 else 20)) for _ in range(dimension)]
    return ndimage.gaussian_filter(rng.normal(size=shape), draw(st.floats(0.8, 2.5))) > 0


@settings(max_examples=200, deadline=None)
@given(mask=MASKS | smooth_masks())
def test_a_skeleton_is_that_of_scikit_image(mask):
    np.testing.assert_array_equal(skeleton(mask), morphology.skeletonize(mask, method="lee") > 0)


def test_a_plate_of_four_voxels_is_thinned_away_whole_as_scikit_image_has_it():
    plate = np.ones((2, 1, 2), dtype=bool)
    assert not skeleton(plate).any()
    assert not morphology.skeletonize(plate, method="lee").any()


@settings(max_examples=200, deadline=None)
@given(mask=MASKS | smooth_masks())
def test_betti_numbers_agree_with_scikit_image_s_euler_number(mask):
    pieces, tunnels, hollows = betti_numbers(mask)
    assert pieces - tunnels + hollows == measure.euler_number(mask, connectivity=mask.ndim)
    assert pieces == measure.label(mask, connectivity=mask.ndim).max()
    assert min(pieces, tunnels, hollows) >= 0


def solid(*shape):
    return np.ones(shape, dtype=bool)


def test_a_ball_a_ring_a_shell_and_two_rings():
    ring = solid(1, 5, 5)
    ring[0, 1:4, 1:4] = False
    shell = solid(5, 5, 5)
    shell[1:4, 1:4, 1:4] = False
    for mask, expected in (
        (solid(3, 3, 3), (1, 0, 0)),
        (ring, (1, 1, 0)),
        (shell, (1, 0, 1)),
        (np.concatenate([ring, ~solid(2, 5, 5), ring]), (2, 2, 0)),
        (ring[0], (1, 1, 0)),
        (~solid(3, 3, 3), (0, 0, 0)),
    ):
        assert betti_numbers(mask) == expected


def test_centreline_dice_forgives_thickness_and_not_a_gap():
    thin, thick = np.zeros((2, 7, 7, 60), dtype=bool)
    thin[3, 3, 5:55] = True
    thick[2:5, 2:5, 4:56] = True
    precision, sensitivity = centreline_dice(thin, thick)
    assert (precision, sensitivity) == (1, 1)
    broken = thick & (np.arange(60) // 10 != 2)
    precision, sensitivity = centreline_dice(thick, broken)
    assert precision == 1
    assert sensitivity == pytest.approx(np.count_nonzero(skeleton(thick) & broken) / 50)


def test_an_empty_skeleton_has_no_share():
    none, some = np.zeros((2, 4, 4), dtype=bool)
    some[1, 1] = True
    assert np.isnan(centreline_dice(some, none)[0])
    assert centreline_dice(some, none)[1] == 0
    assert harmonic_mean(0, 0) == 0
    assert harmonic_mean(0.5, 1) == pytest.approx(2 / 3)
    assert np.isnan(harmonic_mean(float("nan"), 1))
