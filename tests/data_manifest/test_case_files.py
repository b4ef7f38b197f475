"""A case's two files keep the challenge's keys, dtypes and orders; a wrong one says what is wrong.

numpy's own reader shows what is in the files, as a participant sees it.
"""

from pathlib import Path

import numpy as np
import pytest

from data_manifest.cases import CaseInputs, Reference
from data_manifest.errors import CaseFileError
from data_manifest.layouts import read_inputs, read_reference
from data_manifest.layouts.npz_contract import write_inputs, write_reference
from data_manifest.prompts.boxes import Boxes

VOLUME = CaseInputs(
    image=np.arange(60, dtype=np.uint8).reshape(3, 4, 5),
    prompts=(Boxes(corners=np.array([[0, 1, 2, 3, 2, 2]])),),
    spacing_mm=(2.5, 0.9, 0.7),
)
PICTURE = CaseInputs(
    image=np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
    prompts=(Boxes(corners=np.array([[0, 1, 3, 2], [1, 1, 1, 1]])),),
    spacing_mm=None,
)


def test_a_volume_is_stored_z_y_x_with_its_spacing_x_y_z(tmp_path: Path) -> None:
    path = tmp_path / "case.npz"
    write_inputs(path, VOLUME)
    with np.load(path, allow_pickle=False) as stored:
        assert sorted(stored) == ["boxes", "imgs", "spacing"]
        assert (stored["imgs"].dtype, stored["imgs"].shape) == (np.uint8, (3, 4, 5))
        assert (stored["boxes"].dtype, stored["boxes"].shape) == (np.int64, (1, 6))
        assert stored["spacing"].dtype == np.float64
        assert stored["spacing"].tolist() == [0.7, 0.9, 2.5]
    assert read_inputs(path).spacing_mm == (2.5, 0.9, 0.7)


@pytest.mark.parametrize("inputs", [VOLUME, PICTURE])
def test_inputs_come_back_as_they_were_written(tmp_path: Path, inputs: CaseInputs) -> None:
    write_inputs(tmp_path / "case.npz", inputs)
    found = read_inputs(tmp_path / "case.npz")
    np.testing.assert_array_equal(found.image, inputs.image)
    np.testing.assert_array_equal(found.prompts[0].corners, inputs.prompts[0].corners)
    assert found.spacing_mm == inputs.spacing_mm


def test_a_picture_without_spacing_has_no_spacing_key(tmp_path: Path) -> None:
    write_inputs(tmp_path / "case.npz", PICTURE)
    with np.load(tmp_path / "case.npz", allow_pickle=False) as stored:
        assert sorted(stored) == ["boxes", "imgs"]


def test_a_reference_comes_back_as_it_was_written(tmp_path: Path) -> None:
    labels = np.zeros((3, 4, 5), dtype=np.uint16)
    labels[1, 2, 3] = 300
    path = tmp_path / "case.npz"
    write_reference(path, Reference(labels=labels, spacing_mm=(3.0, 2.0, 1.0)))
    with np.load(path, allow_pickle=False) as stored:
        assert stored["spacing"].tolist() == [1.0, 2.0, 3.0]
        assert stored["gts"].dtype == np.uint16
    found = read_reference(path)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.spacing_mm == (3.0, 2.0, 1.0)


@pytest.mark.parametrize("dtype", ["bool", "float32", "float64"])
def test_a_reference_of_whole_numbers_is_read_as_a_prediction_is(
    tmp_path: Path, dtype: str
) -> None:
    np.savez(tmp_path / "case.npz", gts=np.eye(3, dtype=dtype))
    assert read_reference(tmp_path / "case.npz").labels.tolist() == np.eye(3).tolist()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "<i4", ">i4", "int64", "uint64"])
def test_any_integer_dtype_is_read(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "case.npz"
    np.savez(
        path,
        gts=np.eye(3, dtype=dtype),
        imgs=np.zeros((3, 3, 3), np.uint8),
        boxes=np.ones((2, 4), dtype),
    )
    assert read_reference(path).labels.tolist() == np.eye(3).tolist()
    assert read_inputs(path).prompts[0].corners.tolist() == np.ones((2, 4)).tolist()


def test_a_third_spacing_of_a_picture_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "case.npz"
    np.savez(path, gts=np.eye(3, dtype=np.uint8), spacing=[0.5, 0.25, 1.0])
    assert read_reference(path).spacing_mm == (0.25, 0.5)


U8 = np.zeros((4, 5, 3), np.uint8)
BOX = np.array([[0, 0, 1, 1]])
WRONG_INPUTS = {
    "no array `imgs`": {"boxes": BOX},
    "`imgs` of dtype float64": {"imgs": U8 / 2, "boxes": BOX},
    "`imgs` of dtype uint8, shape (4, 5)": {"imgs": U8[:, :, 0], "boxes": BOX},
    "`imgs` of dtype uint8, shape (0, 5, 3)": {"imgs": U8[:0], "boxes": BOX},
    "`boxes` of dtype float64": {"imgs": U8, "boxes": BOX / 2},
    "`boxes` of dtype int64, shape (4,)": {"imgs": U8, "boxes": BOX[0]},
    "`boxes` of dtype int64, shape (1, 3)": {"imgs": U8, "boxes": BOX[:, :3]},
    "`imgs` of shape (3, 4, 5) with `boxes` of shape (1, 4)": {"imgs": VOLUME.image, "boxes": BOX},
    "spacing [1.0, 0.0]": {"imgs": U8, "boxes": BOX, "spacing": [1.0, 0.0]},
    "spacing [1.0, nan]": {"imgs": U8, "boxes": BOX, "spacing": [1.0, np.nan]},
    "spacing [-1.0, 1.0]": {"imgs": U8, "boxes": BOX, "spacing": [-1.0, 1.0]},
    "spacing 2.0": {"imgs": U8, "boxes": BOX, "spacing": 2.0},
}


@pytest.mark.parametrize("found", WRONG_INPUTS)
def test_wrong_inputs_say_what_was_found_and_where(tmp_path: Path, found: str) -> None:
    path = tmp_path / "case.npz"
    np.savez(path, **WRONG_INPUTS[found])
    with pytest.raises(CaseFileError) as caught:
        read_inputs(path)
    (problem,) = caught.value.problems
    assert problem.where == str(path)
    assert found in problem.found
    assert problem.expected
    assert problem.mend


WRONG_REFERENCES = {
    "no array `gts`": {"segs": np.eye(3, dtype=np.uint8)},
    "holds fractional values": {"gts": np.eye(3) / 2},
    "`gts` of dtype complex128": {"gts": np.eye(3) * 1j},
    "`gts` of dtype uint8, shape (3,)": {"gts": np.zeros(3, np.uint8)},
    "labels -1 to 1": {"gts": np.array([[-1, 1]])},
    "labels 0 to 65536": {"gts": np.array([[0, 65536]])},
}


@pytest.mark.parametrize("found", WRONG_REFERENCES)
def test_a_wrong_reference_says_what_was_found_and_where(tmp_path: Path, found: str) -> None:
    path = tmp_path / "case.npz"
    np.savez(path, **WRONG_REFERENCES[found])
    with pytest.raises(CaseFileError) as caught:
        read_reference(path)
    (problem,) = caught.value.problems
    assert problem.where == str(path)
    assert found in problem.found


def test_a_file_that_is_missing_or_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "case.npz").write_text("hello")
    for name, found in (("case.npz", "not an npz"), ("absent.npz", "no such file")):
        for read in (read_inputs, read_reference):
            with pytest.raises(CaseFileError, match=found):
                read(tmp_path / name)
