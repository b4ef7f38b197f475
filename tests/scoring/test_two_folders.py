"""Scoring two folders: which file answers which reference, and what is said where none does."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from evaluate.cli import main

LABELS = np.zeros((4, 6, 8), np.uint8)
LABELS[1:3, 2:4, 3:6] = 1
SPACING = np.array([0.8, 0.9, 2.0])


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    return tmp_path


def reference(path: Path) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    with path.open("wb") as stream:
        np.savez(stream, gts=LABELS, spacing=SPACING)


def prediction(path: Path, labels: np.ndarray = LABELS) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    with path.open("wb") as stream:
        np.savez(stream, segs=labels)


def score(folder: Path, protocol: str = "cvpr24") -> int:
    arguments = ["--references", folder / "gts", "--predictions", folder / "segs"]
    arguments += ["--protocol", protocol, "--out", folder / "out"]
    return main(["score", *map(str, arguments), "--jobs", "1"])


def outcomes(folder: Path) -> dict[str, str]:
    with (folder / "out" / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: f"{row['outcome']} {row['dsc']}" for row in csv.DictReader(stream)}


def test_capitals_subfolders_and_hidden_files_part_nothing(folders: Path) -> None:
    reference(folders / "gts" / "3DBox_CT_a.npz")
    reference(folders / "gts" / "deeper" / "3DBox_CT_B.NPZ")
    prediction(folders / "segs" / "inner" / "3DBox_CT_a.NPZ")
    prediction(folders / "segs" / "3dbox_ct_b.npz")
    for name in ("gts", "segs"):
        (folders / name / "._3DBox_CT_a.npz").write_bytes(b"of a file manager")
    assert score(folders) == 0
    assert outcomes(folders) == {"3DBox_CT_a": "ok 1.0", "3DBox_CT_B": "ok 1.0"}


def test_links_among_the_organisers_own_predictions_are_followed(folders: Path) -> None:
    for case in ("3DBox_CT_hard", "3DBox_CT_soft"):
        reference(folders / "gts" / f"{case}.npz")
        prediction(folders / "elsewhere" / f"{case}.npz")
    source = folders / "elsewhere"
    os.link(source / "3DBox_CT_hard.npz", folders / "segs" / "3DBox_CT_hard.npz")
    (folders / "segs" / "3DBox_CT_soft.npz").symlink_to(source / "3DBox_CT_soft.npz")
    (folders / "segs" / "again").symlink_to(folders / "segs")
    assert score(folders) == 0
    assert outcomes(folders) == {"3DBox_CT_hard": "ok 1.0", "3DBox_CT_soft": "ok 1.0"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ("no file; 0 of 2 references",)),
        (("3DBox_CT_a.nii.gz", "3DBox_CT_b.nii.gz"), ("2 .nii.gz", "3DBox_CT_a.npz")),
        (("3DBox_CT_a.npz", "3DBox_CT_b.nii.gz"), ("1 .nii.gz, 1 .npz", "1 of 2")),
        (("mask_1.npz", "mask_2.npz"), ("2 .npz", "0 of 2", "3DBox_CT_a.npz")),
    ],
)
def test_a_folder_that_answers_nothing_is_one_line_and_no_table(
    folders: Path,
    capsys: pytest.CaptureFixture[str],
    names: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    for case in "ab":
        reference(folders / "gts" / f"3DBox_CT_{case}.npz")
    for name in names:
        prediction(folders / "segs" / name)
    assert score(folders) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert told.count("--predictions") == 1
    for word in words:
        assert word in told
    assert not (folders / "out").exists()


def test_references_of_no_known_format_are_counted_by_their_endings(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folders / "gts" / "a.dcm").write_bytes(b"")
    assert score(folders) == 2
    assert "1 .dcm" in capsys.readouterr().err


def test_one_case_in_two_files_is_named(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference(folders / "gts" / "3DBox_CT_a.npz")
    reference(folders / "gts" / "deeper" / "3DBox_CT_a.npz")
    assert score(folders) == 2
    assert "3DBox_CT_a twice" in capsys.readouterr().err


def test_a_nifti_reference_scores_as_the_same_npz(folders: Path) -> None:
    other = folders / "npz"
    (folders / "gts").mkdir(exist_ok=True)
    for top in (folders, other):
        prediction(top / "segs" / "3DBox_CT_a.npz", np.roll(LABELS, 1, axis=2))
    reference(other / "gts" / "3DBox_CT_a.npz")
    image = nibabel.Nifti1Image(LABELS.T, np.diag([*SPACING, 1.0]))
    nibabel.save(image, folders / "gts" / "3DBox_CT_a.nii.gz")
    assert score(folders) == 0
    assert score(other) == 0
    assert outcomes(folders) == outcomes(other)
    assert outcomes(folders)["3DBox_CT_a"].startswith("ok 0.6")


def test_many_nameless_references_are_one_warning(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        reference(folders / "gts" / f"case_{number:04d}.npz")
        prediction(folders / "segs" / f"case_{number:04d}.npz")
    assert score(folders) == 0
    (told,) = [w for w in capsys.readouterr().err.split("warning: ") if "modality" in w]
    assert told.count("case_00") == 3
    assert "30 references whose names tell no modality" in told
    assert "and 27 more" in told


def test_a_name_that_is_not_utf_8_is_named_before_hours_of_scoring(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference(folders / "gts" / "3DBox_CT_a.npz")
    raw = os.fsdecode(b"3DBox_CT_\xff.npz")
    (folders / "gts" / "3DBox_CT_a.npz").rename(folders / "gts" / raw)
    assert score(folders) == 2
    assert "udcff" in capsys.readouterr().err


def test_predictions_that_are_all_bad_for_one_reason_are_one_line_and_no_table(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it can be right: a table of zeros would only hide it."""
    for case in "abc":
        reference(folders / "gts" / f"3DBox_CT_{case}.npz")
        prediction(folders / "segs" / f"3DBox_CT_{case}.npz", LABELS[: 1 + "abc".index(case)])
    assert score(folders) == 2
    *progress, said = capsys.readouterr().err.splitlines()
    assert said.startswith(f"segjudge: --predictions {folders / 'segs'}: 3 of 3 files fail for one")
    assert "3DBox_CT_a" in said and "shape" in said
    assert all(line.startswith("scoring: ") for line in progress)
    assert not (folders / "out").exists()


def test_one_good_prediction_among_bad_ones_is_scored(folders: Path) -> None:
    for case in "abc":
        reference(folders / "gts" / f"3DBox_CT_{case}.npz")
        prediction(folders / "segs" / f"3DBox_CT_{case}.npz", LABELS if case == "b" else LABELS[:1])
    assert score(folders) == 0
    assert [row.split()[0] for row in outcomes(folders).values()] == [
        *("bad_output", "ok", "bad_output")
    ]


def test_predictions_of_none_of_the_reference_s_labels_are_said(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for case, labels in (("a", LABELS * 255), ("b", LABELS), ("c", LABELS * 0)):
        reference(folders / "gts" / f"3DBox_CT_{case}.npz")
        prediction(folders / "segs" / f"3DBox_CT_{case}.npz", labels)
    assert score(folders) == 0
    said = capsys.readouterr().err
    assert "1 predictions have none of their reference's labels: segs 3DBox_CT_a: the" in said
    assert "the prediction has 255, the reference 1" in said and "3DBox_CT_b" not in said


def test_references_that_are_bad_by_the_dozen_are_one_line(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        np.savez(folders / "gts" / f"3DBox_CT_{number:02}.npz", gts=LABELS)
        prediction(folders / "segs" / f"3DBox_CT_{number:02}.npz")
    assert score(folders) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "and 11 more, to" in said


def test_rounds_are_found_by_their_names_and_a_missing_one_is_never_the_one_before(
    folders: Path,
) -> None:
    half = LABELS.copy()
    half[1] = 0
    for case in ("CT_a", "CT_b"):
        reference(folders / "gts" / f"{case}.npz")
    for number in (0, 1, 2, 4):  # round 3 is missing, and round 5, the last one, has the plain name
        prediction(folders / "segs" / f"CT_a.round{number}.npz", half)
    prediction(folders / "segs" / "CT_a.npz")
    for number in (1, 2, 3, 4):  # without a box there is no round 0
        prediction(folders / "segs" / f"CT_b.round{number}.npz")
    prediction(folders / "segs" / "CT_b.npz")
    assert score(folders, "cvpr25-interactive") == 0
    with (folders / "out" / "round_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = [(row["case"], row["round"], row["dsc"]) for row in csv.DictReader(stream)]
    dsc = {"CT_a": [2 / 3, 2 / 3, 2 / 3, 0, 2 / 3, 1], "CT_b": [1] * 5}
    assert [float(value) for *_, value in rows] == pytest.approx(dsc["CT_a"] + dsc["CT_b"])
    assert [number for case, number, _ in rows if case == "CT_b"] == list("12345")
    with (folders / "out" / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        cases = {row["case"]: row for row in csv.DictReader(stream)}
    assert float(cases["CT_a"]["dsc_auc"]) == pytest.approx(np.trapezoid(dsc["CT_a"][1:]))
    assert cases["CT_a"]["outcome"] == "ok" and float(cases["CT_a"]["dsc"]) == 1


@pytest.mark.parametrize("spoilt", ["header", "labels"])
def test_one_bad_reference_costs_its_case_which_is_listed_as_an_error_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoilt: str
) -> None:
    """Its header, or only what comes behind it."""
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    labels = np.pad(np.ones((4, 4, 4), np.int16), 2)
    for case in ("3DBox_CT_1", "3DBox_CT_2", "3DBox_CT_3"):
        image = nibabel.Nifti1Image(labels, np.eye(4))
        for folder in ("gts", "segs"):
            nibabel.save(image, tmp_path / folder / f"{case}.nii.gz")
    bad = tmp_path / "gts" / "3DBox_CT_2.nii.gz"
    if spoilt == "header":
        bad.write_bytes(b"no NIfTI")
    else:
        nibabel.save(nibabel.Nifti1Image(labels / np.float32(2), np.eye(4)), bad)
    arguments = ["--references", tmp_path / "gts", "--predictions", tmp_path / "segs"]
    arguments += ["--protocol", "isles22", "--out", tmp_path / "out"]
    assert main(["score", *map(str, arguments), "--jobs", "1"]) == 0
    with (tmp_path / "out" / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    assert [rows[f"3DBox_CT_{n}"]["dsc"] for n in (1, 2, 3)] == ["1.0", "", "1.0"]
    assert rows["3DBox_CT_2"]["outcome"] == "harness_error"
    assert "3DBox_CT_2.nii.gz" in rows["3DBox_CT_2"]["reason"]
    told = " ".join(capsys.readouterr().err.split())
    assert "1 of 3 cases have no score, by an error of yours and not of the team" in told


def test_a_reference_whose_sform_and_qform_disagree_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
        image = nibabel.Nifti1Image(np.pad(np.ones((4, 4, 4), np.int16), 2), np.eye(4))
        if name == "gts":
            image.set_qform(np.diag([-1.0, -1.0, 1.0, 1.0]), code=1)
            image.set_sform(np.eye(4), code=1)
        nibabel.save(image, tmp_path / name / "3DBox_CT_1.nii.gz")
    arguments = ["--references", tmp_path / "gts", "--predictions", tmp_path / "segs"]
    arguments += ["--protocol", "isles22", "--out", tmp_path / "out"]
    assert main(["score", *map(str, arguments), "--jobs", "1"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "sform and qform lie up to" in told
    assert "the sform was taken" in told


def test_a_metric_under_a_name_of_the_protocol_s_own_is_defined_below_the_table(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["protocol", "show", "cvpr24"]) == 0
    rules = capsys.readouterr().out
    more = '[[scoring.metrics]]\nname = "far"\nmetric = "hd95"\nreading = "pooled"\n\n[ranking]'
    (folders / "mine.toml").write_text(rules.replace("[ranking]", more, 1), "utf-8")
    reference(folders / "gts" / "3DBox_CT_a.npz")
    prediction(folders / "segs" / "3DBox_CT_a.npz")
    assert score(folders, str(folders / "mine.toml")) == 0
    said = capsys.readouterr().out
    assert "far: HD95. By `reading`: `directed`, the greater of" in said
    assert "Here: `reading` pooled" in said and "DSC: " not in said


def test_two_folders_wait_for_nothing_that_only_runs_packages_or_mistakes_need(
    folders: Path,
) -> None:
    reference(folders / "gts" / "3DBox_CT_1.npz")
    prediction(folders / "segs" / "3DBox_CT_1.npz")
    slow = {
        *("concurrent.futures", "difflib", "email", "importlib.metadata", "logging"),
        *("evaluate.cluster", "evaluate.pairing", "evaluate.store", "rich._emoji_codes"),
        *("pandas", "PIL", "scipy", "sqlite3", "traceback", "numpy.ma", "pickletools"),
    }
    lines = (
        "import sys; from segjudge import main; code = main()\n"
        f"print('loaded:', *sorted({slow} & set(sys.modules))); sys.exit(code)"
    )
    words = ["--references", folders / "gts", "--predictions", folders / "segs", "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-c", lines, "score", *words, "--protocol", "cvpr24", "--out", folders],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded:"
