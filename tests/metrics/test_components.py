"""Components, dilations and overlaps made from spans are those of scipy, voxel by voxel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from metrics.spans import Spans, pair_counts
from tests.metrics.volumes import label_pairs

CONNECTIVITIES = {6: 1, 18: 2, 26: 3}


def structure(connectivity, dimension):
    return ndimage.generate_binary_structure(dimension, CONNECTIVITIES[connectivity])


def as_map(spans):
    """The label map that the spans are of, painted value by value."""
    painted = np.zeros(spans.shape, dtype=np.int64)
    for value, box in spans.boxes.items():
        painted[box][spans.mask([value], box)] = value
    return painted


maps = st.one_of(label_pairs(), label_pairs(dimension=2)).flatmap(
    lambda pair: st.sampled_from([pair, tuple(np.asfortranarray(m) for m in pair)])
)


@settings(max_examples=200, deadline=None)
@given(pair=maps, connectivity=st.sampled_from([6, 18, 26]))
def test_components_of_a_mask_are_numbered_as_scipy_numbers_them(pair, connectivity):
    mask = pair[0] > 0
    expected, count = ndimage.label(mask, structure(connectivity, mask.ndim))
    found = Spans.of(mask).joined(connectivity)
    np.testing.assert_array_equal(as_map(found), expected)
    np.testing.assert_array_equal(found.sizes[1:], np.bincount(expected.ravel())[1:])
    assert len(found.boxes) == count


@settings(max_examples=200, deadline=None)
@given(pair=maps, connectivity=st.sampled_from([6, 18, 26]))
def test_components_of_a_label_map_are_those_of_its_labels_one_by_one(pair, connectivity):
    label_map = pair[0]
    found = as_map(Spans.of(label_map).joined(connectivity))
    first_voxels = [int(np.flatnonzero(found == n)[0]) for n in range(1, found.max() + 1)]
    assert first_voxels == sorted(first_voxels)
    for label in np.unique(label_map[label_map > 0]):
        mask = label_map == label
        expected, count = ndimage.label(mask, structure(connectivity, mask.ndim))
        assert len(np.unique(found[mask])) == count
        assert len(set(zip(found[mask].tolist(), expected[mask].tolist(), strict=True))) == count


@settings(max_examples=200, deadline=None)
@given(pair=maps, connectivity=st.sampled_from([6, 18, 26]), steps=st.integers(0, 3))
def test_dilations_are_those_of_scipy(pair, connectivity, steps):
    mask = pair[0] > 0
    grown = mask
    if steps:
        grown = ndimage.binary_dilation(mask, structure(connectivity, mask.ndim), iterations=steps)
    found = Spans.of(mask).dilated(steps, connectivity=connectivity)
    np.testing.assert_array_equal(as_map(found), grown)
    np.testing.assert_array_equal(found.table, Spans.of(grown, like=found).table)


@settings(max_examples=200, deadline=None)
@given(pair=maps)
def test_pairs_of_labels_share_the_voxels_that_a_histogram_counts(pair):
    first = Spans.of(pair[0])
    found = zip(
        *(a.tolist() for a in pair_counts(first, Spans.of(pair[1], like=first))), strict=True
    )
    both = (pair[0] > 0) & (pair[1] > 0)
    pairs, shared = np.unique(np.stack([m[both] for m in pair]), axis=1, return_counts=True)
    assert list(found) == list(zip(*pairs.tolist(), shared.tolist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(pair=maps, values=st.sets(st.integers(1, 3)))
def test_a_union_of_labels_is_the_mask_of_these_labels(pair, values):
    label_map = pair[0]
    mask = np.isin(label_map, list(values))
    found = Spans.of(label_map).union(values)
    np.testing.assert_array_equal(found.table, Spans.of(mask, like=found).table)
    assert found.total == np.count_nonzero(mask)
    if mask.any():
        assert as_map(found).astype(bool).tolist() == mask.tolist()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.int64])
def test_any_integer_dtype_has_the_same_runs(dtype):
    mask = np.zeros((3, 4, 70), dtype=bool)
    mask[1, 1:3, 5:69] = True
    np.testing.assert_array_equal(Spans.of(mask.astype(dtype)).table, Spans.of(mask).table)
