"""Whatever is wrong with a mask or a reference of any format costs its case alone, in one line."""

import csv
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
from PIL import Image

from data_manifest.layouts import BadPrediction, OutputFile, read_prediction
from evaluate.cli import main
from evaluate.facts.outcome import Outcome

Volume = npt.NDArray[np.generic]

LABELS = np.zeros((6, 8, 10), np.uint8)
LABELS[1:4, 2:6, 3:8] = 1
SPACING = (2.5, 0.8, 0.7)
PROTOCOL = """
base = "segjudge"
name = "mine"
prompts = []
[[input.files]]
role = "image"
path = "{{case}}.npz"
format = "npz"
[output]
path = "{{case}}.{written}"
format = "{written}"
key = "{key}"
one_hot = "{one_hot}"
[references]
predictions = "{{case}}.{kind}"
one_hot = "{one_hot}"
[scoring]
labels = [1, 2]
unexpected = "bad_output"
"""


_VOLUMES = ("npz", "nii", "nii.gz", "mha", "mhd", "nrrd")
_PICTURES = ("png", "tif")


def write(path: Path, labels: Volume) -> None:
    """As other libraries write it; of four axes the first is the file's last."""
    kind = path.name.partition(".")[2]
    if kind == "npz":
        arrays = {"gts": labels, "segs": labels, "spacing": np.array(SPACING[::-1])}
        np.savez(path, **arrays)  # type: ignore[arg-type]
    elif kind.startswith("nii"):
        nibabel.save(nibabel.Nifti1Image(labels.T, np.diag([*SPACING[::-1], 1.0])), path)
    elif kind in ("mha", "mhd", "nrrd"):
        image = sitk.GetImageFromArray(labels, isVector=False)
        image.SetSpacing((*SPACING[::-1], 1.0)[: labels.ndim])
        sitk.WriteImage(image, str(path))
    elif kind == "png":
        Image.fromarray(labels).save(path)
    else:
        tifffile.imwrite(path, labels)


def defects(folder: Path, kind: str, good: Volume) -> Iterator[str]:
    """Write a file of each defect that the format can have."""

    def put(name: str, labels: Volume) -> str:
        write(folder / f"{name}.{kind}", labels)
        return name

    numbers = "raw" if kind == "mhd" else kind
    yield put("cut", good)
    content = (folder / f"cut.{numbers}").read_bytes()
    (folder / f"cut.{numbers}").write_bytes(content[: len(content) // 2])
    for name, data in (("empty", b""), ("rubbish", b"no mask at all")):
        (folder / f"{name}.{kind}").write_bytes(data)
        yield name
    yield put("smaller", good[..., :-1])
    if kind != "png":
        yield put("half", good * np.float32(0.5))
        yield put("below_zero", good.astype(np.int16) - 1)
        yield put("too_large", good * np.int32(70_000))
    if kind in _VOLUMES and (good.ndim == 3 or kind == "nii.gz"):  # ITK writes up to four
        yield put("one_axis_more", np.stack([good] * 3))
    if kind.startswith("n") and kind != "nrrd":
        yield put("complex", good.astype(np.complex64))
    if kind in _PICTURES:
        yield put("colours", np.stack([good] * 3, axis=-1))
    if kind == "mhd":
        yield put("alone", good)
        (folder / "alone.raw").unlink()
        yield put("elsewhere", good)
        (folder / "elsewhere.raw").rename(folder.parent / "elsewhere.raw")
        header = (folder / "elsewhere.mhd").read_text("utf-8")
        header = header.replace("elsewhere.raw", "../elsewhere.raw")
        (folder / "elsewhere.mhd").write_text(header, "utf-8")


@pytest.mark.parametrize("side", ["gts", "segs"])
@pytest.mark.parametrize("called", [*_VOLUMES, *_PICTURES, "nii.gz one-hot", "mha one-hot"])
def test_a_defect_costs_its_case_in_one_line(tmp_path: Path, called: str, side: str) -> None:
    kind, _, one_hot = called.partition(" ")
    good = LABELS[2] if kind in _PICTURES else LABELS
    if one_hot:
        good = np.stack([LABELS, np.roll(LABELS, 3, axis=0) * (1 - LABELS)])
    other = "segs" if side == "gts" else "gts"
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / f"good.{kind}", good)
        # Rounding, in a format that has fractions.
        write(tmp_path / name / f"noise.{kind}", good if kind == "png" else good + np.float32(1e-7))
    names = {*defects(tmp_path / side, kind, good)}
    for name in names | ({"missing"} if side == "segs" else set()):
        write(tmp_path / other / f"{name}.{kind}", good)
    rules = PROTOCOL.format(
        kind=kind,
        written="mha" if kind == "mhd" else kind,
        key="segs" if kind == "npz" else "",
        one_hot="labels" if one_hot else "",
    )
    (tmp_path / "mine.toml").write_text(rules, "utf-8")
    arguments = ["--references", tmp_path / "gts", "--predictions", tmp_path / "segs"]
    arguments += ["--protocol", tmp_path / "mine.toml", "--out", tmp_path / "out", "--jobs", 1]
    assert main(["score", *map(str, arguments)]) == 0
    with (tmp_path / "out/case_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    told = {name: (row["outcome"], row["dsc"]) for name, row in rows.items()}
    # A smaller reference is a good one: what was left is not on its grid.
    ours = {"smaller": (Outcome.BAD_OUTPUT, "0.0")} if side == "gts" else {}
    cost = (Outcome.HARNESS_ERROR, "") if side == "gts" else (Outcome.BAD_OUTPUT, "0.0")
    assert told == {
        **dict.fromkeys(("good", "noise"), (Outcome.OK, "1.0")),
        **({"missing": (Outcome.NO_OUTPUT, "0.0")} if side == "segs" else {}),
        **{name: ours.get(name, cost) for name in names},
    }
    reasons = [rows[name]["reason"] for name in names]
    assert all(reason.isprintable() and 10 < len(reason) < 600 for reason in reasons)


@pytest.mark.parametrize("side", ["gts", "segs"])
def test_headers_of_two_files_that_are_not_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
        for case in ("good", "pair"):
            write(tmp_path / name / f"{case}.nii.gz", LABELS)
    (tmp_path / side / "pair.nii.gz").unlink()
    nibabel.save(nibabel.Nifti1Pair(LABELS.T, np.eye(4)), tmp_path / side / "pair.HDR")
    arguments = ["--references", tmp_path / "gts", "--predictions", tmp_path / "segs"]
    arguments += ["--protocol", "isles22", "--out", tmp_path / "out", "--jobs", 1]
    code = main(["score", *map(str, arguments)])
    said = capsys.readouterr().err
    if side == "segs":
        assert code == 2 and "1 .hdr" in said and said.count("\n") == 1
    else:
        assert code == 0 and "pair.HDR: a header whose numbers are in a second file" in said


def test_numbers_that_a_container_s_header_names_are_never_looked_for_elsewhere(
    tmp_path: Path,
) -> None:
    secret, outputs = tmp_path / "secret", tmp_path / "outputs"
    for folder in (secret, outputs):
        folder.mkdir()
        write(folder / "a.mhd", LABELS)
    output = OutputFile(path="{case}.mhd", format="mhd")
    case = {"shape": LABELS.shape, "spacing_mm": SPACING, "max_bytes": 1 << 20}
    found = read_prediction(outputs / "a.mhd", output=output, **case)
    np.testing.assert_array_equal(found, LABELS)
    (outputs / "a.raw").unlink()
    for name in ("a.raw", "folder"):
        (outputs / name).symlink_to(secret / name.replace("folder", ""))
    whole = (outputs / "a.mhd").read_text("utf-8")
    for named in ("a.raw", "folder/a.raw", "../secret/a.raw", str(secret / "a.raw"), "..", ""):
        (outputs / "a.mhd").write_text(whole.replace("= a.raw", f"= {named}"), "utf-8")
        found = read_prediction(outputs / "a.mhd", output=output, **case)
        assert isinstance(found, BadPrediction), named
        assert "no ordinary file beside it" in found.reason
    (outputs / "a.raw").unlink()
    linked = tmp_path / "own.mhd"
    linked.symlink_to(secret / "a.mhd")
    found = read_prediction(linked, output=output, follow_links=True, **case)
    np.testing.assert_array_equal(found, LABELS)
