"""`segjudge check` tells what a team got wrong of an interactive challenge's rounds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_manifest.findings import Severity
from evaluate.checking import build_sanity_cases
from evaluate.facts.rules import load_protocol
from evaluate.pipeline.checks import check_submission
from tests.running.test_rounds import Given, Scripted, learning

CASES = ("3DBox_MR_sanity", "3DBox_MR_sanity-cube")
SHAPES = {(10, 80, 88), (44, 48, 52)}


def filled(given: Given, *, turned: bool = False) -> np.ndarray:
    """The first round: each box filled, or each other object's."""
    mask = np.zeros(given["imgs"].shape, np.uint8)
    boxes = given["boxes"][::-1] if turned else given["boxes"]
    for label, (x0, y0, z0, x1, y1, z1) in enumerate(boxes.tolist(), start=1):
        mask[z0 : z1 + 1, y0 : y1 + 1, x0 : x1 + 1] = label
    return mask


def right(given: Given, number: int) -> np.ndarray:
    return learning(given, number) if number else filled(given)


def ignores(given: Given, _: int) -> np.ndarray:
    return filled(given)


def reads_x_first(given: Given, number: int) -> np.ndarray:
    """Every click at x, y, z, where that lies in the image; it begins with nothing."""
    if not number:
        return np.zeros(given["imgs"].shape, np.uint8)
    clicks = given["clicks"].copy()
    clicks[..., 1:] = clicks[..., :0:-1]
    return learning(given | {"clicks": clicks}, number)


def grows(given: Given, number: int) -> np.ndarray:
    """Wider with each click, whatever it says."""
    wider = given["boxes"] + np.array([-1, -1, -1, 1, 1, 1]) * 2 * number
    return filled(given | {"boxes": np.maximum(wider, 0)})


def others_boxes(given: Given, number: int) -> np.ndarray:
    """Label 1 in box 2 and the other way round; a voxel less each time."""
    mask = filled(given, turned=True)
    mask.ravel()[np.flatnonzero(mask)[:number]] = 0
    return mask


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (right, "", ""),
        (ignores, "rounds-used", "the same mask in every round"),
        (reads_x_first, "rounds-read", "if the clicks were x, y, z"),
        (grows, "rounds-better", "mean DSC by round"),
        (others_boxes, "labels-order", "label 1 in box 2"),
    ],
)
def test_check_names_what_is_wrong_with_the_rounds(
    answer: Callable[[Given, int], np.ndarray], code: str, says: str, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        'base = "cvpr24"\nname = "rounds"\n[rounds]\nnumber = 5\n'
        'prompts = "largest_error_click"\nprevious = true\n'
    )
    team = tmp_path / "team"
    team.mkdir()
    (team / "predict.sh").write_text("true\n")
    (team / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY . .\n")
    done = check_submission(
        str(team),
        protocol=load_protocol(str(rules)),
        sandbox=Scripted(answer),
        manifest_path=build_sanity_cases(tmp_path / "data", only=CASES),
    )
    grave = (Severity.PROBLEM, Severity.WARNING)
    told = {f.code: f.found for f in done.findings if f.severity in grave}
    codes = {name for name in told if name.startswith(("rounds-", "labels-", "mask-"))}
    assert (code in codes and says in told[code]) if code else not codes
