"""The head's end of a cluster: one talk a machine, all of them in the caller's own thread.

dask carries calls and answers, sees machines come and go, and moves bytes. Each call is bound to
its machine, one at a time, so that nothing waits behind another and nothing is run twice in secret:
dask tells of a machine that is gone, and whoever talks decides what that means.
"""

import asyncio
import os
import queue
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from distributed import Client, Future

from evaluate.cluster.address import ClusterAddress, ClusterError
from evaluate.cluster.calls import Call, CallFailedError, Failed, MachineLostError, Talk
from evaluate.cluster.this_worker import answer

SETTINGS = {
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.large-graph-warning-threshold": "1GiB",
}
"""dask's, where its own are not ours."""
_LOOK_EVERY_S = 0.5
_ANSWER_WITHIN_S = 10.0
_PATIENCE_S = 60.0
_MOST_LOSSES = 3
"""Of calls to one machine that stays: then what it says can't be understood here."""
_SAME_COMMAND = "`segjudge doctor` on them; then the same command continues where it was"
TOPIC = "segjudge"


class Work(Protocol):
    """What is done with a cluster."""

    def talk(self, address: str) -> Talk:
        """All that is said to one machine. Ends where it gets no more work."""

    def heard(self, address: str, words: object) -> None:
        """What a machine told while it made a call."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""


@dataclass(slots=True, kw_only=True)
class _Line:
    """A talk, and where it is."""

    identity: str
    talk: Talk
    number: int = 0  # of the call that is being made
    future: Future | None = None
    idle: bool = False


class Fleet:
    """An open cluster.

    Args:
        client: of dask.
        address: as the user gave it.
        spawn: starts a worker here; None where others start them.
        dashboard: where dask shows what it does; empty where it does not.
    """

    def __init__(
        self,
        client: Client,
        address: ClusterAddress,
        spawn: Callable[[], "subprocess.Popen[bytes]"] | None,
        *,
        dashboard: str = "",
    ) -> None:
        self.dashboard = dashboard
        self._client, self._address, self._spawn = client, address, spawn
        self._events: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
        self._lines: dict[str, _Line] = {}
        self._numbers = count(1)
        self._losses: dict[str, int] = {}
        self._ended: set[str] = set()  # machines by their identity, whose talk is over
        self._deaths = 0  # of our own workers, since a call was answered
        self._own = [spawn() for _ in range(address.workers)] if spawn else []
        self._alone_since = time.monotonic()

    @property
    def shown_at(self) -> str:
        """Where dask shows what it does, in words."""
        if self.dashboard:
            return f"dask's dashboard is {self.dashboard}"
        return "dask has no dashboard here (that of `local:N` needs the package bokeh)"

    def drive(self, work: Work) -> Iterator[None]:
        """Talk with every machine that is there or comes, until the work is done.

        Yields after each step, so that the caller takes what has come.

        Raises:
            ClusterError: the scheduler is gone, or every machine that came gets no more work.
        """
        self._ended.clear()
        loop = self._client.loop.asyncio_loop
        watch = asyncio.run_coroutine_threadsafe(self._watch(), loop)
        self._client.subscribe_topic(TOPIC, self._told)
        try:
            while not work.done:
                self._step(work)
                yield
        finally:
            watch.cancel()
            for line in self._lines.values():
                self._drop(line)
            self._lines.clear()
            with suppress(Exception):  # the scheduler may be gone
                self._client.unsubscribe_topic(TOPIC)

    def close(self) -> None:
        """End the workers that are our own."""
        for process in self._own:
            process.terminate()
        for process in self._own:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _step(self, work: Work) -> None:
        """Wait for one thing to happen, and go on with whom it concerns."""
        kind, address, value = self._events.get()
        if kind == "gone":
            self._complain("its scheduler does not answer", "see that it runs")
        elif kind == "machines":
            self._meet(work, value)
        elif kind == "told":
            work.heard(address, value)
        elif (line := self._lines.get(address)) and line.number == value[0]:
            line.future = None
            if not isinstance(value[1], MachineLostError):
                self._deaths = 0
            self._go_on(address, line, value[1])
        for address, line in list(self._lines.items()):
            if line.idle:
                self._go_on(address, line, None)

    def _meet(self, work: Work, there: dict[str, str]) -> None:
        """Machines that have gone, and machines that have come."""
        for address, line in list(self._lines.items()):
            if there.get(address) != line.identity:
                self._go_on(address, line, MachineLostError())
        for address, identity in there.items():
            if address not in self._lines and identity not in self._ended:
                self._lines[address] = line = _Line(identity=identity, talk=work.talk(address))
                self._go_on(address, line, None)
        if self._spawn:
            self._start_again(self._spawn)
        if self._lines or not self._ended:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > (1.0 if self._spawn else _PATIENCE_S):
            self._complain("none of its machines can do the work", _SAME_COMMAND)

    def _start_again(self, spawn: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        """Workers of our own that died, but for those that went by themselves."""
        for place, process in enumerate(self._own):
            if process.poll() not in (None, 3):
                self._deaths += 1
                self._own[place] = spawn()
        if self._deaths > _MOST_LOSSES * len(self._own):
            self._complain("its workers die as soon as they are started", _SAME_COMMAND)

    def _go_on(self, address: str, line: _Line, got: object) -> None:
        """Give a talk what has come, and make the call that it asks for."""
        line.idle = False
        try:
            if isinstance(got, MachineLostError):
                call = line.talk.throw(got)
            elif isinstance(got, Failed):
                call = line.talk.throw(CallFailedError(got.reason))
            else:
                call = line.talk.send(got)
        except (StopIteration, MachineLostError) as end:
            losses = self._losses[line.identity] = self._losses.get(line.identity, 0) + 1
            if isinstance(end, StopIteration) or losses > _MOST_LOSSES:
                self._ended.add(line.identity)
            self._drop(line)
            del self._lines[address]
            return
        if call is None:
            line.idle = True
            return
        self._make(address, line, call)

    def _make(self, address: str, line: _Line, call: Call) -> None:
        line.number = next(self._numbers)
        try:
            line.future = self._client.submit(
                answer,
                call.packed(),
                workers=[address],
                resources={"slot": 1},
                pure=False,
                retries=0,
                key=f"segjudge-{call.function.__name__}-{os.getpid()}-{line.number}",
            )
        except Exception as error:  # noqa: BLE001 - dask has no class for a client that is closed
            lost = MachineLostError(str(error))
            self._events.put(("answer", address, (line.number, lost)))
            return
        asyncio.run_coroutine_threadsafe(
            self._await(address, line.number, line.future), self._client.loop.asyncio_loop
        )

    async def _await(self, address: str, number: int, future: Future) -> None:
        got: object
        try:
            got = await future
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            # Not the call's own: that would be an answer. The worker, or the way to it, is gone.
            got = MachineLostError(str(error))
        self._events.put(("answer", address, (number, got)))

    async def _watch(self) -> None:
        """Who is there, again and again."""
        heard = time.monotonic()
        while True:
            try:
                asked = self._client.scheduler.identity(n_workers=-1)
                info = await asyncio.wait_for(asked, _ANSWER_WITHIN_S)
                heard = time.monotonic()
                there = {a: str(w["id"]) for a, w in info["workers"].items() if _has_slot(w)}
                self._events.put(("machines", "", there))
            except (OSError, TimeoutError, AttributeError):
                if time.monotonic() - heard > _PATIENCE_S or self._client.status == "closed":
                    self._events.put(("gone", "", None))
                    return
            await asyncio.sleep(_LOOK_EVERY_S)

    def _told(self, event: Any) -> None:
        _, words = event
        self._events.put(("told", words["address"], words["words"]))

    def _drop(self, line: _Line) -> None:
        line.talk.close()
        if line.future is not None:
            line.future.release()
            line.future = None

    def _complain(self, found: str, mend: str) -> None:
        raise ClusterError(where=f"cluster {self._address.text}", found=found, mend=mend)


def _has_slot(worker: Mapping[str, Mapping[str, object]]) -> bool:
    """Whether it is a worker of ours: `dask worker` gives nobody a slot."""
    return "slot" in worker.get("resources", {})
