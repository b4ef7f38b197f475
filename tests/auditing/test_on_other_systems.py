"""Windows and macOS, as far as they can be pretended: what works, works; the rest says so.

`tests/packaging/elsewhere.py` takes away what the system has not, and refuses what it refuses.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluate.board.challenge import new_challenge
from evaluate.sandbox.ownership import Owner

ELSEWHERE = Path(__file__).parents[1] / "packaging" / "elsewhere.py"


def works(run: Path, out: Path) -> list[list[object]]:
    """What needs no submission to run."""
    data = run.parent / "data"
    board = out / "board"
    text = new_challenge(board, now=datetime(2031, 3, 3, tzinfo=UTC)).read_text("utf-8")
    for name in ("validation", "test"):
        text = text.replace(f"{name}/manifest.json", (data / "manifest.json").as_posix())
    (board / "challenge.toml").write_text(text, "utf-8")
    masks = ("--predictions", run / "predictions/alpha", "--references", data / "references")
    scores = out / "scores/case_scores.csv"
    ranked = ("--protocol", "cvpr24", "--metric", "dsc", "--bootstrap", 0)
    return [
        ["--version"],
        ["protocol", "show", "segjudge"],
        ["manifest", "verify", data / "manifest.json"],
        ["score", *masks, "--protocol", "cvpr24", "--jobs", 1, "--out", out / "scores"],
        ["rank", "--scores", scores, *ranked, "--out", out / "ranked"],
        ["score", run, "--jobs", 1],
        ["rank", run, "--bootstrap", 20],
        ["report", run],
        ["report", run],  # in place of the one that is there
        ["compare", run, run, "--team", "alpha", "--with", "beta", "--html", out / "compare.html"],
        ["audit", run, "--jobs", 1],
        ["bundle", run, out / "run.zip"],
        ["verify", out / "run.zip", "--references", data / "references", "--jobs", 1],
        ["export", "masks", run, out / "masks"],
        ["init", out / "team"],
        ["check", out / "team", "--static"],
        ["board", "publish", board],
        ["board", "publish", board],
        ["completion", "bash"],
    ]


def runs(run: Path, out: Path) -> list[list[object]]:
    """What runs a submission."""
    team = run.parent / "alpha"
    manifest = ("--manifest", run.parent / "data/manifest.json", "--protocol", "segjudge")
    return [
        ["run", *manifest, f"--submission=a={team}", out / "another"],
        ["check", team],
        ["demo", out / "demo"],
        ["try", team],
        ["worker", "tcp://127.0.0.1:9", "--insecure"],
        ["board", "take", out / "board"],
        ["audit", run, "--rerun"],
        ["doctor"],
    ]


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_what_needs_no_submission_works_and_the_rest_is_refused_at_once(
    tampered: Callable[[], Path], tmp_path: Path, system: str
) -> None:
    run = tampered()
    good = works(run, tmp_path)
    lines = good + (runs(run, tmp_path) if system == "win32" else [])
    (tmp_path / "lines.json").write_text(
        json.dumps([[str(word) for word in line] for line in lines]), "utf-8"
    )
    scratch = tmp_path / "scratch"
    living = scratch / f"segjudge-tmp-{Owner.current().token}-another"
    living.mkdir(parents=True)  # of a harness that tells processes otherwise: never judged
    done = subprocess.run(
        [sys.executable, ELSEWHERE, system, tmp_path / "lines.json"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(scratch)},
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["broken"] == []
    for line, (code, _, complaint) in zip(lines, made["commands"], strict=True):
        if line in good:
            assert code == 0, (line, complaint)
            continue
        assert (code, complaint.strip()) == (
            2,
            "segjudge: on Windows: a submission to run; expected Linux or macOS; run it"
            " in WSL 2; scoring, ranking, reports and comparisons work here",
        ), line
    assert [*scratch.iterdir()] == [living]  # nothing is left behind
