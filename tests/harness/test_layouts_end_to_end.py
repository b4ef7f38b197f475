"""A real-looking folder of nnU-Net, the decathlon or BraTS goes from `manifest build` to report.

The container gets the images under the layout's own names, and copies the labels that it reads off
them, 111 and 353 among them: what is scored is the references' own labels.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluate.cli import main
from tests import source_folders

PROTOCOL = """
schema = 2
name = "several"
version = "1"
title = "Several images"
description = "All images of a case in, a label map out."
prompts = []
container = {{ command = ["/bin/bash", "-c", "sh predict.sh"] }}
limits = {{ timeout_s = 60.0, memory_mib = 1024 }}
output = {{ path = "{{case}}.nii.gz", format = "nii.gz" }}
{files}
[scoring]
metrics = [{{ name = "dsc" }}, {{ name = "nsd", tolerance_mm = 1.0 }}]
[ranking]
metrics = [{{ name = "dsc" }}, {{ name = "nsd" }}]
resample = "group"
"""
FILE = """
[[input.files]]
role = "image"
path = "{path}"
format = "nii.gz"
channel = {channel}
"""
READ_OFF = """
import nibabel
given = sorted(path.relative_to(inputs).as_posix() for path in inputs.rglob("*.nii.gz"))
image = nibabel.load(inputs / given[0])
values = np.asarray(image.dataobj).reshape(*image.shape[:3], -1)[..., 0]
mask = np.where(values > 900, values - 1000, 0).astype(np.uint16)
name = given[0].split("/")[-1].removesuffix(".nii.gz")
for end in ("_0000", "-t1c"):
    name = name.removesuffix(end)
print("given", *given)
nibabel.save(nibabel.Nifti1Image(mask, image.affine), outputs / f"{name}.nii.gz")
"""
LAYOUTS = {
    "nnunet": (source_folders.nnunet, {"{case}_0000": "0", "{case}_0001": "1"}, {"111", "353"}),
    "msd": (source_folders.msd, {"{case}": "0"}, {"1", "2"}),
    "brats": (
        source_folders.brats,
        {f"{{case}}/{{case}}-{c}": f'"{c}"' for c in ("t1c", "t1n", "t2f", "t2w")},
        {"1", "2", "3"},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_goes_from_build_to_report(
    layout: str, tmp_path: Path, make_submission: Callable[[str, str], Path]
) -> None:
    make, paths, labels = LAYOUTS[layout]
    data, run, protocol = (tmp_path / name for name in ("data", "run", "several.toml"))
    files = [FILE.format(path=f"{path}.nii.gz", channel=n) for path, n in paths.items()]
    protocol.write_text(PROTOCOL.format(files="".join(files)), encoding="utf-8")
    source = make(tmp_path / "source")
    assert main(["manifest", "build", "--layout", layout, str(source), str(data)]) == 0
    whole = make_submission("whole", READ_OFF)
    half = make_submission("half", READ_OFF.replace("> 900", "> 1001"))
    arguments = ["--manifest", str(data / "manifest.json"), "--protocol", str(protocol)]
    teams = [f"--submission=whole={whole}", f"--submission=half={half}"]
    assert main(["run", *arguments, *teams, "--sandbox", "local", str(run)]) == 0
    assert main(["report", str(run)]) == 0
    with (run / "label_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["team"] == "whole"]
    assert {row["label"] for row in rows} == labels
    assert {(row["dsc"], row["nsd"]) for row in rows} == {("1.0", "1.0")}
    case = json.loads((data / "manifest.json").read_text(encoding="utf-8"))["cases"][0]
    log = (run / "logs" / "whole" / f"{case['id']}.log").read_text(encoding="utf-8")
    given = sorted(f"{path}.nii.gz".replace("{case}", case["id"]) for path in paths)
    assert log.split()[1:] == given
    if layout == "brats":  # time points of one patient are drawn together
        with (run / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
            groups = {row["case"]: row["group"] for row in csv.DictReader(stream)}
        assert groups["BraTS-GLI-00001-000"] == groups["BraTS-GLI-00001-001"] == "BraTS-GLI-00001"
        ranking = json.loads((run / "ranking.json").read_text(encoding="utf-8"))
        assert "3 cases are of 2 groups: the bootstrap draws whole" in str(ranking["warnings"])
    page = (run / "report" / "cases.html").read_text(encoding="utf-8")
    assert case["id"] in page
