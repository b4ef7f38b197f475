"""Box k holds every voxel of label k, touches it on every side, and never leaves the image.

Boxes are checked against a search over all voxels that shares nothing with the code under test.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_manifest.making.from_files import consecutive
from data_manifest.manifest import Label
from data_manifest.prompts.boxes import boxes_from_labels

SHAPES = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9)
SPARSE = hnp.arrays(np.int32, SHAPES, elements=st.sampled_from([0, 0, 0, 1, 2, 5, 300, 65535]))
MAPS = SPARSE.map(lambda labels: consecutive(labels)[0])


def brute_boxes(labels: np.ndarray) -> list[list[int]]:
    """Tight boxes by looking at every voxel."""
    boxes = []
    for number in range(1, int(labels.max(initial=0)) + 1):
        places = [index[::-1] for index in np.ndindex(labels.shape) if labels[index] == number]
        lowest = [min(axis) for axis in zip(*places, strict=True)]
        boxes.append(lowest + [max(axis) for axis in zip(*places, strict=True)])
    return boxes


def test_a_box_reads_x_before_y_before_z_with_both_ends_inside() -> None:
    labels = np.zeros((7, 8, 9), dtype=np.uint8)
    labels[2:5, 3:5, 6:9] = 1
    assert boxes_from_labels(labels).tolist() == [[6, 3, 2, 8, 4, 4]]
    assert boxes_from_labels(labels[3]).tolist() == [[6, 3, 8, 4]]
    assert boxes_from_labels(labels[3]).dtype == np.int64


def test_an_object_of_one_slice_has_a_box_of_one_slice() -> None:
    labels = np.zeros((3, 3, 3), dtype=np.uint8)
    labels[1, 1, 1] = 1
    assert boxes_from_labels(labels).tolist() == [[1, 1, 1, 1, 1, 1]]


@given(labels=MAPS)
@settings(max_examples=60, deadline=None)
def test_without_margin_a_box_is_tight(labels: np.ndarray) -> None:
    assert boxes_from_labels(labels).tolist() == brute_boxes(labels)


@given(
    labels=MAPS,
    margin=st.integers(0, 4),
    jitter=st.integers(0, 4),
    seed=st.integers(0, 99),
    z=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_a_box_holds_its_label_and_stays_inside_the_image(
    labels: np.ndarray, margin: int, jitter: int, seed: int, z: bool
) -> None:
    def boxes() -> np.ndarray:
        generator = np.random.default_rng(seed)
        return boxes_from_labels(
            labels, margin=margin, jitter=jitter, generator=generator, along_z=z
        )

    found, axes = boxes(), labels.ndim
    np.testing.assert_array_equal(found, boxes())
    tight = np.array(brute_boxes(labels), dtype=np.int64).reshape(-1, 2 * axes)
    wider = np.concatenate([tight[:, :axes] - found[:, :axes], found[:, axes:] - tight[:, axes:]])
    assert ((wider >= 0) & (wider <= margin + jitter)).all()
    assert (found[:, :axes] >= 0).all()
    assert (found[:, axes:] < np.array(labels.shape[::-1])).all()
    if axes == 3 and not z:
        assert (wider[:, 2] == 0).all()


def test_the_margin_is_reached_where_the_image_lets_it() -> None:
    labels = np.zeros((20, 20), dtype=np.uint8)
    labels[8:10, 1:3] = 1
    assert boxes_from_labels(labels, margin=3).tolist() == [[0, 5, 5, 12]]


def test_jitter_uses_its_whole_range_on_every_side_on_its_own() -> None:
    labels = np.zeros((30, 30, 30), dtype=np.uint8)
    labels[15, 15, 15] = 1
    generator = np.random.default_rng(0)
    found = np.concatenate(
        [boxes_from_labels(labels, jitter=3, generator=generator, along_z=True) for _ in range(200)]
    )
    for side in range(6):
        values = set(np.abs(found[:, side] - 15).tolist())
        assert values == {0, 1, 2, 3}
    assert np.abs(np.corrcoef(found.T) - np.eye(6)).max() < 0.3


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (np.array([[0, 2]]), {}, r"labels \[1\] do not occur"),
        (np.array([[1, 4]]), {}, r"labels \[2, 3\] do not occur"),
        (np.array([1]), {}, "1 axes"),
        (np.array([[1]]), {"margin": -1}, "margin -1"),
        (np.array([[1]]), {"jitter": 1}, "generator"),
    ],
)
def test_what_can_not_have_boxes_is_refused(
    labels: np.ndarray, arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        boxes_from_labels(labels, **arguments)  # type: ignore[arg-type]


def test_an_image_without_a_label_has_no_boxes() -> None:
    assert boxes_from_labels(np.zeros((3, 3), np.uint8)).shape == (0, 4)
    assert boxes_from_labels(np.zeros((3, 3, 3), np.uint8)).shape == (0, 6)


@given(labels=SPARSE)
@settings(max_examples=60, deadline=None)
def test_labels_are_numbered_without_gaps_in_their_order(labels: np.ndarray) -> None:
    numbered, listed = consecutive(labels, {5: "liver", 300: "spleen", 9: "absent"})
    old = sorted(set(labels.ravel().tolist()) - {0})
    names = {5: "liver", 300: "spleen"}
    assert listed == tuple(
        Label(label=k, name=names.get(value, f"label {value}")) for k, value in enumerate(old, 1)
    )
    back = np.array([0, *old])
    np.testing.assert_array_equal(back[numbered], labels)


def test_more_than_255_labels_need_two_bytes_and_more_than_65535_are_too_many() -> None:
    assert consecutive(np.arange(256).reshape(16, 16))[0].dtype == np.uint8
    assert consecutive(np.arange(257).reshape(1, 257))[0].dtype == np.uint16
    with pytest.raises(ValueError, match="65536 labels"):
        consecutive(np.arange(65537).reshape(1, -1))


def test_a_negative_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label -2"):
        consecutive(np.array([[0, -2]]))
