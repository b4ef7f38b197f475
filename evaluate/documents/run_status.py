"""status.json: how far a run is, for whoever looks at it from another terminal."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from evaluate.documents.tables import write_document
from evaluate.facts.errors import Finding, RunDirectoryError

MachineState = Literal["coming", "up", "lost", "left out", "retired"]


class MachineStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One machine of a cluster.

    Attributes:
        name: the host's, or its worker's own.
        state: `up` takes work, while the command runs.
        about: the case at hand, or why it takes none.
        blocks: that it has made.
    """

    name: str
    state: MachineState
    about: str = ""
    blocks: int = 0

    @property
    def is_gone(self) -> bool:
        """Whether it takes no work, whatever the command does."""
        return self.state in ("lost", "left out", "retired")


class RunStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a run is.

    Attributes:
        began_at, updated_at: of the command that runs, or ran last; UTC, ISO 8601.
        finished: nothing is left to do.
        runs: of all teams on all cases in all rounds; `done` of them are, `before` of those were
            when the command began.
        blocks: cases with all teams and rounds, and how many of them are done.
        failures: of those that are done, by outcome.
        machines: of a cluster, in the order of their coming.
        dashboard: where dask shows what it does; empty where it does not.
        note: what is at hand.
    """

    schema: Literal[1] = 1
    began_at: str
    updated_at: str
    finished: bool = False
    runs: int
    done: int
    before: int
    blocks: int
    blocks_done: int
    failures: dict[str, int] = {}
    machines: tuple[MachineStatus, ...] = ()
    dashboard: str = ""
    note: str = ""

    @property
    def gone_machines(self) -> list[Finding]:
        """The machines that took no work, and why."""
        return gone_machines(self.machines)


def gone_machines(machines: Iterable[MachineStatus]) -> list[Finding]:
    """Those that take no work, and why."""
    return [
        unused_machine(machine.name, f"{machine.state}: {machine.about}")
        for machine in machines
        if machine.state in ("left out", "retired")
    ]


def unused_machine(name: str, why: str) -> Finding:
    """That a machine takes no work."""
    return Finding(where=f"machine {name}", found=why, mend="`segjudge doctor` on it says more")


def write_run_status(path: Path, status: RunStatus) -> None:
    """Replace status.json."""
    write_document(path, status)


def read_run_status(path: Path) -> RunStatus:
    """Read status.json.

    Raises:
        RunDirectoryError: there is none, or it is damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunStatus)
    except (OSError, msgspec.MsgspecError) as error:
        expected = "what `segjudge run` writes while it runs"
        fault = f"can't be read: {error}"
        raise RunDirectoryError(where=str(path), found=fault, expected=expected) from error
