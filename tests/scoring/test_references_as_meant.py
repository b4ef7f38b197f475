"""`score --references` measures in the millimetres that a reference means, or refuses it."""

import csv
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from evaluate.cli import main

SPACING = (0.7, 0.8, 2.5)  # x, y, z
REFERENCE = np.zeros((20, 18, 10), dtype=np.uint8)
REFERENCE[5:13, 4:12, 3:7] = 1
PREDICTION = np.roll(REFERENCE, 3, axis=0)
PROTOCOL = """
schema = 1
name = "volumes"
version = "1"
title = "Volumes"
description = ""
prompts = ["boxes"]
container = { command = ["true"], output_format = "nii.gz" }
limits = { timeout_s = 1.0, memory_mib = 64 }
failures = {}
scoring = { tolerance_mm = 1.0 }
ranking = { metrics = [{ name = "nsd" }] }
"""


def score(folder: Path, image: nibabel.Nifti1Image) -> int:
    for name in ("gts", "segs"):
        (folder / name).mkdir(exist_ok=True)
    nibabel.save(image, folder / "gts" / "3DBox_CT_a.nii.gz")
    prediction = nibabel.Nifti1Image(PREDICTION, image.affine)
    prediction.header.set_xyzt_units(image.header.get_xyzt_units()[0])
    nibabel.save(prediction, folder / "segs" / "3DBox_CT_a.nii.gz")
    protocol = folder / "protocol.toml"
    protocol.write_text(PROTOCOL, encoding="utf-8-sig")  # as an editor on Windows writes it
    arguments = ["--references", folder / "gts", "--predictions", folder / "segs"]
    arguments += ["--protocol", folder / "protocol.toml", "--out", folder / "out"]
    return main(["score", *map(str, arguments), "--jobs", "1"])


def nsd(folder: Path) -> float:
    with (folder / "out" / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        return float(next(csv.DictReader(stream))["nsd"])


def of_spacing(*spacing: float) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(REFERENCE, np.diag([*spacing, 1.0]))


def test_units_are_applied(tmp_path: Path) -> None:
    assert score(tmp_path, of_spacing(*SPACING)) == 0
    expected = nsd(tmp_path)
    assert 0 < expected < 1
    for unit, factor in (("micron", 1000.0), ("meter", 0.001)):
        image = of_spacing(*(length * factor for length in SPACING))
        image.header.set_xyzt_units(unit)
        assert score(tmp_path, image) == 0
        assert nsd(tmp_path) == pytest.approx(expected)


def test_a_spacing_that_is_hardly_in_millimetres_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(tmp_path, of_spacing(*(length / 1000 for length in SPACING))) == 0
    said = capsys.readouterr().err
    assert "3DBox_CT_a.nii.gz: spacing (0.0025, 0.0008, 0.0007) mm makes an image of" in said


def sheared(image: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    affine = image.affine.copy()
    affine[0, 2] = 0.6
    return nibabel.Nifti1Image(REFERENCE, affine)


def two_spacings(image: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    image.header["pixdim"][1:4] = (1, 1, 1)
    return image


@pytest.mark.parametrize(
    ("make", "words"), [(sheared, "slanted axes"), (two_spacings, "in the sform and (1, 1, 1)")]
)
def test_a_reference_whose_geometry_can_not_be_meant_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[nibabel.Nifti1Image], nibabel.Nifti1Image],
    words: str,
) -> None:
    assert score(tmp_path, make(of_spacing(*SPACING))) == 2
    assert f"{tmp_path}/gts/3DBox_CT_a.nii.gz: " in (said := capsys.readouterr().err)
    assert words in said
