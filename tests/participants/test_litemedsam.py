"""The baseline's own steps: resampling as OpenCV does it, and the order of the slices.

Golden values of resampling come from OpenCV 4.10.0 (`cv2.resize`, `INTER_AREA`).
"""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capabilities import need
from tests.participants.cases import KIT, PARTICIPANTS

MODULES = (
    "case_files",
    "cpu_quota",
    "geometry",
    "model",
    "predict",
    "propagation",
    "resampling",
    "timm_standin",
)


@pytest.fixture(scope="module")
def folder() -> Iterator[None]:
    """The participant's folder on the import path, and no trace of its modules afterwards."""
    parts = [str(PARTICIPANTS / "litemedsam"), str(KIT)]
    sys.path[:0] = parts
    yield
    for part in parts:
        sys.path.remove(part)
    for module in MODULES:
        sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def resampling(folder: None) -> ModuleType:
    return importlib.import_module("resampling")


@pytest.fixture(scope="module")
def predict(folder: None) -> ModuleType:
    need("litemedsam")
    return importlib.import_module("predict")


def exact_means(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Area means by repeating pixels until every new pixel covers whole ones."""
    height, width = image.shape
    fine = image.astype(np.float64).repeat(shape[0], axis=0).repeat(shape[1], axis=1)
    return fine.reshape(shape[0], height, shape[1], width).mean(axis=(1, 3))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_reducing_is_the_mean_over_the_covered_area(
    resampling: ModuleType, data: st.DataObject
) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    shape = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    image = np.random.default_rng(data.draw(st.integers(0, 99))).integers(
        0, 256, (height, width), dtype=np.uint8
    )
    difference = np.abs(resampling.resize_area(image, shape) - exact_means(image, shape))
    assert difference.max() <= 0.5 + 1e-9


def test_a_whole_ratio_gives_block_means_in_every_channel(resampling: ModuleType) -> None:
    image = np.random.default_rng(5).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    blocks = image.reshape(4, 3, 3, 3, 3).mean(axis=(1, 3))
    assert np.array_equal(resampling.resize_area(image, (4, 3)), np.rint(blocks))


def test_halving_rounds_halves_up_and_quartering_to_even(resampling: ModuleType) -> None:
    half = np.array([[0, 1], [1, 0]], dtype=np.uint8)  # mean .5
    assert resampling.resize_area(half, (1, 1)) == 1
    assert resampling.resize_area(half.repeat(2, axis=0).repeat(2, axis=1), (1, 1)) == 0


@pytest.mark.parametrize(
    ("image", "resized"),
    [
        (
            [[248, 194, 190, 207, 147], [26, 237, 21, 245, 211], [239, 45, 5, 157, 159]],
            [
                [248, 226, 194, 191, 193, 207, 171, 147],
                [174, 188, 208, 148, 151, 219, 189, 168],
                [26, 110, 237, 64, 66, 245, 225, 211],
                [168, 144, 109, 30, 45, 186, 180, 176],
                [239, 161, 45, 13, 35, 157, 158, 159],
            ],
        ),
        (
            [
                [54, 236, 109, 46, 199, 82, 32, 205, 36],
                [7, 134, 222, 57, 146, 8, 149, 14, 15],
                [22, 10, 144, 208, 24, 24, 7, 41, 11],
                [85, 59, 104, 225, 110, 226, 201, 8, 159],
                [26, 27, 163, 122, 33, 41, 201, 67, 70],
                [166, 228, 40, 50, 179, 0, 177, 137, 63],
                [13, 188, 255, 64, 94, 8, 8, 156, 25],
            ],
            [[102, 121, 78, 63], [53, 143, 114, 72], [133, 106, 67, 93]],
        ),
    ],
)
def test_resizing_gives_what_opencv_gave(
    resampling: ModuleType, image: list[list[int]], resized: list[list[int]]
) -> None:
    shape = len(resized), len(resized[0])
    found = resampling.resize_area(np.array(image, dtype=np.uint8), shape)
    assert found.tolist() == resized


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(512, 512, (256, 256)), (660, 550, (256, 213)), (64, 128, (128, 256)), (9, 9000, (1, 256))],
)
def test_the_longest_side_becomes_256(
    resampling: ModuleType, height: int, width: int, expected: tuple[int, int]
) -> None:
    assert resampling.resized_shape(height, width, 256) == expected


class RecordingModel:
    """Answers every prompt with one fixed square, or with nothing on chosen slices."""

    def __init__(self, empty_slices: tuple[int, ...]) -> None:
        self.embedded: list[int] = []
        self.prompts: list[tuple[int, list[int]]] = []
        self._empty_slices = empty_slices

    def embed(self, image: np.ndarray) -> int:
        assert image.shape == (256, 256, 3)
        z = round(
            image[0, 0, 0] * 10
        )  # the test writes 10 z into this pixel, and the largest is 100
        self.embedded.append(z)
        return z

    def logits(self, z: int, box: np.ndarray) -> object:
        import torch

        self.prompts.append((z, box.tolist()))
        logits = torch.full((1, 1, 256, 256), -5.0)
        if z not in self._empty_slices:
            logits[..., 100:120, 60:90] = 5.0
        return logits


def test_a_volume_goes_from_the_middle_up_and_then_down(predict: ModuleType) -> None:
    image = np.zeros((9, 256, 256), dtype=np.uint8)
    image[:, 0, 0] = 10 * np.arange(9)
    image[:, 1, 1] = 100
    boxes = np.array([[40, 50, 1, 140, 150, 6], [200, 201, 3, 210, 211, 3]])
    model = RecordingModel(empty_slices=(5, 2))
    segs = predict.segment(model, predict.Case(image=image, boxes=boxes))
    stored, around = [40, 50, 140, 150], [57, 97, 92, 122]  # the square, three pixels wider
    assert model.prompts == [
        (3, stored),  # int((6 - 1) / 2 + 1)
        (4, around),
        (5, around),
        (6, stored),  # slice 5 came out empty
        (2, around),  # from the middle slice again, not from slice 6
        (1, stored),  # slice 2 came out empty
        (3, [200, 201, 210, 211]),  # the second object, on one slice
    ]
    assert model.embedded == [3, 4, 5, 6, 2, 1]  # each slice once, for both objects
    assert [int(segs[z].max()) for z in range(9)] == [0, 1, 0, 2, 1, 0, 1, 0, 0]
    assert np.all(segs[4, 100:120, 60:90] == 1)
    assert np.sum(segs[4] > 0) == 20 * 30


def test_a_box_is_scaled_with_the_image_and_cut_to_whole_pixels(predict: ModuleType) -> None:
    model = RecordingModel(empty_slices=())
    image = np.zeros((300, 400, 3), dtype=np.uint8)
    image[0] = 100
    segs = predict.segment(model, predict.Case(image=image, boxes=np.array([[11, 21, 399, 299]])))
    assert [box for _, box in model.prompts] == [[7, 13, 255, 191]]  # x 256 / 400, cut
    # The logits' square, 60 to 90 by 100 to 120, in the image's pixels: x 400 / 256.
    rows, columns = np.nonzero(segs)
    assert abs(rows.min() - 156) <= 1 and abs(rows.max() - 187) <= 1
    assert abs(columns.min() - 94) <= 1 and abs(columns.max() - 140) <= 1
