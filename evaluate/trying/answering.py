"""A process beside the page's that holds one submission and answers one image at a time.

It is a process so that an attempt can be ended as Ctrl-C ends a run, which leaves nothing behind,
and so that whatever goes wrong in it leaves the page alive.
"""

import _thread
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs
from data_manifest.errors import printable
from data_manifest.layouts import BadPrediction
from data_manifest.manifest import Case, Manifest
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.machine import Machine, SandboxFacts, describe_host, library_versions
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.turns import Turn
from evaluate.running.attempting import Slot
from evaluate.running.conversation import Conversation
from evaluate.running.plan import Plan
from evaluate.sandbox import ImageProblem, open_sandbox
from evaluate.sandbox.scratch import scratch_folder

if TYPE_CHECKING:
    from evaluate.sandbox import Image, Sandbox

_LAST_LINES = 200
_CLEANED_UP_S = 30
_LOOK_S, _LOOKS_BETWEEN = 0.2, 5
_BY_HAND = "ended by hand"
_SPAWN = multiprocessing.get_context("spawn")  # a fork would copy the server's threads' locks


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How the sandbox of a submission is opened; see `open_sandbox`."""

    reference: str
    rules: Rules
    sandbox: str
    build_arguments: Mapping[str, str]
    environment: Mapping[str, str]
    runtime: str | None = None
    cache: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An image with its prompts, in a round."""

    case: Case
    inputs: CaseInputs
    round: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a container made of it.

    Attributes:
        outcome: None where the attempt was ended by hand, or was none.
        reason: why it failed, in words.
        labels: its mask, (H, W) or (D, H, W); None where it left none that counts.
        prediction: the file that it left, byte for byte.
        log: the container's last lines.
    """

    outcome: Outcome | None = None
    reason: str = ""
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_memory_mib: float | None = None
    labels: npt.NDArray[np.integer] | None = None
    prediction: bytes | None = None
    log: str = ""


class Answerer:
    """One submission, made ready once; safe to be asked from several threads, in turn."""

    def __init__(self, opening: Opening) -> None:
        self.reference = opening.reference
        self._opening = opening
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._pipe: Connection | None = None
        self._process: multiprocessing.process.BaseProcess | None = None

    def ask(self, question: Question, ended: threading.Event) -> Answer:
        """Wait for an answer; a failure of whatever kind is one.

        Args:
            question: what the container is told.
            ended: when somebody sets it, the attempt is ended, and the answer says so.
        """

        def is_over() -> bool:
            return ended.is_set() or self._closed.is_set()

        while not self._turn.acquire(timeout=_LOOK_S):
            if is_over():  # while it stands behind another one
                return Answer(reason=_BY_HAND)
        try:
            if is_over():
                return Answer(reason=_BY_HAND)
            try:
                pipe = self._started()
                pipe.send(question)
                waited = 0
                while not pipe.poll(_LOOK_S):
                    # And again: it may have come before there was anything to end.
                    waited = waited + 1 if is_over() else 0
                    if waited % _LOOKS_BETWEEN == 1:
                        self._interrupt()
                answer = pipe.recv()
            except (EOFError, OSError):
                self._process = self._pipe = None
                died = "the process that runs the container has died; try again"
                return Answer(reason=_BY_HAND if is_over() else died)
        finally:
            self._turn.release()
        assert isinstance(answer, Answer)  # noqa: S101  # nothing else is sent
        return answer

    def _interrupt(self) -> None:
        if self._process is not None and self._process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGINT)

    def close(self) -> None:
        """End the process, whatever it is at, and wait for what it cleans up."""
        self._closed.set()
        # Whoever waits for an answer holds the pipe open; it has one now.
        waited = self._turn.acquire(timeout=_CLEANED_UP_S)
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(timeout=_CLEANED_UP_S)
        self._process = self._pipe = None
        if waited:
            self._turn.release()

    def _started(self) -> Connection:
        if self._pipe is None or self._process is None or not self._process.is_alive():
            self._pipe, far = _SPAWN.Pipe()
            self._process = _SPAWN.Process(target=_serve, args=(far, self._opening), daemon=False)
            self._process.start()
            far.close()
        return self._pipe


def _serve(pipe: Connection, opening: Opening) -> None:
    """The process: it ends when the other end of the pipe does."""
    os.setsid()  # Ctrl-C on the terminal is the page's to hear
    signal.signal(signal.SIGINT, signal.default_int_handler)
    questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
    busy = threading.Event()

    def listen() -> None:
        try:
            while True:
                questions.put(pipe.recv())
        except (EOFError, OSError):
            questions.put(None)
            if busy.is_set():
                _thread.interrupt_main()

    threading.Thread(target=listen, daemon=True).start()
    with scratch_folder() as scratch:
        try:
            with closing(_open(opening, scratch)) as sandbox:
                _answer_all(pipe, opening, scratch, sandbox, questions, busy)
        except SegjudgeError as error:
            problem = Answer(reason=printable(str(error)))
            while _next(questions) is not None:
                pipe.send(problem)


def _open(opening: Opening, scratch: Path) -> "Sandbox":
    return open_sandbox(
        opening.sandbox,
        scratch=scratch,
        environment=opening.environment,
        cache=opening.cache,
        build_arguments=opening.build_arguments,
        runtime=opening.runtime,
    )


def _next(questions: "queue.SimpleQueue[Question | None]") -> Question | None:
    while True:
        try:
            return questions.get()
        except KeyboardInterrupt:
            continue  # it came too late to end anything


def _answer_all(
    pipe: Connection,
    opening: Opening,
    scratch: Path,
    sandbox: "Sandbox",
    questions: "queue.SimpleQueue[Question | None]",
    busy: threading.Event,
) -> None:
    image: Image | None = None
    try:
        while (question := _next(questions)) is not None:
            busy.set()
            try:
                if image is None:
                    image = sandbox.prepare(opening.reference, limits=opening.rules.limits)
                answer = _attempt(opening.rules, scratch, sandbox, image, question)
            except KeyboardInterrupt:
                answer = Answer(reason=_BY_HAND)
            except ImageProblem as problem:
                answer = Answer(outcome=Outcome.IMAGE_ERROR, reason=str(problem))
            except (SegjudgeError, ValueError) as error:
                answer = Answer(reason=printable(str(error)))
            busy.clear()
            pipe.send(answer)
    except OSError:
        pass  # the page is gone
    finally:
        if image is not None:
            sandbox.release(image)


def _attempt(
    rules: Rules, scratch: Path, sandbox: "Sandbox", image: "Image", question: Question
) -> Answer:
    """As `segjudge run` makes an attempt, and nothing kept."""
    case = question.case
    facts = SandboxFacts(name=sandbox.name, isolated=sandbox.isolated, engine=sandbox.describe())
    plan = Plan(
        protocol=rules,
        manifest=Manifest(schema=1, name="tried", cases=(case,)),
        data_root=scratch,
        submissions=(),
        machine=Machine(host=describe_host(), sandbox=facts, versions=library_versions()),
        seed=0,
    )
    made = Slot(plan, sandbox, owner="try").attempt(
        image,
        case,
        Turn(team="tried", case=case.id, round=question.round),
        Conversation(rules, case, scratch),
        question.inputs,
        "",
    )
    labels = None
    if made.prediction is not None:
        path = scratch / f"answer{rules.output.suffix}"
        path.write_bytes(made.prediction)
        read = rules.read_mask(path, case)
        labels = None if isinstance(read, BadPrediction) else read.astype(np.uint16)
    lines = made.log.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
    return Answer(
        outcome=made.attempt.outcome,
        reason=made.attempt.reason,
        wall_s=made.attempt.wall_s,
        cpu_s=made.attempt.cpu_s,
        peak_memory_mib=made.attempt.peak_memory_mib,
        labels=labels,
        prediction=made.prediction,
        log="\n".join(printable(line) for line in lines),
    )
