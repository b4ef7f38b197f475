"""What a worker process is to the calls that are made in it."""

import ctypes
import os
import pickle
import platform
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from data_manifest.errors import printable
from evaluate.cluster.calls import Failed
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.machine import library_versions
from evaluate.sandbox.measurement.gpu import Gpus

_RETIRE_AFTER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a machine says of itself.

    Attributes:
        name: under which it is known; empty for a process on the head's own machine.
        host: the same for all processes of one machine.
        pid: of the process.
        versions: of segjudge and its libraries.
        memory_mib: of the machine.
        gpus: that it has.
        free_mib: room in its scratch folder.
        lacks: what does not work there, in words.
        leaves: why it takes no work; empty where it does.
    """

    name: str
    host: str
    pid: int
    versions: Mapping[str, str]
    memory_mib: int
    gpus: int
    free_mib: int
    lacks: tuple[str, ...]
    leaves: str

    @property
    def refusal(self) -> str:
        """Why the head, which asks, gives it no work of any kind; empty where it does."""
        mine = library_versions()
        unlike = (
            f"{package} {self.versions.get(package, 'missing')}, here {version}"
            for package, version in mine.items()
            if self.versions.get(package) != version
        )
        return self.leaves or next(unlike, "")


@dataclass(slots=True, kw_only=True)
class ClusterWorker:
    """A worker process: one call at a time.

    Attributes:
        name: see `Hello`.
        scratch: its folder, gone with it.
        environment: its variables, which may name an engine.
        cache: folder of what was found out about images.
        lacks: see `Hello`.
        held: closed when it ends.
        kept: of those that call, from one call to the next, by their own names.
        leaves: see `Hello`.
        tell: sends a few words to the head while a call is made.
    """

    name: str
    scratch: Path
    environment: Mapping[str, str]
    cache: Path
    lacks: tuple[str, ...] = ()
    held: ExitStack = field(default_factory=ExitStack)
    kept: dict[str, object] = field(default_factory=dict)
    leaves: str = ""
    tell: Callable[[object], None] = lambda _: None
    _failures_in_a_row: int = 0
    _busy: threading.Lock = field(default_factory=threading.Lock)
    _last_call_s: float = 0.0
    _thread: int = 0  # that makes a call, and may be interrupted
    _gate: threading.Lock = field(default_factory=threading.Lock)  # of `_thread`

    def went(self, *, well: bool) -> None:
        """How a piece of work ended; after two in a row that failed by our side it leaves."""
        self._failures_in_a_row = 0 if well else self._failures_in_a_row + 1
        if self._failures_in_a_row >= _RETIRE_AFTER and not self.leaves:
            self.leaves = f"{_RETIRE_AFTER} blocks in a row failed on this machine"

    @property
    def retired(self) -> bool:
        """Whether it leaves because of itself."""
        return self._failures_in_a_row >= _RETIRE_AFTER

    @property
    def idle_s(self) -> float:
        """For how long nothing was asked of it; 0 while a call is made."""
        return 0.0 if self._busy.locked() else time.monotonic() - self._last_call_s

    def answer(self, request: bytes) -> object:
        """Make a call; what fails is an answer, too."""
        with self._busy:
            try:
                return self._made(request)
            except SegjudgeError as error:
                return Failed(reason=printable(f"{error}"))
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the head must know
                return Failed(reason=printable(f"{type(error).__name__}: {error}"))
            finally:
                self._last_call_s = time.monotonic()

    def _made(self, request: bytes) -> object:
        self._thread = threading.get_ident()
        try:
            function, arguments = pickle.loads(request)  # noqa: S301 - the head's: see docs/cluster.md
            return function(*arguments)
        finally:
            with self._gate:  # no interrupt is for what comes after
                self._thread = 0

    def interrupt(self) -> None:
        """Ctrl-C for the call that is being made, once: its container is stopped and removed."""
        with self._gate:
            if self._thread:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread), ctypes.py_object(KeyboardInterrupt)
                )
            self._thread = 0  # a second one would stop the tidying up


_members: list[ClusterWorker] = []


def become(new: ClusterWorker) -> None:
    """Make this process that member."""
    _members[:] = [new]


def this_worker() -> ClusterWorker:
    """The one that this process is."""
    return _members[0]


def answer(request: bytes) -> object:
    """Make a call in this process."""
    return this_worker().answer(request)


def hello() -> Hello:
    """What this machine says of itself."""
    me = this_worker()
    return Hello(
        name=me.name,
        host=platform.node(),
        pid=os.getpid(),
        versions=library_versions(),
        memory_mib=psutil.virtual_memory().total >> 20,
        gpus=len(Gpus.open(me.environment).devices),
        free_mib=psutil.disk_usage(str(me.scratch)).free >> 20,
        lacks=me.lacks,
        leaves=me.leaves,
    )
