"""The organisers' filters take away exactly the pieces that are too small, and nothing else.

scikit-image's filter for boolean masks is the independent check in 2D.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_manifest.making.writing import foreground_slices, remove_small_objects


def test_in_3d_a_piece_of_100_voxels_stays_and_one_of_99_goes() -> None:
    labels = np.zeros((4, 30, 30), dtype=np.uint8)
    labels[0, 0:10, 0:10] = 1  # 100
    labels[2, 0:9, 0:11] = 2  # 99
    labels[2, 20:30, 20:30] = 2  # 100, another piece of the same label
    found = remove_small_objects(labels)
    assert (found == 1).sum() == 100
    assert (found == 2).sum() == 100
    assert found[2, 25, 25] == 2
    assert (labels == 2).sum() == 199  # the argument is left alone


def test_in_3d_a_slice_with_under_10_pixels_of_an_object_loses_them() -> None:
    labels = np.zeros((3, 30, 30), dtype=np.uint8)
    labels[0:2, 0:10, 0:10] = 1
    labels[2, 0:3, 0:3] = 1  # 9, connected to the rest
    assert np.bincount(np.nonzero(remove_small_objects(labels))[0]).tolist() == [100, 100]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    labels = np.zeros((2, 20, 20), dtype=np.uint8)
    labels[0, 0:5, 0:10] = 1
    labels[1, 5:10, 10:20] = 1
    assert (remove_small_objects(labels) == 1).sum() == 100


@pytest.mark.demo_images
@given(labels=hnp.arrays(np.uint8, (12, 12), elements=st.sampled_from([0, 1, 1, 2])))
@settings(max_examples=60, deadline=None)
def test_in_2d_it_does_what_scikit_image_does_label_by_label(labels: np.ndarray) -> None:
    from skimage import morphology

    found = remove_small_objects(labels)
    for number in (1, 2):
        expected = morphology.remove_small_objects(labels == number, max_size=9, connectivity=2)
        np.testing.assert_array_equal(found == number, expected)


def test_the_slices_from_the_first_to_the_last_object_are_kept() -> None:
    labels = np.zeros((9, 4, 4), dtype=np.uint8)
    labels[2, 1, 1] = 1
    labels[6, 0, 3] = 2
    assert foreground_slices(labels) == slice(2, 7)
    with pytest.raises(ValueError, match="no label"):
        foreground_slices(np.zeros((2, 2, 2), np.uint8))
