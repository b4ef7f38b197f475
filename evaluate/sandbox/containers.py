"""One container from its creation to its certain removal."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker
import requests
from docker.utils.socket import frames_iter

from evaluate.sandbox.log import BoundedLog
from evaluate.sandbox.measurement import StatsMeter
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.policy import OWNER_LABEL, mounts_of
from evaluate.sandbox.port import SandboxError, one_line

_ENGINE_FAILS = (docker.errors.DockerException, requests.exceptions.RequestException)
_START_S = 60.0
_KILL_GRACE_S = 60.0
_REMOVAL_ATTEMPTS = 4
_RECORDED_S = 7200
_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
# What is said of its command; not of its mounts, which fail with the same words.
_STARTING = ("exec: ", "chdir", "executable file", "attempted to invoke")
# What the engine says when the command, not the engine, is why a container does not start.
_REFUSALS = (
    ("no such file or directory", _NOT_FOUND),
    ("executable file not found", _NOT_FOUND),
    ("permission denied", _NOT_EXECUTABLE),
    ("exec format error", _NOT_EXECUTABLE),
    ("is a directory", _NOT_EXECUTABLE),
    ("not a directory", _NOT_EXECUTABLE),
)


class CreationRefused(Exception):  # noqa: N818 - whose failure it is has to be found out
    """The engine answers, and makes or starts no such container."""

    def __init__(self, text: str, options: Mapping[str, object]) -> None:
        super().__init__(text)
        self.options = options


class StartRefused(Exception):  # noqa: N818 - a participant's failure
    """The image has no such command, or its working directory is closed to the user.

    Attributes:
        exit_code: the shell's convention, which the engine's own command line follows.
    """

    def __init__(self, text: str, *, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@contextlib.contextmanager
def engine_failures(doing: str) -> Any:
    """Turn what goes wrong between us and the engine into a `SandboxError`."""
    try:
        yield
    except (*_ENGINE_FAILS, OSError) as error:
        raise SandboxError(
            where=f"container engine, {doing}",
            found=one_line(f"failed: {getattr(error, 'explanation', None) or error}"),
            mend="see `segjudge doctor`, then run again: finished cases are kept",
        ) from error


@contextlib.contextmanager
def refusals(options: Mapping[str, object]) -> Iterator[None]:
    """Turn the engine's refusal of a container into a `CreationRefused`."""
    try:
        yield
    except docker.errors.APIError as error:
        said = str(error.explanation or error)
        for mount in mounts_of(options):
            said = said.replace(str(mount.get("Source") or "\0"), f"[{mount['Target']}]")
        raise CreationRefused(one_line(said), options) from error
    except requests.exceptions.ReadTimeout as error:
        raise CreationRefused("the engine does not come to an end with it", options) from error


def start_container(engine: docker.APIClient, name: str) -> None:
    """Start it within a minute: the client's own time limit is that of loading an image.

    Raises:
        docker.errors.APIError: the engine refuses.
        requests.exceptions.ReadTimeout: it does not answer in time.
    """
    url = engine._url("/containers/{0}/start", name)
    engine._raise_for_status(engine._post(url, timeout=_START_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class LastState:
    """What the engine says of a container that has ended."""

    exit_code: int
    out_of_memory: bool
    error: str


class OwnedContainer:
    """A context manager; on leaving it the container is gone, whatever happened."""

    def __init__(
        self, engine: docker.APIClient, *, name: str, options: dict[str, object], log: BoundedLog
    ) -> None:
        self._engine = engine
        self._name = name
        self._options = options
        self._log = log
        self._output: Any = None
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self.ended = threading.Event()
        self.started_at = 0.0
        self.startup_s = 0.0
        self._ended_at = 0.0
        self.id = ""

    def __enter__(self) -> "OwnedContainer":
        try:
            with refusals(self._options):
                made = self._engine.create_container_from_config(self._options, self._name)
            self.id = str(made["Id"])
            # Before the start, or the first words are lost.
            self._output = self._engine.attach_socket(
                self._name, params={"stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
            )
        except BaseException:
            self._remove()
            raise
        self._run_beside(self._keep_output)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def start(self) -> None:
        """Start it and the clock.

        Raises:
            StartRefused: the command can't be started in this image.
        """
        self.started_at = time.monotonic()
        try:
            with refusals(self._options):
                start_container(self._engine, self._name)
        except CreationRefused as refusal:
            text = str(refusal)
            # The runtime's words; those of an engine that lacks a program of its own are alike.
            of_the_command = "OCI" in text and any(words in text for words in _STARTING)
            for sign, exit_code in _REFUSALS:
                if of_the_command and sign in text.lower():
                    raise StartRefused(text, exit_code=exit_code) from refusal
            raise
        self.startup_s = time.monotonic() - self.started_at
        self._run_beside(self._await_exit)

    def kill(self) -> None:
        """End it by SIGKILL, which can't be ignored, and wait until that is seen."""
        with contextlib.suppress(docker.errors.APIError):  # it has ended meanwhile
            self._engine.kill(self._name, "SIGKILL")
        if not self.ended.wait(_KILL_GRACE_S):
            raise SandboxError(
                where=f"container {self._name}",
                found=f"still runs {_KILL_GRACE_S:g} s after it was killed",
                mend="see the engine's log; a process may hang in the kernel",
            )

    def end(self) -> tuple[LastState, float]:
        """The engine's last state of it, and the seconds from start to exit. It must have ended."""
        if self._failure is not None:
            raise self._failure
        said = self._engine.inspect_container(self._name)["State"]
        state = LastState(
            exit_code=int(said["ExitCode"]),
            out_of_memory=bool(said.get("OOMKilled")),
            error=str(said.get("Error") or ""),
        )
        for thread in self._threads:
            thread.join(timeout=10.0)  # the last of the output is on its way
        return state, self._ended_at - self.started_at

    def pid(self) -> int:
        """Of its first process, on the engine's machine."""
        return int(self._engine.inspect_container(self._name)["State"]["Pid"])

    def killed_from_outside(self) -> str:
        """Who else than we has ended it, by the engine's own record; empty if nobody.

        A program may kill itself; only the engine's record tells that from an operator's kill.
        """
        # By the engine's clock, in whole seconds: the last one has to pass.
        now = _seconds(self._engine.info()["SystemTime"])
        span = {"since": now - _RECORDED_S, "until": now + 1}
        filters = {"container": self.id, "event": ["kill", "destroy"]}
        for event in self._engine.events(**span, filters=filters, decode=True):
            about = event.get("Actor", {}).get("Attributes", {})
            signal = about.get("signal", "")
            return f"{event.get('Action')} {signal}".strip()
        return ""

    def sample_beside(self, meter: StatsMeter) -> None:
        """Let the meter have what the engine samples, about once a second, until the end."""

        def sample() -> None:
            with contextlib.suppress(*_ENGINE_FAILS):
                while not self.ended.is_set():
                    meter.add(self._engine.stats(self._name, stream=False, one_shot=True))

        # Not among the threads that are waited for: an answer may take a second.
        threading.Thread(target=sample, daemon=True, name=f"{self._name}-stats").start()

    def _run_beside(self, work: Any) -> None:
        thread = threading.Thread(target=work, daemon=True, name=f"{self._name}-{work.__name__}")
        self._threads.append(thread)
        thread.start()

    def _keep_output(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed from the other side
            for _, piece in frames_iter(self._output, tty=False):
                self._log.write(piece)

    def _await_exit(self) -> None:
        try:
            self._engine.wait(self._name, timeout=None)
        except _ENGINE_FAILS as error:
            self._failure = error
        finally:
            self._ended_at = time.monotonic()
            self.ended.set()

    def _remove(self) -> None:
        # By name: an interrupted creation may have made it without telling us its id. NotFound:
        # the creation itself failed.
        try:
            self._remove_container()
        finally:
            # Both end with the container; only an engine that hangs keeps them.
            for thread in self._threads:
                thread.join(timeout=5.0)
            if self._output is not None:
                # The socket's own `close` leaves the connection below it open.
                with contextlib.suppress(OSError):
                    self._output._response.close()

    def _remove_container(self) -> Any:
        for attempt in range(_REMOVAL_ATTEMPTS):
            try:
                return self._engine.remove_container(self._name, v=True, force=True)
            except (docker.errors.NotFound, requests.exceptions.ReadTimeout):
                return None  # gone; or the engine hangs: the next start finds it by its owner
            except docker.errors.APIError:  # its file system is still in use for a moment
                if attempt == _REMOVAL_ATTEMPTS - 1:
                    raise
                time.sleep(0.2 * 2**attempt)
        return None


def _seconds(text: str) -> int:
    """A time of the engine's, in seconds since 1970."""
    return int(datetime.fromisoformat(re.sub(r"\.\d+", "", text)).timestamp())


def remove_stale(engine: docker.APIClient) -> None:
    """Remove the containers, running or not, and the volumes that killed harnesses have left."""
    ours = {"label": OWNER_LABEL}
    for container in engine.containers(all=True, filters=ours):
        if _is_stale(container.get("Labels"), container["Names"][0].lstrip("/")):
            with contextlib.suppress(docker.errors.APIError):
                engine.remove_container(container["Id"], v=True, force=True)
    for volume in engine.volumes(filters=ours).get("Volumes") or []:
        if _is_stale(volume.get("Labels"), volume["Name"]):
            with contextlib.suppress(docker.errors.APIError):
                engine.remove_volume(volume["Name"])


def _is_stale(labels: Mapping[str, str] | None, name: str) -> bool:
    # The name as well: a container of anyone's inherits the labels that its image has.
    owner = Owner.parse((labels or {}).get(OWNER_LABEL, ""))
    return owner is not None and name.startswith(f"segjudge_{owner.token}_") and owner.is_gone()
