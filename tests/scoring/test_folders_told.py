"""What all masks of a folder have in common is said once, and no file of it is passed over."""

import io
import os
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from folders import command, read_rows, write_folders

LABELS = np.zeros((6, 8, 9), np.uint8)
LABELS[1:4, 2:5, 2:6], LABELS[2:5, 5:7, 5:8] = 1, 2
NONE = np.zeros_like(LABELS)
CASES = ("3DBox_CT_1", "3DBox_CT_2")


@pytest.mark.parametrize(
    ("reference", "predictions", "words"),
    [
        (LABELS, (LABELS > 0, LABELS > 0), "the masks hold label 1 alone, and the references 1, 2"),
        (LABELS, (NONE, (LABELS > 0) * 255), "the masks hold label 255 alone"),
        (LABELS, (NONE, NONE), "in none of 2 cases has a mask any label"),
        (NONE, (LABELS, LABELS), "in none of 2 cases has a reference any label"),
        (LABELS, (LABELS, LABELS > 0), ""),
        (LABELS > 0, (LABELS > 0, LABELS > 0), ""),
        (NONE, (NONE, NONE), ""),
    ],
)
def test_masks_of_background_and_object_and_empty_ones_are_said_once(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    reference: np.ndarray,
    predictions: tuple[np.ndarray, ...],
    words: str,
) -> None:
    pairs = {
        case: (reference.astype(np.uint8), mask.astype(np.uint8))
        for case, mask in zip(CASES, predictions, strict=True)
    }
    assert command(*write_folders(tmp_path, pairs), "--protocol", "segjudge") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "warning: segs: in " in line]
    assert len(said) == bool(words) and all(words in line for line in said)


def test_names_in_two_forms_of_unicode_are_one_case(tmp_path: Path) -> None:
    """As a disk of macOS gives them back, and as a table has them."""
    arguments = write_folders(tmp_path, {"3DBox_CT_é": (LABELS, LABELS)})
    file = tmp_path / "segs" / "3DBox_CT_é.npz"
    file.rename(file.with_name(unicodedata.normalize("NFD", file.name)))
    assert command(*arguments, "--protocol", "segjudge") == 0
    assert [row["dsc"] for row in read_rows(tmp_path / "out" / "case_scores.csv")] == ["1.0"]


def test_files_of_other_formats_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = write_folders(tmp_path, {CASES[0]: (LABELS, LABELS)})
    (tmp_path / "gts" / "3DBox_CT_2.mgz").touch()
    (tmp_path / "segs" / "plans.json").touch()
    assert command(*arguments, "--protocol", "segjudge") == 0
    said = capsys.readouterr().err
    assert "1 files in gts of other formats, which are ignored: 3DBox_CT_2.mgz" in said
    assert "1 files in segs of other formats, which are ignored: plans.json" in said


def test_a_closed_folder_is_named_and_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = write_folders(tmp_path, {CASES[0]: (LABELS, LABELS)})
    closed = tmp_path / "gts" / "closed"
    closed.mkdir()
    listed = os.scandir

    def scandir(path: str | Path) -> object:  # root may look into any
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert command(*arguments, "--protocol", "segjudge") == 2
    assert f"{closed}: can't be looked into: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["cvpr24", "segjudge"])
def test_of_two_arrays_of_one_name_numpy_s_counts_where_the_script_has_it_so(
    tmp_path: Path, protocol: str
) -> None:
    arguments = write_folders(tmp_path, {CASES[0]: (LABELS, LABELS), CASES[1]: (LABELS, NONE)})
    path = tmp_path / "segs" / f"{CASES[0]}.npz"
    with zipfile.ZipFile(path, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        for labels in (NONE, LABELS):
            with io.BytesIO() as array:
                np.save(array, labels)
                file.writestr("segs.npy", array.getvalue())
    np.testing.assert_array_equal(np.load(path)["segs"], LABELS)
    assert command(*arguments, "--protocol", protocol) == 0
    row = read_rows(tmp_path / "out" / "case_scores.csv")[0]
    expected = ("ok", "1.0") if protocol == "cvpr24" else ("bad_output", "0.0")
    assert (row["outcome"], row["dsc"]) == expected
