"""A protocol's layout: what it may say, and that a container's folders are never left."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from data_manifest.layouts import BadPrediction, OutputFile, read_prediction
from data_manifest.layouts.sidecars import write_points
from data_manifest.prompts import Scribbles
from data_manifest.prompts.scribbles import BACKGROUND
from evaluate.cli import main
from evaluate.facts.rules import load_protocol, protocol_from_json

NIFTI = """
schema = 2
name = "volumes"
version = "1"
title = "Volumes"
description = ""
prompts = []
container = { command = ["true"] }
limits = { timeout_s = 1.0, memory_mib = 64 }
scoring = { metrics = [{ name = "dsc" }, { name = "nsd", tolerance_mm = 2.0 }] }
ranking = { metrics = [{ name = "dsc" }] }
output = { path = "{case}.nii.gz", format = "nii.gz" }
[[input.files]]
role = "image"
path = "images/{case}_0000.nii.gz"
format = "nii.gz"
"""


def test_the_words_of_schema_1_are_those_of_schema_2(tmp_path: Path) -> None:
    text = NIFTI.replace("schema = 2", "schema = 1").replace("prompts = []", 'prompts = ["boxes"]')
    text = text[: text.index("[[input")].replace("output = {", "#").replace("scoring = {", "#")
    text += "failures = {}\nscoring = { tolerance_mm = 2.0 }\n"
    path = tmp_path / "old.toml"
    path.write_text(text.replace('["true"]', '["true"], output_format = "png"'), encoding="utf-8")
    old = load_protocol(str(path))
    (file,) = old.input.files
    assert (file.role, file.path, file.format) == ("image", "{case}.npz", "npz")
    assert (old.output.path, old.output.format, old.output.key) == ("{case}.png", "png", "")
    assert load_protocol("cvpr24").output.key == "segs"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('role = "image"', 'role = "imgae"', ("input.files", "'imgae'", "image")),
        ('format = "nii.gz" }', 'format = "nifti" }', ("output", "'nifti'", "nii.gz, nii")),
        ('"{case}.nii.gz"', '"mask.nii.gz"', ("output", "mask.nii.gz", "`{case}`, and no")),
        ('"{case}.nii.gz"', '"{case}_{round}.nii.gz"', ("output", "no other braces")),
        ('"{case}.nii.gz"', '"../{case}.nii.gz"', ("output", "stays in the folder")),
        ('"images/', '"/images/', ("input.files", "stays in the folder")),
        ('"{case}.nii.gz"', '"{case}.mha"', ("output", "ends in .nii.gz")),
        ('format = "nii.gz" }', 'format = "nii.gz", key = "segs" }', ("output.key", "no key")),
        ("prompts = []", 'prompts = ["boxes"]', ("prompts", "no file of input.files holds", "npz")),
        ("prompts = []", 'prompts = ["dots"]', ("prompts", "dots", "one of boxes")),
    ],
)
def test_a_contradiction_is_one_line_that_names_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in NIFTI
    path = tmp_path / "rules.toml"
    path.write_text(NIFTI.replace(old, new), encoding="utf-8")
    assert main(["protocol", "show", str(path)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert any(all(word in line for word in words) for line in lines)


def test_a_layout_survives_being_kept_in_a_run_directory() -> None:
    rules = protocol_from_json(tomllib.loads(NIFTI), where="here")
    assert protocol_from_json(rules.to_json(), where="there") == rules


def test_scribbles_are_points_of_a_platform_x_before_y(tmp_path: Path) -> None:
    marks = np.zeros((3, 4, 5), np.int64)
    marks[1, 2, 3:] = 1
    marks[2, 0, 4] = BACKGROUND
    write_points(tmp_path / "points.json", [Scribbles(marks=marks)], ("tumor", "background"))
    told = json.loads((tmp_path / "points.json").read_text("utf-8"))
    assert told["points"] == [
        {"name": "tumor", "point": [3, 2, 1]},
        {"name": "tumor", "point": [4, 2, 1]},
        {"name": "background", "point": [4, 0, 2]},
    ]


def test_a_linked_folder_between_the_outputs_and_the_mask_is_not_followed(tmp_path: Path) -> None:
    secret, outputs = tmp_path / "secret", tmp_path / "outputs"
    secret.mkdir()
    outputs.mkdir()
    np.savez(secret / "a.npz", segs=np.zeros((2, 2), np.uint8))
    (outputs / "masks").symlink_to(secret)
    output = OutputFile(path="masks/{case}.npz", format="npz", key="segs")
    found = read_prediction(
        outputs / output.name("a"),
        output=output,
        shape=(2, 2),
        spacing_mm=None,
        max_bytes=1 << 20,
        within=outputs,
    )
    assert isinstance(found, BadPrediction)
    assert "not an ordinary file" in found.reason
