"""`kill -9` at many random moments: the same command goes on, and ends as an unkilled run does."""

import csv
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from evaluate.store import RunDirectory

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSubmission = Callable[[str, str], Path]

FILL_BOXES = """
time.sleep(0.2)
for path in sorted(inputs.glob('*.npz')):
    case = np.load(path, allow_pickle=False)
    if path.stem.endswith('US_2'): sys.exit(3)
    volume = case['boxes'].shape[1] == 6
    segs = np.zeros(case['imgs'].shape if volume else case['imgs'].shape[:2], np.uint8)
    for label, box in enumerate(case['boxes'], start=1):
        low, high = np.split(box, 2)
        segs[tuple(slice(a, b + 1) for a, b in zip(low[::-1], high[::-1]))] = label
    np.savez_compressed(outputs / path.name, segs=segs)
"""
MEASURED = {"wall_s", "cpu_s", "peak_memory_mib", "started_at", "startup_s", "others_cpus"}


def facts(path: Path) -> list[dict[str, str]]:
    """A table without what differs from run to run."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            {k: v for k, v in row.items() if k not in MEASURED} for row in csv.DictReader(stream)
        ]


def workspaces(run: Path) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"segjudge-tmp-*-{RunDirectory(run).token}-*"))


@pytest.mark.parametrize("most", [5, pytest.param(150, marks=pytest.mark.soak)])
def test_a_run_that_is_killed_again_and_again_ends_like_one_that_is_not(
    most: int,
    small_data: Path,
    make_submission: MakeSubmission,
    segjudge: Command,
    segjudge_process: Command,
    tmp_path: Path,
) -> None:
    submission = make_submission("filler", FILL_BOXES)

    def arguments(run: Path) -> list[str]:
        named = ["--submission", f"filler={submission}", "--submission", f"twin={submission}"]
        options = ["--manifest", str(small_data), "--protocol", "cvpr24", "--sandbox", "local"]
        return ["run", *options, *named, str(run)]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    started = time.monotonic()
    assert segjudge_process(*arguments(whole)).returncode == 0
    length = time.monotonic() - started

    moments = random.Random(20241123)  # noqa: S311  # moments, not secrets
    kills = 0
    while kills < most:
        process = subprocess.Popen(
            [sys.executable, "-m", "segjudge", *arguments(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        try:
            process.wait(timeout=moments.uniform(0.15, 0.5) * length)
            break  # everything is done: there is nothing left to kill
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills >= 3, "the moments were too late to kill anything"
    assert segjudge(*arguments(killed)).returncode == 0

    with closing(sqlite3.connect(killed / "ledger.sqlite")) as ledger:
        runs = ledger.execute("select team, case_id from attempts where outcome is not null")
        runs = runs.fetchall()
        (began,) = ledger.execute("select count(*) from attempts").fetchone()
    assert began > 8, "no run was cut off: the kills tested nothing"
    assert len(runs) == len(set(runs)) == 8, "a finished case was run again"
    for run in (whole, killed):
        for command in ("score", "rank"):
            assert segjudge(command, run).returncode == 0
    for table in ("runs.csv", "label_scores.csv"):
        assert facts(killed / table) == facts(whole / table)
    scores = [[(r["team"], r["case"], r["dsc"], r["nsd"]) for r in facts(run / "case_scores.csv")]
              for run in (whole, killed)]  # fmt: skip
    assert scores[0] == scores[1]
    hidden = [path for path in killed.rglob(".*") if path.is_file()]
    assert hidden == [], "files that were never finished"
    assert workspaces(killed) == [], "folders of killed runs"
