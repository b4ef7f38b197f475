"""A challenge without prompts, of NIfTI in and out, needs a protocol file and nothing else.

A container that thresholds an image as FLARE and nnU-Net name it goes the whole way, from `run` to
`report`; the case itself is stored as all cases are.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_manifest.demo.records import RawCase
from data_manifest.making.writing import write_case
from data_manifest.manifest import Manifest, Preparation, save_manifest
from data_manifest.verify import verify_manifest
from evaluate.cli import main

PROTOCOL = """
schema = 2
name = "threshold"
version = "1"
title = "Bright organs"
description = "No prompts: a volume in, a label map out."
prompts = []
container = { command = ["/bin/bash", "-c", "sh predict.sh"] }
limits = { timeout_s = 60.0, memory_mib = 1024 }
output = { path = "{case}.nii.gz", format = "nii.gz" }
[[input.files]]
role = "image"
path = "images/{case}_0000.nii.gz"
format = "nii.gz"
[scoring]
metrics = [{ name = "dsc" }, { name = "nsd", tolerance_mm = 2.0 }]
[ranking]
metrics = [{ name = "dsc" }, { name = "nsd" }]
"""
THRESHOLD = """
import nibabel
(path,) = (inputs / "images").glob("*_0000.nii.gz")
image = nibabel.load(path)
mask = (image.get_fdata() > 128).astype(np.uint8)
"""
SAVE = """
case = path.name.removesuffix("_0000.nii.gz")
nibabel.save(nibabel.Nifti1Image(mask, affine), outputs / f"{case}.nii.gz")
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two volumes with a bright block each, without prompts."""
    for kind in ("inputs", "references"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    cases = []
    for name in ("liver_1", "liver_2"):
        labels = np.zeros((5, 20, 30), np.uint8)
        labels[1:4, 5:15, 8:22] = 1
        raw = RawCase(
            identifier=name,
            modality="CT",
            image=np.where(labels, 200, 40).astype(np.uint8),
            labels=labels,
            label_names=("liver",),
            spacing_mm=(3.0, 0.8, 0.7),
            origin="simulated",
            source="a block",
            licence="CC0-1.0",
        )
        preparation = Preparation(seed=0, margin=0, jitter=0, recipe="0" * 64)
        folder = tmp_path / "data"
        cases.append(write_case(folder, raw, preparation=preparation, prompts=()))
    path = tmp_path / "data" / "manifest.json"
    save_manifest(Manifest(schema=1, name="blocks", cases=tuple(cases)), path)
    assert verify_manifest(path) == []
    return path


def test_a_container_that_thresholds_goes_from_run_to_report(
    data: Path, tmp_path: Path, make_submission: Callable[[str, str], Path]
) -> None:
    protocol, run = tmp_path / "threshold.toml", tmp_path / "run"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    own = make_submission("own", f"{THRESHOLD}\naffine = image.affine\n{SAVE}")
    other = make_submission("other", f"{THRESHOLD}\naffine = np.eye(4)\n{SAVE}")
    submissions = [f"--submission=own={own}", f"--submission=other={other}"]
    arguments = ["--manifest", data, "--protocol", protocol, "--sandbox", "local"]
    assert main(["run", *map(str, arguments), *submissions, str(run)]) == 0
    assert (run / "predictions" / "own" / "liver_1.nii.gz").is_file()
    assert main(["score", str(run)]) == 0
    with (run / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = {(row["team"], row["case"]): row for row in csv.DictReader(stream)}
    assert rows["own", "liver_2"]["dsc"] == "1.0"
    assert rows["other", "liver_2"]["outcome"] == "bad_output"
    assert "spacing (1, 1, 1) mm; expected (3, 0.8, 0.7)" in rows["other", "liver_2"]["reason"]
    assert main(["rank", str(run)]) == 0
    assert main(["report", str(run)]) == 0
    assert "liver_1" in (run / "report" / "cases.html").read_text(encoding="utf-8")


def test_check_tells_a_file_of_another_name_and_an_empty_mask(
    data: Path,
    tmp_path: Path,
    make_submission: Callable[[str, str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    protocol = tmp_path / "threshold.toml"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    arguments = ["--manifest", str(data), "--protocol", str(protocol), "--sandbox", "local"]
    save = SAVE.replace("{case}.nii", "{case}_seg.nii")
    wrong = make_submission("wrong", f"{THRESHOLD}\naffine = image.affine\n{save}")
    assert main(["check", str(wrong), *arguments]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "output-name" in told
    assert "no liver_1.nii.gz, but liver_1_seg.nii.gz" in told
    empty = make_submission("empty", f"{THRESHOLD}\nmask[:] = 0; affine = image.affine\n{SAVE}")
    assert main(["check", str(empty), *arguments]) == 1
    assert "mask-empty" in capsys.readouterr().out


def test_data_that_the_layout_can_not_hold_are_named_before_anything_runs(
    small_data: Path,
    tmp_path: Path,
    make_submission: Callable[[str, str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    protocol = tmp_path / "threshold.toml"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    own = make_submission("own", "")
    arguments = ["--manifest", small_data, "--protocol", protocol, "--sandbox", "local"]
    run = tmp_path / "run"
    assert main(["run", *map(str, arguments), f"--submission=own={own}", str(run)]) == 2
    told = capsys.readouterr().err
    assert "is 2D, which images/{case}_0000.nii.gz can't hold" in told
    assert not run.exists()


def test_check_takes_the_sanity_cases_that_the_layout_can_hold(
    tmp_path: Path,
    make_submission: Callable[[str, str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    protocol = tmp_path / "threshold.toml"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    own = make_submission("own", f"{THRESHOLD}\naffine = image.affine\n{SAVE}")
    main(["check", str(own), "--protocol", str(protocol), "--sandbox", "local"])
    told = capsys.readouterr().out
    assert "3DBox_CT_sanity" in told
    assert "2DBox" not in told


def test_with_the_references_grid_only_the_array_counts(
    data: Path, tmp_path: Path, make_submission: Callable[[str, str], Path]
) -> None:
    protocol, run = tmp_path / "threshold.toml", tmp_path / "run"
    text = PROTOCOL.replace('format = "nii.gz" }', 'format = "nii.gz", grid = "reference" }', 1)
    protocol.write_text(text, encoding="utf-8")
    other = make_submission("other", f"{THRESHOLD}\naffine = np.eye(4)\n{SAVE}")
    arguments = ["--manifest", data, "--protocol", protocol, "--sandbox", "local"]
    assert main(["run", *map(str, arguments), f"--submission=other={other}", str(run)]) == 0
    assert main(["score", str(run)]) == 0
    with (run / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        assert {(row["dsc"], row["nsd"]) for row in csv.DictReader(stream)} == {("1.0", "1.0")}
