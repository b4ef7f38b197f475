"""Whatever is killed, frozen, cut off or filled up: nothing is lost, and nothing is kept twice.

Three hosts (workers with folders and engines of their own), a scheduler and a head; at random
moments one of them is harmed. The same command goes on until it is done, and its tables are those
of a run that nobody harmed.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from data_manifest.making.writing import write_case
from data_manifest.manifest import Manifest, Preparation, save_manifest
from evaluate.cli import main
from tests.cluster.hosts import (
    FILL_BOXES,
    Hosts,
    Wire,
    arguments,
    begun_in,
    ledger_of,
    rows,
    run_command,
    submission_in,
)
from tests.conftest import raw_case

CASES, TEAMS = 9, ("ada-net", "box-net")
NAMES = ("north", "east", "south")
A_RUN = 10  # faults: more would only keep it from its work
COMMANDS = 12  # the same one, at most so often
SMALL_MIB = 24


@pytest.fixture(scope="session")
def many_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of some tiny cases."""
    folder = tmp_path_factory.mktemp("many-small")
    for kind in ("inputs", "references"):
        (folder / kind).mkdir()
    preparation = Preparation(seed=0, margin=0, jitter=0, recipe="0" * 64)
    cases = [
        write_case(
            folder,
            raw_case(f"2DBox_US_{number}", "Ultrasound", (24, 30 + number), None),
            preparation=preparation,
        )
        for number in range(CASES)
    ]
    save_manifest(Manifest(schema=1, name="many", cases=tuple(cases)), folder / "manifest.json")
    return folder / "manifest.json"


class Harm:
    """Hosts, the wires between them and their scheduler, a head, and all that can befall them."""

    def __init__(self, folder: Path, command: Callable[[str], list[str]], seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)  # noqa: S311 - moments, not secrets
        self.hosts = Hosts(folder)
        self.wires = {name: Wire(self.hosts.address) for name in NAMES}
        self.command = command
        self.head: subprocess.Popen[str] | None = None
        self.mounted: set[str] = set()
        self.made: Counter[str] = Counter()
        self.commands = 0
        self.kinds: dict[str, Callable[[], None]] = {
            "worker killed": self.kill_worker,
            "worker frozen": self.freeze_worker,
            "worker asked to go": self.ask_worker,
            "network cut": self.cut_wire,
            "scheduler killed": self.kill_scheduler,
            "scheduler frozen": self.freeze_scheduler,
            "head killed": lambda: self.end_head(signal.SIGKILL),
            "head stopped by Ctrl-C": lambda: self.end_head(signal.SIGINT),
        }

    def start(self) -> None:
        """All of them."""
        self.hosts.start_scheduler()
        for name in NAMES:
            self._give_a_disk(name)
            self._start(name)

    def _give_a_disk(self, name: str) -> None:
        """A small disk of its own, where that is allowed."""
        place = self.folder / f"host-{name}"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MIB + 80}m", "none", str(place)]
        if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
            self.mounted.add(name)
            self.kinds["disk filled"] = self.fill_disk

    def _start(self, name: str) -> None:
        self.hosts.start_worker(name, address=self.wires[name].address)

    def start_head(self, root: Path) -> None:
        """The command, or the same one again."""
        self.commands += 1
        self.head = run_command(*self.command(str(root)), cwd=self.folder)

    @property
    def name(self) -> str:
        """One of the hosts."""
        return self.chance.choice(NAMES)

    def one(self) -> None:
        """One fault, of a kind that was rarest."""
        least = min(self.made[kind] for kind in self.kinds)
        kind = self.chance.choice([k for k in sorted(self.kinds) if self.made[k] == least])
        self.kinds[kind]()
        self.made[kind] += 1

    def kill_worker(self) -> None:
        """Its host loses power, and comes back."""
        name = self.name
        self._end(name, signal.SIGKILL)
        self._start(name)

    def ask_worker(self) -> None:
        """The batch system ends the job, and starts another one."""
        name = self.name
        with suppress(subprocess.TimeoutExpired):
            self._end(name, signal.SIGTERM)
        self._end(name, signal.SIGKILL)
        self._start(name)

    def _end(self, name: str, number: int) -> None:
        worker = self.hosts.workers[name]
        if worker.poll() is None:
            worker.send_signal(number)
            worker.communicate(timeout=20)

    def freeze_worker(self) -> None:
        """It hangs, for longer or shorter than the scheduler waits for it."""
        worker = self.hosts.workers[self.name]
        worker.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.choice((0.5, 4.0)))
        worker.send_signal(signal.SIGCONT)

    def cut_wire(self) -> None:
        """Its connections break, and new ones are refused for a while."""
        wire = self.wires[self.name]
        wire.cut()
        time.sleep(self.chance.uniform(0.0, 2.0))
        wire.mend()

    def kill_scheduler(self) -> None:
        """It dies, and is started again."""
        scheduler = self.hosts.scheduler
        assert scheduler is not None
        scheduler.kill()
        scheduler.wait()
        self.hosts.start_scheduler()

    def freeze_scheduler(self) -> None:
        """It hangs for a while."""
        scheduler = self.hosts.scheduler
        assert scheduler is not None
        scheduler.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.2, 3.0))
        scheduler.send_signal(signal.SIGCONT)

    def end_head(self, number: int) -> None:
        """The command itself."""
        assert self.head is not None
        self.head.send_signal(number)

    def fill_disk(self) -> None:
        """Somebody else fills it, and tidies up later."""
        name = self.chance.choice(sorted(self.mounted))
        rubbish = self.folder / f"host-{name}" / "rubbish"
        with suppress(OSError), rubbish.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(1 << 20))
        time.sleep(self.chance.uniform(0.5, 2.0))
        rubbish.unlink()

    def revive(self) -> None:
        """A host whose worker retired gets another one, as a batch system would give it."""
        for name, worker in self.hosts.workers.items():
            if worker.poll() is not None:
                worker.communicate()
                self._start(name)

    def end(self) -> None:
        """All of them."""
        if self.head is not None and self.head.poll() is None:
            self.head.kill()
            self.head.communicate()
        self.hosts.end()
        for wire in self.wires.values():
            wire.cut()
        for name in self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder / f"host-{name}")], check=True)


@pytest.fixture
def harmed(many_small: Path, tmp_path: Path) -> Iterator[tuple[Harm, Path]]:
    """What is going to be harmed, and the run that is not."""
    slow = submission_in(tmp_path / "slow", FILL_BOXES + "\ntime.sleep(0.25)\n")
    teams = dict.fromkeys(TEAMS, slow)
    plain = tmp_path / "plain"
    assert main(arguments(many_small, plain, teams)) == 0
    harm: Harm

    def command(root: str) -> list[str]:
        return arguments(many_small, Path(root), teams, "--cluster", harm.hosts.address)

    harm = Harm(tmp_path, command, seed=20261126)
    try:
        harm.start()
        yield harm, plain
    finally:
        harm.end()


@pytest.mark.parametrize("most", [10, pytest.param(220, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_nothing_is_lost_and_nothing_kept_twice(harmed: tuple[Harm, Path], most: int) -> None:
    harm, plain = harmed
    wanted = sorted(ledger_of(plain))
    lost = twice = runs = again = wanted_in_all = 0
    while harm.made.total() < most:
        root = harm.folder / f"run{runs}"
        harm.start_head(root)
        enough = min(most, harm.made.total() + A_RUN)
        for _ in range(COMMANDS):
            _harm_until_it_ends(harm, root, enough)
            said, _ = harm.head.communicate(timeout=200)
            if harm.head.returncode == 0:
                break
            assert harm.head.returncode in (3, 130, -signal.SIGINT, -signal.SIGKILL), said
            harm.revive()
            harm.start_head(root)
        assert harm.head.returncode == 0, f"{COMMANDS} commands did not end it: {said}"
        ended = ledger_of(root)
        lost += len(set(wanted) - set(ended))
        wanted_in_all += len(wanted)
        again += len(begun_in(root)) - len(ended)
        twice += len(ended) - len(set(ended))
        assert rows(root / "runs.csv") == rows(plain / "runs.csv")
        shutil.rmtree(root)
        runs += 1
    table = "\n".join(f"{count:5} {kind}" for kind, count in sorted(harm.made.items()))
    sys.stdout.write(
        f"{runs} runs, {harm.commands} commands, {harm.made.total()} faults\n{table}\n"
        f"attempts {wanted_in_all}, begun again {again}, lost {lost}, double {twice}\n"
    )
    assert (lost, twice) == (0, 0)
    assert harm.commands > runs, "no command was cut off: the faults tested nothing"
    assert again > 0 or most < 100, "no attempt was cut off"


def _harm_until_it_ends(harm: Harm, root: Path, most: int) -> None:
    """At random moments after the first container began, and before the command ends."""
    assert harm.head is not None
    while harm.head.poll() is None:
        time.sleep(harm.chance.uniform(0.1, 1.0))
        harm.revive()
        if ledger_of(root) and harm.made.total() < most and harm.head.poll() is None:
            harm.one()
