"""A machine that can't do the work says so and gets none; no team pays for it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluate.store import RunDirectory
from tests.cluster.hosts import (
    FILL_BOXES,
    QUICK,
    Hosts,
    arguments,
    finish,
    ledger_of,
    rows,
    run_command,
    submission_in,
    until,
    waiting_in,
    without,
)

Command = Callable[..., subprocess.CompletedProcess[str]]
Submissions = dict[str, Path]
# Takes the worker itself down, as a submission may that exhausts a machine; not in the warm-up.
KILLER = (
    "import os, pathlib\n"
    "inputs = pathlib.Path(os.environ['SEGJUDGE_INPUTS'])\n"
    "if list(inputs.glob('*XRay*')): os.kill(os.getppid(), 9)\n" + FILL_BOXES
)


def refused(*command: object, cwd: Path) -> str:
    """What a command says that ends for want of a machine."""
    said, _ = (head := run_command(*command, cwd=cwd)).communicate(timeout=200)
    assert head.returncode == 3, said
    return said


@pytest.mark.small_disk
def test_a_machine_where_two_blocks_fail_retires_and_its_blocks_go_elsewhere(
    hosts: Hosts, small_data: Path, plain: Path, tmp_path: Path
) -> None:
    """What was sent to it is lost from its disk: no container of the first two blocks starts."""
    hidden, root, waits = tmp_path / "hidden", tmp_path / "cluster", tmp_path / "waits"
    lines = waiting_in(waits)
    teams = {name: submission_in(hidden / name, lines) for name in ("filler", "twin")}
    broken = hosts.start_worker("broken", before=without(hidden))
    head = hosts.run(*arguments(small_data, root, teams, "--cluster", hosts.address))
    until(lambda: any(waits.iterdir()), what="the warm-up")
    (sent,) = (tmp_path / "host-broken").glob("*/runs/*/submissions")
    shutil.rmtree(sent)
    (waits / "go").touch()
    # Alone it can't leave the blocks to another before it has failed twice.
    assert "2 blocks in a row failed" in broken.communicate(timeout=120)[0]
    hosts.start_worker("ada")
    said = finish(head)
    assert "machine broken: retired: 2 blocks in a row failed on this machine" in said
    assert broken.returncode == 3
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")


@pytest.mark.small_disk
def test_a_machine_without_room_or_of_another_version_is_left_out(
    hosts: Hosts,
    small_data: Path,
    submissions: Submissions,
    plain: Path,
    segjudge: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    root, disk = tmp_path / "cluster", tmp_path / "host-small"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "none", str(disk)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        hosts.start_worker("small")
        other = tmp_path / "packages" / "isal-0.0.1.dist-info"
        other.mkdir(parents=True)
        (other / "METADATA").write_text("Metadata-Version: 2.1\nName: isal\nVersion: 0.0.1\n")
        hosts.start_worker("old", env=QUICK | {"PYTHONPATH": str(other.parent)})
        head = hosts.run(*arguments(small_data, root, submissions, "--cluster", hosts.address))
        until(lambda: {"small", "old"} <= left_out(root), what="both machines")
        hosts.start_worker("ada")
        said = finish(head)
        for name in ("small", "ada"):  # they could score
            hosts.workers[name].kill()
            hosts.workers[name].communicate()
        monkeypatch.setattr("evaluate.cluster.fleet._PATIENCE_S", 0.5)
        unscored = segjudge("score", root, "--cluster", hosts.address)
    finally:
        hosts.end()
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    assert "machine old: left out: isal 0.0.1, here " in said
    assert unscored.returncode == 3 and "machine old: isal 0.0.1, here " in unscored.stderr
    assert "machine small: left out: " in said and "MiB free in its scratch folder" in said
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")


def left_out(root: Path) -> set[str]:
    if not (root / "status.json").exists():
        return set()
    machines = RunDirectory(root).read_status().machines
    return {machine.name for machine in machines if machine.state == "left out"}


def test_a_case_that_takes_machine_after_machine_down_is_given_up_and_the_team_named(
    small_data: Path, submissions: Submissions, tmp_path: Path
) -> None:
    killer = submission_in(tmp_path / "killer", KILLER)
    root = tmp_path / "cluster"
    teams = {"good": submissions["filler"], "killer": killer}
    said = refused(*arguments(small_data, root, teams, "--cluster", "local:2"), cwd=tmp_path)
    assert "case 2DBox_XRay_1: its machine went away 5 times, at last while killer ran" in said
    assert len(ledger_of(root)) == 6, "the other cases wait for nobody"
    assert RunDirectory(root).cut_off()["killer", "2DBox_XRay_1"] == 5


def test_where_no_machine_can_the_command_says_why_and_ends(
    small_data: Path, submissions: Submissions, segjudge: Command, tmp_path: Path
) -> None:
    rules = tmp_path / "greedy.toml"
    shown = segjudge("protocol", "show", "cvpr24").stdout
    rules.write_text(shown.replace("memory_mib = 8192", "memory_mib = 999999999"))
    assert "999999999" in rules.read_text("utf-8")
    command = arguments(small_data, tmp_path / "cluster", submissions, "--cluster", "local:1")
    command[command.index("cvpr24")] = str(rules)
    said = refused(*command, cwd=tmp_path)
    assert "none of its machines can do the work" in said
    assert "MiB of memory, the protocol grants 999999999" in said
