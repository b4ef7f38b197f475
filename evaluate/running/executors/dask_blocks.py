"""Blocks on the machines of a cluster: one block a machine, and a block never on two.

A block whose machine is lost, or that failed there by our side, is made again as a whole on another
one; what a lost machine had made of it never comes, so nothing is kept twice.
"""

import itertools
import tarfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from data_manifest.manifest import Case
from evaluate.cluster import Call, CallFailedError, ClusterError, MachineLostError, Talk
from evaluate.cluster.fleet import Fleet
from evaluate.cluster.this_worker import Hello, hello
from evaluate.cluster.transfer import SentFile, sending
from evaluate.documents.run_status import MachineState, MachineStatus, gone_machines
from evaluate.facts.errors import Finding
from evaluate.facts.machine import Machine
from evaluate.running.attempting import Made
from evaluate.running.calibration import LoadTime
from evaluate.running.executors.far_slot import (
    BlockMade,
    make_block,
    open_far_slot,
    prepare_team,
    sees_folder,
    warm_up,
)
from evaluate.running.plan import Block, Plan, Series, Submission

_TRIES = 3
_MOST_LOSSES = 4
_SPARE_MIB = 64


@dataclass(slots=True, kw_only=True, eq=False)
class _Piece:
    """A block, and what became of it."""

    block: Block
    failed_on: list[str] = field(default_factory=list)  # addresses
    losses: int = 0
    begun: set[int] = field(default_factory=set)  # series, by their place, since it was last sent


class ClusterExecutor:
    """Sends blocks to machines that can do them; see `Executor`.

    `packed` is a folder for submissions that are packed for the way; `calibrated` is told of a
    machine, what the load took there, and how many slots it has; `tell` of what is at hand, twice
    a second.
    """

    def __init__(
        self,
        fleet: Fleet,
        plan: Plan,
        *,
        token: str,
        packed: Path,
        calibrated: Callable[[Machine, LoadTime, int], None],
        tell: Callable[[str], None],
    ) -> None:
        self._fleet, self._plan, self._token, self._packed = fleet, plan, token, packed
        self._calibrated, self._tell, self._note = calibrated, tell, "waiting for machines"
        self._todo: deque[_Piece] = deque()
        self._sent: dict[tuple[str, int], _Piece] = {}
        self._come: deque[Made] = deque()
        self._numbers = itertools.count(1)
        self._hosts: dict[str, str] = {}  # of the machines that take work, by address
        self._begin: Callable[[Series], None] = lambda _: None
        self._given_up: list[Finding] = []
        self.machines: dict[str, MachineStatus] = {}

    @property
    def slots(self) -> int:
        """One a machine."""
        return max(1, len(self._hosts))

    @property
    def done(self) -> bool:
        """Whether every block is made, or given up."""
        return not self._todo and not self._sent

    def run(
        self,
        blocks: Iterable[Block],
        *,
        begin: Callable[[Series], None],
        make: Callable[[Series], Iterator[Made]],
    ) -> Iterator[Made]:
        """See `Executor.run`; made by the same code as `make`, where it is sent.

        Raises:
            ClusterError: no machine is left, or a block failed by our side on all that tried it.
        """
        del make
        self._begin = begin
        self._todo.extend(_Piece(block=block) for block in blocks)
        try:
            for _ in self._fleet.drive(self):
                self._tell(self._note)
                while self._come:
                    yield self._come.popleft()
        except ClusterError as error:
            raise ClusterError(*error.problems, *gone_machines(self.machines.values())) from error
        if self._given_up:
            raise ClusterError(*self._given_up)

    def heard(self, address: str, words: object) -> None:
        """A series has begun there."""
        if isinstance(words, tuple) and len(words) == 2 and words[0] in self._sent:
            self._note_begun(self._sent[words[0]], words[1])

    def _note_begun(self, piece: _Piece, index: int) -> None:
        if index not in piece.begun:
            piece.begun.add(index)
            self._begin(piece.block.series[index])

    def talk(self, address: str) -> Talk:
        """All that is said to one machine."""
        about = "no answer yet: it may be at work for another run"
        self.machines[address] = MachineStatus(name=address, state="coming", about=about)
        try:
            if (machine := (yield from self._made_ready(address))) is None:
                return
            while True:
                if (piece := self._next_for(address)) is None:
                    yield None
                elif (leaves := (yield from self._one(address, piece, machine))) is not None:
                    self._say(address, "retired", leaves)
                    return
        except CallFailedError as error:
            self._say(address, "left out", str(error))
        except MachineLostError:
            self._say(address, "lost", "it went away")
            raise
        finally:
            self._hosts.pop(address, None)

    def _made_ready(self, address: str) -> Generator[Call, Any, Machine | None]:
        """Whether the machine can do it, its sandbox, its images, and a warm-up of each."""
        about: Hello = yield Call(function=hello)
        self.machines[address] = MachineStatus(name=about.name or about.host, state="coming")
        if why := self._refusal(about):
            self._say(address, "left out", why)
            return None
        self._say(address, "coming", "its sandbox is opened")
        bare = replace(self._plan, submissions=())
        machine: Machine = yield Call(function=open_far_slot, arguments=(self._token, bare))
        left = (*self._todo, *self._sent.values())
        teams = {s.submission.team: s.submission for piece in left for s in piece.block.series}
        for team, submission in sorted(teams.items()):
            self._say(address, "coming", f"preparing {team}")
            yield from self._bring(submission)
        cases, rounds = self._plan.manifest.cases, self._plan.protocol.rounds
        smallest = min(cases, key=lambda c: (rounds.of(c).start, prod(c.shape)))
        files = self._files_of(smallest)
        places = yield from sending([*files.values()])
        here = {path: places[file.path] for path, file in files.items()}
        self._say(address, "coming", "warming up")
        yield Call(function=warm_up, arguments=(self._token, here))
        self._hosts[address] = about.host
        self._say(address, "up")
        return machine

    def _refusal(self, about: Hello) -> str:
        """Why a machine gets no work; empty where it does."""
        limits = self._plan.protocol.limits
        if about.refusal:
            return about.refusal
        if about.memory_mib < limits.memory_mib:
            return f"{about.memory_mib} MiB of memory, the protocol grants {limits.memory_mib}"
        if about.gpus < limits.gpus:
            return f"{about.gpus} GPUs, the protocol grants {limits.gpus}"
        images = [s.image for s in self._plan.submissions if s.image is not None]
        archives = [Path(image.reference) for image in images if image.kind == "archive"]
        needed = (sum(path.stat().st_size for path in archives) >> 20) + _SPARE_MIB
        if about.free_mib < needed:
            return f"{about.free_mib} MiB free in its scratch folder, {needed} needed"
        return ""

    def _bring(self, submission: Submission) -> Generator[Call, Any, None]:
        """A team's image, loaded once a machine."""
        if (image := submission.image) is None:
            return
        source, place = Path(image.reference).resolve(), None
        if image.kind == "folder":
            if (yield Call(function=sees_folder, arguments=(source, image.digest))):
                image = replace(image, reference=str(source))
            else:
                packed = self._pack(submission.team, source)
                place = (yield from sending([SentFile.of(packed)]))[packed.resolve()]
        elif image.kind == "archive":
            place = (yield from sending([SentFile.of(source)]))[source]
        team, limits = submission.team, self._plan.protocol.limits
        yield Call(function=prepare_team, arguments=(self._token, team, image, place, limits))

    def _pack(self, team: str, folder: Path) -> Path:
        packed = self._packed / f"{team}.tar"
        if not packed.exists():
            with tarfile.open(packed, "w") as file:
                file.add(folder, arcname=".")
        return packed

    def _next_for(self, address: str) -> _Piece | None:
        """The first block that has not failed there, or has failed wherever it could go."""
        for piece in self._todo:
            if not set(self._hosts) - set(piece.failed_on) or address not in piece.failed_on:
                self._todo.remove(piece)
                return piece
        return None

    def _one(
        self, address: str, piece: _Piece, machine: Machine
    ) -> Generator[Call, Any, str | None]:
        """A block on a machine; why the machine takes no more, or None."""
        number = (self._token, next(self._numbers))  # other runs' are heard, too
        self._sent[number] = piece
        piece.begun.clear()
        block, last = piece.block.series, len(piece.failed_on) >= _TRIES - 1
        case, teams = block[0].case, {series.submission.team for series in block}
        got = BlockMade(made=(), load=LoadTime(seconds=0.0), leaves="", problem="")
        try:
            self._say(address, "up", case.id)
            files, answers = self._files_of(case), _answers(block)
            places = yield from sending([*files.values(), *map(SentFile.of, answers)])
            here = {path: places[file.path] for path, file in files.items()}
            given = {answer: places[answer.resolve()] for answer in answers}
            got = yield Call(function=make_block, arguments=(number, block, here, given, last))
        except CallFailedError as error:
            got = replace(got, problem=str(error))
        finally:
            del self._sent[number]
            is_lost = not got.made and not got.problem  # or nobody waited for it any more
            if is_lost:
                self._lost(piece, case.id)
        if is_lost:
            return got.leaves or None
        # The last try is kept as it is, if every team has a row of it.
        if not got.problem or (last and {m.attempt.team for m in got.made} == teams):
            self._take(piece, got, machine, address)
        else:
            self._failed(piece, case.id, address, got.problem)
        return got.leaves or None

    def _take(self, piece: _Piece, got: BlockMade, machine: Machine, address: str) -> None:
        self._calibrated(machine, got.load, [*self._hosts.values()].count(self._hosts[address]))
        for index in range(len(piece.block.series)):
            self._note_begun(piece, index)
        self._come.extend(got.made)
        known = self.machines[address]
        self.machines[address] = msgspec.structs.replace(known, blocks=known.blocks + 1)

    def _failed(self, piece: _Piece, case: str, address: str, problem: str) -> None:
        piece.failed_on.append(address)
        if len(piece.failed_on) < _TRIES:
            self._todo.append(piece)
            return
        fault = f"failed on our side {_TRIES} times: {problem}"
        mend = "`segjudge doctor` on those machines; the same command tries again"
        self._given_up.append(Finding(where=f"case {case}", found=fault, mend=mend))

    def _lost(self, piece: _Piece, case: str) -> None:
        piece.losses += 1
        if piece.losses <= _MOST_LOSSES:
            self._todo.appendleft(piece)
            return
        last = max(piece.begun, default=0)
        team = piece.block.series[last].submission.team
        fault = f"its machine went away {piece.losses} times, at last while {team} ran"
        mend = "that submission may bring a machine down; the same command tries again"
        self._given_up.append(Finding(where=f"case {case}", found=fault, mend=mend))

    def _files_of(self, case: Case) -> dict[str, SentFile]:
        """What a machine needs of a case, by the path in the data set."""
        entries = case.files if self._plan.protocol.rounds.number > 1 else case.inputs
        root = self._plan.data_root
        return {e.path: SentFile.of(root / e.path, e.sha256) for e in entries}

    def _say(self, address: str, state: MachineState, about: str = "") -> None:
        known = self.machines[address]
        self.machines[address] = msgspec.structs.replace(known, state=state, about=about)
        self._note = f"{known.name} {state}{': ' if about else ''}{about}"


def _answers(block: Sequence[Series]) -> list[Path]:
    """Of earlier rounds, where a run goes on between two."""
    earlier = (e.prediction for series in block for e in series.earlier)
    return [prediction for prediction in earlier if prediction is not None]
