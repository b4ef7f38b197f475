"""The three robust Hausdorff distances, and the means, against brute force and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from metrics import distances
from metrics.boundaries import Boundary
from metrics.distances import measure_distances
from tests.metrics.volumes import mask_pairs

CONNECTIVITIES = {6: 1, 18: 2, 26: 3}
SPACING = (2.5, 0.8, 0.7)
pairs = st.one_of(mask_pairs(), mask_pairs(dimension=2)).filter(
    lambda pair: pair[0].any() and pair[1].any()
)


def contour(mask, connectivity, open_border):
    neighbours = ndimage.generate_binary_structure(mask.ndim, CONNECTIVITIES[connectivity])
    return mask & ~ndimage.binary_erosion(mask, neighbours, border_value=int(open_border))


def directed(masks, connectivity, open_border, spacing):
    """By erosions and distance maps, as most published scripts do it."""
    contours = [contour(m, connectivity, open_border) for m in masks]
    for own, other in (contours, contours[::-1]):
        yield ndimage.distance_transform_edt(~other, sampling=spacing)[own]


@settings(max_examples=200, deadline=None)
@given(
    pair=pairs,
    connectivity=st.sampled_from([6, 18, 26]),
    open_border=st.booleans(),
    spacing=st.sampled_from([SPACING, (1.0, 1.0, 1.0), (0.3, 5.0, 0.9)]),
)
def test_distances_of_contours_are_those_of_distance_maps(pair, connectivity, open_border, spacing):
    spacing = spacing[: pair[0].ndim]
    boundary = Boundary(elements="voxels", connectivity=connectivity, open_border=open_border)
    found = measure_distances(*pair, spacing_mm=spacing, boundary=boundary)
    if any(not contour(m, connectivity, open_border).any() for m in pair):
        assert not np.isfinite(found.percentile(95, "pooled"))  # a full image has no contour
        return
    first, second = directed(pair, connectivity, open_border, spacing)
    both = np.concatenate([first, second])
    for ours, theirs in (
        (found.percentile(95, "pooled"), np.percentile(both, 95)),
        (found.percentile(95, "voxel"), max(np.percentile(d, 95) for d in (first, second))),
        (found.hausdorff(), both.max()),
        (found.mean(), both.mean()),
        (found.mean_of_means(), (first.mean() + second.mean()) / 2),
        (found.root_mean_square(), np.sqrt((both**2).mean())),
    ):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


@settings(max_examples=100, deadline=None)
@given(pair=pairs, elements=st.sampled_from(["areas", "voxels"]))
def test_distances_are_symmetric_and_none_is_beyond_the_largest(pair, elements):
    spacing, boundary = SPACING[: pair[0].ndim], Boundary(elements=elements)
    one, other = (
        measure_distances(*masks, spacing_mm=spacing, boundary=boundary)
        for masks in (pair, pair[::-1])
    )
    for reading in ("pooled", "directed", "voxel"):
        assert one.percentile(95, reading) == other.percentile(95, reading)
        assert one.percentile(95, reading) <= one.hausdorff() * (1 + 1e-12)
    assert one.mean() <= one.root_mean_square() * (1 + 1e-12)
    assert one.hausdorff() == other.hausdorff()


@pytest.mark.parametrize(("small", "share"), [(0, 0.0), (10**9, 1.0)])
def test_tree_and_transform_measure_noise_alike(monkeypatch, small, share):
    monkeypatch.setattr(distances, "_SMALL", small)
    monkeypatch.setattr(distances, "_MAX_TREE_SHARE", share)
    monkeypatch.setattr(distances, "_AT_ONCE", 7)
    rng = np.random.default_rng(3)
    noise, blob = np.zeros((2, 12, 13, 14), dtype=bool)
    noise[:9] = rng.random((9, 13, 14)) < 0.5
    blob[6:11, 3:9, 2:12] = True
    boundary = Boundary(elements="voxels", connectivity=6)
    found = measure_distances(noise, blob, spacing_mm=SPACING, boundary=boundary)
    first, second = directed((noise, blob), 6, False, SPACING)
    np.testing.assert_allclose(found.from_reference, first, rtol=1e-12)
    np.testing.assert_allclose(found.from_prediction, second, rtol=1e-12)


def line(length, *, missing=0):
    mask = np.zeros((1, 30), dtype=bool)
    mask[0, : length - missing] = True
    return mask


def test_the_three_definitions_differ_and_each_is_as_by_hand():
    """A row of 20 pixels, predicted without its last 2: nothing is missed but these two."""
    found = measure_distances(
        line(20), line(20, missing=2), spacing_mm=(1.0, 1.0), boundary=Boundary(elements="voxels")
    )
    # from the reference: 18 times 0, then 1 and 2; from the prediction: 18 times 0
    assert found.percentile(95, "voxel") == pytest.approx(1 + 0.05)  # at 0.95 * 19 = 18.05
    assert found.percentile(95, "pooled") == pytest.approx(0.15)  # at 0.95 * 37 = 35.15
    # every pixel counts alike: the first 19 of 20 are 95 %
    assert found.percentile(95, "directed") == 1
    assert found.hausdorff() == 2
    assert found.mean() == pytest.approx(3 / 38)
    assert found.mean_of_means() == pytest.approx(3 / 20 / 2)
    assert found.root_mean_square() == pytest.approx(np.sqrt(5 / 38))


def test_a_mask_cut_off_by_the_image_has_no_surface_there_if_only_neighbours_inside_count():
    mask = np.zeros((6, 6), dtype=bool)
    mask[:, :3] = True
    for open_border, pixels in ((True, 6), (False, 6 + 6 + 2)):
        boundary = Boundary(elements="voxels", connectivity=6, open_border=open_border)
        found = measure_distances(mask, mask, spacing_mm=(1.0, 1.0), boundary=boundary)
        assert len(found.from_reference) == pixels


@pytest.mark.parametrize("elements", ["areas", "voxels"])
def test_a_distance_from_or_to_nothing_is_infinite_and_of_nothing_undefined(elements):
    none, some = np.zeros((2, 5, 5), dtype=bool)
    some[2:4, 2:4] = True
    boundary = Boundary(elements=elements)
    for pair in ((none, some), (some, none), (none, none)):
        check = np.isinf if any(mask.any() for mask in pair) else np.isnan
        found = measure_distances(*pair, spacing_mm=(1.0, 1.0), boundary=boundary)
        for value in (found.hausdorff(), found.mean(), found.mean_of_means()):
            assert check(value)
        assert check(found.root_mean_square())
        for reading in ("pooled", "directed", "voxel"):
            assert check(found.percentile(95, reading))


def test_memory_grows_with_surfaces_and_not_with_the_volume_s_distance_map():
    import tracemalloc

    grid = np.ogrid[:160, :160, :160]
    ball = sum((axis - 80) ** 2 for axis in grid) < 75**2
    other = np.roll(ball, 3, axis=0)
    measure_distances(ball[:9, :9, :9] | True, ball[:9, :9, :9] | True, spacing_mm=(1.0,) * 3)
    tracemalloc.start()
    found = measure_distances(ball, other, spacing_mm=(1.0, 1.0, 1.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.hausdorff() == pytest.approx(3, abs=1e-9)
    assert peak < 12 * ball.size  # a distance map with its indices takes 47 bytes a voxel
