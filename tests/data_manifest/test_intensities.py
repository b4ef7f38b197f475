"""Intensities become the challenge's uint8: CT by window, the rest between percentiles.

The expected values are derived by hand, or by the organisers' formula over a whole array.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_manifest.making.intensities import to_uint8


def test_ct_is_windowed_to_soft_tissue_unless_a_window_is_given() -> None:
    hounsfield = np.array([[[-1000, -160, -60, 40, 140, 240, 3000]]], dtype=np.int16)
    assert to_uint8(hounsfield, modality="CT").tolist() == [[[0, 0, 63, 127, 191, 255, 255]]]
    bone = to_uint8(hounsfield, modality="CT", window=(400.0, 2000.0))
    assert bone.tolist() == [[[0, 56, 68, 81, 94, 107, 255]]]


def test_ct_in_bytes_is_taken_as_windowed_already() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(to_uint8(grey, modality="CT"), grey)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_other_modalities_are_clipped_to_percentiles_of_non_zero_voxels(dtype: type) -> None:
    values = np.random.default_rng(3).gamma(2.0, 20.0, size=(6, 30, 31)).astype(dtype)
    values[:, :10] = 0
    low, high = np.percentile(values[values > 0], [0.5, 99.5])
    scaled = (np.clip(values.astype(float), low, high) - low) / (high - low) * 255.0
    scaled[values == 0] = 0
    found = to_uint8(values, modality="MR")
    np.testing.assert_array_equal(found, scaled.astype(np.uint8))
    assert (found.min(), found.max()) == (0, 255)


def test_a_few_hot_voxels_do_not_darken_the_image() -> None:
    image = np.tile(np.arange(1.0, 101.0), (100, 1))
    image[0, 0] = 1e9
    assert np.median(to_uint8(image, modality="PET")) > 100


def test_zeros_stay_zero_where_other_values_are_negative() -> None:
    image = np.array([[-5.0, -1.0, 0.0, 3.0]])
    assert to_uint8(image, modality="MR")[0, 2].tolist() == [0, 0, 0]


def test_grey_pictures_are_repeated_and_colours_are_left_alone() -> None:
    grey = to_uint8(np.arange(1, 13).reshape(3, 4), modality="X-Ray")
    assert grey.shape == (3, 4, 3)
    assert (grey == grey[:, :, :1]).all()
    colours = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    found = to_uint8(colours, modality="Fundus")
    np.testing.assert_array_equal(found, colours)
    assert not np.shares_memory(found, colours)


@pytest.mark.parametrize("value", [0, 7, -3])
@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_an_image_of_one_value_is_no_division_by_zero(value: int, modality: str) -> None:
    image = np.full((2, 3, 4), value, dtype=np.int16)
    assert np.unique(to_uint8(image, modality=modality)).size == 1


@pytest.mark.parametrize(
    ("image", "window", "message"),
    [
        (np.array([[0.0, np.nan]]), None, "1 voxels are nan or infinite"),
        (np.array([[np.inf, -np.inf]]), None, "2 voxels are nan or infinite"),
        (np.zeros(3), None, "shape"),
        (np.zeros((2, 2, 2, 2)), None, "shape"),
        (np.zeros((0, 3)), None, "shape"),
        (np.zeros((2, 2), dtype=complex), None, "dtype complex128"),
        (np.zeros((2, 2)), (40.0, 0.0), "width 0.0"),
        (np.zeros((2, 2)), (40.0, np.nan), "width nan"),
    ],
)
def test_what_is_no_image_is_refused(
    image: np.ndarray, window: tuple[float, float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        to_uint8(image, modality="CT", window=window)


@given(
    image=hnp.arrays(
        hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes(sizes=(32, 64)),
        hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": 0, "max_value": 100},
    ),
    modality=st.sampled_from(["CT", "MR"]),
)
@settings(max_examples=80, deadline=None)
def test_a_brighter_voxel_is_never_darker_afterwards(image: np.ndarray, modality: str) -> None:
    found = to_uint8(image, modality=modality)
    assert found.dtype == np.uint8
    if found.shape[-1] == 3 and image.ndim == 2:
        found = found[:, :, 0]
    order = np.argsort(image.ravel(), kind="stable")
    assert (np.diff(found.ravel()[order].astype(int)) >= 0).all()
