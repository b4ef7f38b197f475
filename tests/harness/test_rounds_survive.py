"""Rounds survive a killed harness, run alike in real containers, and are bundled and run again."""

import csv
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.test_killed_at_any_moment import MEASURED, workspaces
from tests.harness.test_rounds_end_to_end import DIES, LEARNS, write_data
from tests.participants.cases import KIT, PARTICIPANTS

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSubmission = Callable[[str, str], Path]

OF = ("--protocol", "cvpr25-interactive")


@pytest.fixture
def data(segjudge: Command, tmp_path: Path) -> Path:
    """The manifest of two volumes, one of them without a box."""
    write_data(tmp_path / "source")
    built = segjudge(
        "manifest", "build", "--layout", "cvpr", tmp_path / "source", tmp_path / "data"
    )
    assert built.returncode == 0, built.stderr
    return tmp_path / "data/manifest.json"


def facts(path: Path) -> list[dict[str, str]]:
    """A table without what differs from run to run."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [{k: v for k, v in row.items() if k not in MEASURED} for row in rows]


def test_a_harness_that_is_killed_between_and_inside_rounds_ends_with_equal_tables(
    data: Path,
    make_submission: MakeSubmission,
    segjudge: Command,
    segjudge_process: Command,
    tmp_path: Path,
) -> None:
    team = make_submission("learns", "time.sleep(0.15)\n" + LEARNS)

    def arguments(run: Path) -> list[str]:
        named = ["--submission", f"learns={team}", "--sandbox", "local"]
        return ["run", "--manifest", str(data), *OF, *named, str(run)]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    started = time.monotonic()
    assert segjudge_process(*arguments(whole)).returncode == 0
    length = time.monotonic() - started
    moments, kills = random.Random(14), 0  # noqa: S311  # moments, not secrets
    while kills < 3:
        process = subprocess.Popen(
            [sys.executable, "-m", "segjudge", *arguments(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        try:
            process.wait(timeout=moments.uniform(0.3, 0.6) * length)
            break  # everything is done
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills >= 2, "the moments were too late to kill anything"
    assert segjudge(*arguments(killed)).returncode == 0
    for run in (whole, killed):
        assert segjudge("score", run).returncode == 0
    for table in ("runs.csv", "round_scores.csv", "case_scores.csv", "label_scores.csv"):
        assert facts(killed / table) == facts(whole / table), table
    assert workspaces(killed) == [], "folders of killed runs"


def test_a_run_in_rounds_is_bundled_and_run_again(
    data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    team = make_submission("learns", LEARNS)
    options = ("--manifest", data, *OF, "--sandbox", "local")
    for command in (
        ("run", *options, "--submission", f"learns={team}", run),
        ("score", run),
        ("rank", run, "--bootstrap", 20),
        ("report", run),
        ("bundle", run, tmp_path / "run.zip"),
        ("verify", tmp_path / "run.zip"),
        ("audit", run, "--rerun", "--sandbox", "local"),
    ):
        done = segjudge(*command)
        assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    audit = json.loads((run / "audit.json").read_text("utf-8"))
    (again,) = audit["rerun"]["teams"]
    assert all(case["is_same"] for case in again["cases"])


@pytest.mark.engine
def test_rounds_in_real_containers_score_as_without_and_a_death_costs_its_own_round(
    data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    teams = {"learns": make_submission("learns", LEARNS), "dies": make_submission("dies", DIES)}
    for folder in teams.values():
        for file in (KIT / "Dockerfile", PARTICIPANTS / "boxfill" / "requirements.txt"):
            shutil.copy(file, folder)
    named = [f"--submission={team}={folder}" for team, folder in teams.items()]
    for sandbox in ("docker", "local"):
        run = tmp_path / sandbox
        made = segjudge("run", "--manifest", data, *OF, *named, "--sandbox", sandbox, run)
        assert made.returncode == 0, made.stderr
        assert segjudge("score", run).returncode == 0
    rounds = facts(tmp_path / "docker/round_scores.csv")
    assert rounds == facts(tmp_path / "local/round_scores.csv")
    failed = {(r["team"], r["case"], r["round"]) for r in rounds if r["outcome"] != "ok"}
    assert failed == {("dies", "CT_a", "3"), ("dies", "US_b", "3")}
    assert all(r["dsc"] == "0.0" for r in rounds if r["outcome"] != "ok")
