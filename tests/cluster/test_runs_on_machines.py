"""Blocks on several machines give the tables that one machine gives, but for the times."""

import functools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from evaluate.cli import main
from evaluate.cluster.this_worker import ClusterWorker, become
from evaluate.cluster.transfer import SentFile, sending
from tests.cluster.hosts import (
    QUICK,
    Hosts,
    arguments,
    began,
    begun_in,
    finish,
    ledger_of,
    rows,
    run_command,
    submission_in,
    until,
    waiting_in,
    without,
)
from tests.harness.test_rounds_end_to_end import LEARNS, write_data

Command = Callable[..., subprocess.CompletedProcess[str]]
Submissions = dict[str, Path]


def test_workers_of_ones_own_give_the_tables_of_one_machine(
    small_data: Path, submissions: Submissions, plain: Path, segjudge: Command, tmp_path: Path
) -> None:
    root = tmp_path / "a cluster's ü"
    command = arguments(small_data, root, submissions, "--cluster", "local:2")
    (temporary := tmp_path / "temporary").mkdir()
    environment = QUICK | {"TMPDIR": str(temporary)}
    lines = finish(run_command(*command, cwd=tmp_path, env=environment))
    assert not [*temporary.iterdir()], "something is left"
    assert "2 of 2 machines" in lines
    assert f"next: segjudge score {shlex.quote(str(root))}" in lines
    served = re.search(r"dashboard is http://127\.0\.0\.1:\d+/status", lines)
    assert (served is None) is ("no dashboard here" in lines) is (find_spec("bokeh") is None)
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")
    for stage in ("score", "rank"):
        assert main([stage, str(root)]) == 0
    for table in ("label_scores.csv", "case_scores.csv"):
        assert rows(root / table) == rows(plain / table)
    machines = json.loads((root / "run.json").read_text("utf-8"))["calibration"]
    (calibration,) = machines.values()
    assert len(calibration["samples"]) == len(calibration["others_cpus"]) == 4, "one a block"
    assert calibration["parallel"] == 2 and not calibration["fair"]
    assert main(arguments(small_data, root, submissions)) == 0, "nothing is left to do"
    said = segjudge("run", "--status", root).stdout
    assert "finished" in said and "4 of 4" in said and "nonzero_exit 2" in said


def test_two_runs_at_once_each_get_what_their_own_submissions_made(
    three_hosts: Hosts, small_data: Path, submissions: Submissions, plain: Path, tmp_path: Path
) -> None:
    """Teams of the same names, on the same machines in turn."""
    other = submission_in(tmp_path / "other", "import time; time.sleep(0.3); raise SystemExit(7)")
    others = dict.fromkeys(submissions, other)
    ways = ["--cluster", three_hosts.address, *three_hosts.options]
    heads = [
        three_hosts.run(*arguments(small_data, tmp_path / name, teams, *ways))
        for name, teams in (("one", submissions), ("two", others))
    ]
    for head in heads:
        finish(head)
    assert rows(tmp_path / "one" / "runs.csv") == rows(plain / "runs.csv")
    assert {row["exit_code"] for row in rows(tmp_path / "two" / "runs.csv")} == {"7"}


def test_a_block_stays_on_one_machine_and_the_report_says_so(
    three_hosts: Hosts, small_data: Path, submissions: Submissions, plain: Path, tmp_path: Path
) -> None:
    root = tmp_path / "cluster"
    three_hosts.finish(*arguments(small_data, root, submissions))
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")
    by_case = defaultdict(set)
    document = json.loads((root / "run.json").read_text("utf-8"))
    for line in (root / "runs.csv").read_text("utf-8").splitlines()[1:]:
        case, machine = line.split(",")[1], line.split(",")[-2]
        by_case[case].add(document["machines"][machine]["name"])
    assert all(len(names) == 1 for names in by_case.values()), by_case
    assert document["split_cases"] == 0
    assert set().union(*by_case.values()) <= {"ada", "ben", "cyd"}
    assert set(document["calibration"]) == set(document["machines"])


@pytest.mark.small_disk
def test_what_a_machine_does_not_see_is_sent_and_held_against_its_digest(
    hosts: Hosts, small_data: Path, submissions: Submissions, plain: Path, tmp_path: Path
) -> None:
    """The worker is rooted elsewhere: neither data nor submissions are there."""
    hidden = tmp_path / "hidden"
    shutil.copytree(small_data.parent, hidden / "data")
    shutil.copytree(submissions["filler"], hidden / "submission")
    root = tmp_path / "cluster"
    hosts.start_worker("blind", before=without(hidden))
    given = dict.fromkeys(submissions, hidden / "submission")
    hosts.finish(*arguments(hidden / "data" / "manifest.json", root, given))
    sent = list((tmp_path / "host-blind").rglob("files/*/*"))
    assert len(sent) <= 2, "files of finished cases are kept"
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")
    assert len(ledger_of(root)) == 8


def test_what_a_worker_of_another_user_may_not_read_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    (path := tmp_path / "case.npz").write_bytes(b"a case")
    file = SentFile.of(path)
    (scratch := tmp_path / "scratch").mkdir()
    become(ClusterWorker(name="ada", scratch=scratch, environment={}, cache=scratch))
    monkeypatch.setattr("evaluate.cluster.transfer.sha256_of", refuse)
    talk, got = sending([file]), None
    with suppress(StopIteration):
        while True:
            call = talk.send(got)
            got = call.function(*call.arguments)
    assert isinstance(got, Path) and got != path and got.read_bytes() == b"a case"


def test_a_worker_goes_when_asked_and_its_block_is_done_first(
    hosts: Hosts, small_data: Path, plain: Path, tmp_path: Path
) -> None:
    waits, root = tmp_path / "waits", tmp_path / "cluster"
    lines = waiting_in(waits, first=2)  # the warm-up of each team
    teams = dict.fromkeys(("filler", "twin"), submission_in(tmp_path / "slow", lines))
    ada = hosts.start_worker("ada")
    command = arguments(small_data, root, teams, "--cluster", hosts.address)
    head = hosts.run(*command)
    until(lambda: began(root) and len([*waits.iterdir()]) == 3, what="the first container")
    head.kill()
    head.communicate()
    for container in waits.iterdir():
        gone = functools.partial(psutil.pid_exists, int(container.name))
        until(lambda gone=gone: not gone(), what="the end of what nobody will take")
        container.unlink()
    head = hosts.run(*command)
    until(lambda: len(begun_in(root)) == 2, what="the first container again")
    ada.terminate()
    (waits / "go").touch()
    said, _ = ada.communicate(timeout=60)
    assert ada.returncode == 0 and "it was asked to go" in said
    ended = ledger_of(root)
    assert {case for _, case, _ in ended} and len(ended) == 2, "the block was cut off"
    hosts.start_worker("ben")
    finish(head)
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")


def test_ctrl_c_ends_the_workers_of_the_command_and_what_runs_in_them(
    small_data: Path, segjudge: Command, tmp_path: Path
) -> None:
    """Another terminal sees it at work before, and stopped after."""
    lines = f"import os, pathlib, time\npathlib.Path('{tmp_path}', f'pid{{os.getpid()}}').touch()\n"
    slow = submission_in(tmp_path / "slow", lines + "time.sleep(120)\n")
    command = arguments(small_data, tmp_path / "run", {"slow": slow}, "--cluster", "local:2")
    head = run_command(*command, cwd=tmp_path)
    try:
        until(lambda: len(list(tmp_path.glob("pid*"))) == 2, what="two containers")
        assert "at work" in segjudge("run", "--status", tmp_path / "run").stdout
        head.send_signal(signal.SIGINT)
        said, _ = head.communicate(timeout=60)
    finally:
        head.kill()
    assert head.returncode == 130 and "stopped" in said
    assert "stopped: run it again" in segjudge("run", "--status", tmp_path / "run").stdout
    assert not [p for p in tmp_path.glob("pid*") if psutil.pid_exists(int(p.name[3:]))]


def test_a_run_goes_on_between_two_rounds_on_machines_that_stand_elsewhere(
    three_hosts: Hosts,
    make_submission: Callable[[str, str], Path],
    segjudge: Command,
    tmp_path: Path,
) -> None:
    """What the head names by a path from its own folder is nothing there."""
    write_data(tmp_path / "source")
    segjudge("manifest", "build", "--layout", "cvpr", tmp_path / "source", tmp_path / "data")
    rules = segjudge("protocol", "show", "cvpr25-interactive").stdout
    rules = rules.replace("memory_mib = 32768", "memory_mib = 512").replace(
        "number = 6", "number = 2"
    )
    (tmp_path / "rules.toml").write_text(rules)
    here = Path(os.path.relpath(tmp_path, three_hosts.folder))

    def of(folder: Path) -> list[object]:
        data, rules = folder / "data/manifest.json", folder / "rules.toml"
        named = ["--submission", f"learns={folder / 'submission-learns'}", "--sandbox", "local"]
        return ["run", "--manifest", data, "--protocol", rules, *named, folder / "run"]

    make_submission("learns", LEARNS)
    assert segjudge(*of(tmp_path)).returncode == 0
    (kept,) = tmp_path.glob("run/predictions/learns/CT_a.npz")
    before = rows(tmp_path / "run/runs.csv"), kept.read_bytes()
    kept.unlink()
    three_hosts.finish(*of(here))
    assert (rows(tmp_path / "run/runs.csv"), kept.read_bytes()) == before


@pytest.mark.soak
@pytest.mark.demo_images
def test_the_demo_on_two_workers_has_the_tables_of_the_plain_one(tmp_path: Path) -> None:
    for name, more in (("plain", ()), ("cluster", ("--cluster", "local:2"))):
        finish(run_command("demo", name, "--sandbox", "local", *more, cwd=tmp_path))
    for table in ("runs.csv", "label_scores.csv", "case_scores.csv"):
        assert rows(tmp_path / "cluster" / table) == rows(tmp_path / "plain" / table)
