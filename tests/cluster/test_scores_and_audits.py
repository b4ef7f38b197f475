"""Scores and reruns of a cluster are those of one machine."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.cluster.hosts import Hosts, rows

Command = Callable[..., subprocess.CompletedProcess[str]]
TABLES = ("label_scores.csv", "case_scores.csv", "modality_scores.csv")


def test_scores_of_a_cluster_are_those_of_one_machine(
    three_hosts: Hosts, plain: Path, tmp_path: Path
) -> None:
    """A folder on one host only is no obstacle; nor is a path by the head's own folder alone."""
    root = tmp_path / "run"
    shutil.copytree(plain, root)
    for kept in ("scores.sqlite", *TABLES):
        (root / kept).unlink()
    three_hosts.finish("score", os.path.relpath(root, three_hosts.folder))
    for table in TABLES:
        assert (root / table).read_bytes() == (plain / table).read_bytes()


def test_a_rerun_on_a_cluster_comes_to_the_same_verdict(
    three_hosts: Hosts, plain: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    shutil.copytree(plain, root)
    three_hosts.finish("audit", os.path.relpath(root, three_hosts.folder), "--rerun", "--sample", 2)
    audit = json.loads((root / "audit.json").read_text("utf-8"))
    assert all(case["is_same"] for team in audit["rerun"]["teams"] for case in team["cases"])
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")


def test_a_cluster_is_for_what_is_sent_to_one(plain: Path, segjudge: Command) -> None:
    folders = ("--references", ".", "--predictions", ".", "--protocol", "cvpr24", "--out", "o")
    for command in (("audit", plain), ("score", *folders)):
        done = segjudge(*command, "--cluster", "local:2")
        assert done.returncode == 2 and "--cluster" in done.stderr
