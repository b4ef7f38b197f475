"""Every recipe of CONTRIBUTING is followed to the letter in a copy of the tree, and then works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.capabilities import need
from tests.docs.console import commands_of, says

_ROOT = Path(__file__).parents[2]
_HOW_TO_ADD = (_ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## How to add")[2]
_RECIPES = {
    part.partition("\n")[0]: part for part in re.split(r"^### ", _HOW_TO_ADD, flags=re.M)[1:]
}
_BLOCK = re.compile(r"^```(?P<kind>\w+) file=(?P<file>\S+)\n(?P<body>.*?)^```$", re.M | re.S)
_COPIED = ("data_manifest", "docs", "evaluate", "metrics", "participants", "segjudge", "tests")


@pytest.fixture
def tree(small_data: Path, tmp_path: Path) -> Path:
    """What a contributor has: the checkout, a small data set, and masks for it."""
    tree = tmp_path / "tree"
    for folder in _COPIED:
        shutil.copytree(_ROOT / folder, tree / folder)  # also what is compiled, which saves seconds
    for file in ("pyproject.toml", "predict.sh"):
        shutil.copy(_ROOT / file, tree)
    shutil.copytree(small_data.parent, tree / "data")
    (tree / "predictions").mkdir()
    for reference in (tree / "data" / "references").iterdir():
        with np.load(reference) as stored:
            np.savez_compressed(tree / "predictions" / reference.name, segs=stored["gts"])
    shim = tmp_path / "bin" / "segjudge"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m segjudge "$@"\n')
    shim.chmod(0o755)
    return tree


def _apply(diff: str, path: Path) -> None:
    """Put the lines with `+` between the lines that they stand between, for those with `-`."""
    lines = diff.splitlines()
    before = "\n".join(line[1:] for line in lines if line[:1] != "+") + "\n"
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{path}: {text.count(before)} times: {before}"
    after = "\n".join(line[1:] for line in lines if line[:1] != "-") + "\n"
    path.write_text(text.replace(before, after), "utf-8")


@pytest.mark.parametrize("name", _RECIPES)
def test_the_recipe_does_what_it_says(name: str, tree: Path) -> None:
    recipe = _RECIPES[name]
    if "build_demo" in recipe:
        need("demo_images")
    for block in _BLOCK.finditer(recipe):
        if block["kind"] == "diff":
            _apply(block["body"], tree / block["file"])
        else:
            (tree / block["file"]).parent.mkdir(parents=True, exist_ok=True)
            (tree / block["file"]).write_text(block["body"], "utf-8")
    programs = [tree.parent / "bin", Path(sys.executable).parent]
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    listed = commands_of(recipe)
    assert listed, f"{name}: no command shows that it works"
    for command in listed:
        done = subprocess.run(
            ["sh", "-c", command.line],
            cwd=tree,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(tree), "COLUMNS": "120"},
            capture_output=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        printed = f"{name}: $ {command.line}\n{done.stdout}{done.stderr}"
        assert done.returncode == command.exit_code, printed
        assert says(command.output, done.stdout), printed


def test_what_can_be_added_has_a_recipe() -> None:
    assert {
        *("A challenge", "A metric", "A check of submissions", "A participant"),
        *("A layout, and a format", "A kind of prompts", "A sandbox"),
    } <= _RECIPES.keys()
