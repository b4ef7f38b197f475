"""CVPR 2025's files: written as its containers expect them, read without unpickling anything."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from data_manifest.cases import CaseInputs
from data_manifest.errors import ManifestError
from data_manifest.layouts import read_inputs
from data_manifest.layouts.cvpr25_files import read_pickled_boxes, write_cvpr25
from data_manifest.making.cvpr25_folders import build_cvpr25
from data_manifest.prompts import Clicks, Hand, MiddleBoxes
from data_manifest.verify import verify_manifest

BOX = {
    "z_min": 2,
    "z_max": 7,
    "z_mid": 5,
    "z_mid_x_min": 10,
    "z_mid_y_min": 3,
    "z_mid_x_max": 14,
    "z_mid_y_max": 9,
}


def case_files(folder: Path, **changed: np.ndarray) -> Path:
    image = np.arange(8 * 16 * 20, dtype=np.uint8).reshape(8, 16, 20)
    labels = np.zeros_like(image)
    labels[2:8, 3:10, 10:15] = 5
    for name, arrays in (
        ("imgs", {"imgs": image, "boxes": np.array([BOX], dtype=object)}),
        ("gts", {"gts": labels}),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        own = {key: array for key, array in changed.items() if key in arrays}
        np.savez_compressed(
            folder / name / "CT_one_1.npz", spacing=np.array([0.5, 0.7, 3.0]), **(arrays | own)
        )
    return folder


def test_a_case_comes_to_its_containers_as_the_challenge_has_it(tmp_path: Path) -> None:
    source = case_files(tmp_path / "source")
    manifest = build_cvpr25(source, tmp_path / "data")
    assert verify_manifest(tmp_path / "data" / "manifest.json") == []
    (case,) = manifest.cases
    assert (case.modality, case.prompts) == ("CT", ("middle_boxes",))
    assert case.spacing_mm == (3.0, 0.7, 0.5)
    assert [label.label for label in case.labels] == [5], "a gap in the labels stays"
    inputs = read_inputs(tmp_path / "data" / case.image.path)
    write_cvpr25(tmp_path / "given.npz", inputs)
    theirs = np.load(source / "imgs" / "CT_one_1.npz", allow_pickle=True)
    ours = np.load(tmp_path / "given.npz", allow_pickle=True)
    assert sorted(ours.files) == sorted(theirs.files)
    for key in ours.files:
        assert ours[key].dtype == theirs[key].dtype
        assert ours[key].tolist() == theirs[key].tolist()


def test_clicks_are_lists_by_label_and_their_order_says_none_where_there_was_no_error(
    tmp_path: Path,
) -> None:
    given = np.array(
        [[[1, 4, 5, 6], [0, 1, 2, 3]], [[-1, -1, -1, -1], [1, 7, 8, 9]]], dtype=np.int64
    )
    clicks = Clicks(labels=np.array([2, 5]), given=given)
    previous = np.ones((8, 16, 20), np.uint8)
    inputs = CaseInputs(image=previous, prompts=(clicks,), spacing_mm=None, previous=previous)
    write_cvpr25(tmp_path / "given.npz", inputs)
    written = np.load(tmp_path / "given.npz", allow_pickle=True)
    assert written["clicks"].dtype == written["clicks_order"].dtype == object
    assert written["clicks"].tolist() == [
        {"fg": [[4, 5, 6]], "bg": []},
        {"fg": [[7, 8, 9]], "bg": [[1, 2, 3]]},
    ]
    assert written["clicks_order"].tolist() == [["fg", None], ["bg", "fg"]]
    np.testing.assert_array_equal(written["prev_pred"], previous)


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return Path.touch, (self.path,)


def test_a_pickle_that_names_anything_else_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    trap = np.empty(1, dtype=object)
    trap[0] = Trap(tmp_path / "sprung")
    source = case_files(tmp_path / "source", boxes=trap)
    with pytest.raises(ManifestError, match="array `boxes` is pickled, and only dictionaries"):
        build_cvpr25(source, tmp_path / "data")
    assert not (tmp_path / "sprung").exists() and not (tmp_path / "data").exists()
    pickle.loads(pickle.dumps(trap))  # noqa: S301 - the trap does work
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("value", [None, "1", 1.5, [1]])
def test_boxes_that_are_no_whole_numbers_are_refused(tmp_path: Path, value: object) -> None:
    boxes = np.array([BOX | {"z_mid": value}], dtype=object)
    source = case_files(tmp_path, boxes=boxes)
    with pytest.raises(ValueError, match="without a whole number z_mid"):
        read_pickled_boxes(source / "imgs" / "CT_one_1.npz")


def test_made_boxes_are_those_of_the_middle_slice() -> None:
    labels = np.zeros((9, 16, 20), np.uint8)
    labels[2:8, 0:16, 0:20] = 1
    labels[5] = 0
    labels[5, 3:10, 10:15] = 1
    made = MiddleBoxes.made(labels, Hand(generator=np.random.default_rng(0)))
    assert made.arrays()["middle_boxes"].tolist() == [[10, 3, 2, 14, 9, 7, 5]]
