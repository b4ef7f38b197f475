"""An attempt: one container on one case, judged. It touches no store and can be made anywhere."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import prod
from pathlib import Path

import msgspec

from data_manifest.cases import CaseInputs
from data_manifest.errors import printable
from data_manifest.layouts import BadPrediction, open_regular_file
from data_manifest.manifest import Case
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.run_rules import Limits
from evaluate.facts.turns import Turn, following_job
from evaluate.running.conversation import Conversation
from evaluate.running.plan import Plan, Series
from evaluate.running.profiles_kept import gpu_memory_area_mib_s, memory_area_mib_s, profile_csv
from evaluate.running.verdict import Output, judge
from evaluate.running.workspace import Workspace, listing, workspace
from evaluate.sandbox import Execution, Image, Job, Sandbox, SandboxError

# Folders of the harness, and a container's and its cgroup's name.
_NAMES_OF_ONE_RUN = re.compile(r'[^":= ]*(?:segjudge-tmp-|local_)[^/": ]+|segjudge_[\w-]+_\d+')
_BACK_OFF_S = (1.0, 4.0)  # an engine that restarts is back in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an attempt leaves for the keeper.

    Attributes:
        attempt: the row of runs.csv.
        job_sha256: of all that went in.
        options: what the container was given, as the sandbox reports it.
        prediction: the participant's file, only where the outcome is `ok`.
        log: the container's output.
        profile: its resource use over time as CSV, or None.
    """

    attempt: Attempt
    job_sha256: str
    options: dict[str, object]
    prediction: bytes | None
    log: bytes
    profile: bytes | None

    @property
    def turn(self) -> Turn:
        """Whose it is."""
        return Turn(team=self.attempt.team, case=self.attempt.case, round=self.attempt.round)

    @property
    def next_job_sha256(self) -> str:
        """Of all that goes into the next round, this one's answer among it."""
        kept = self.prediction
        sha256 = None if kept is None else hashlib.sha256(kept).hexdigest()
        return following_job(self.job_sha256, sha256)


class Slot:
    """Makes attempts; may be used from several threads at once, as its sandbox may."""

    def __init__(
        self,
        plan: Plan,
        sandbox: Sandbox,
        *,
        owner: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._plan, self._sandbox, self._owner, self._pause = plan, sandbox, owner, pause

    def warm_up(self, image: Image) -> None:
        """One uncounted run on the smallest case, so that file caches are warm for all alike."""
        rules = self._plan.protocol
        smallest = min(
            self._plan.manifest.cases, key=lambda c: (rules.rounds.of(c).start, prod(c.shape))
        )
        with self._workspace(smallest) as folders:
            try:
                self._sandbox.run(image, self._job(folders, smallest, rules.limits))
            except SandboxError as error:
                _pass_on_interrupt(error)  # else the counted run will say what is wrong

    def make(self, series: Series) -> Iterator[Made]:
        """A team's rounds on a case, in order; a failure on our side ends them."""
        plan = self._plan
        talk = Conversation(plan.protocol, series.case, plan.data_root)
        for earlier in series.earlier:
            talk.told(earlier.attempt.round)
            talk.went(earlier.attempt, earlier.prediction)
        job = series.job_sha256
        for turn in series.turns:
            made = self._persistent(series, turn, talk, job)
            yield made
            if made.attempt.outcome is Outcome.HARNESS_ERROR:
                break
            job = made.next_job_sha256

    def _persistent(self, series: Series, turn: Turn, talk: Conversation, job: str) -> Made:
        """What fails on our side is tried again before it counts."""
        image = series.submission.image
        if image is None:
            return self._made(turn, job, Outcome.IMAGE_ERROR, series.submission.problem)
        refused = talk.refusal()
        if refused is not None:
            return self._made(turn, job, *refused)
        run = partial(self.attempt, image, series.case, turn, talk, talk.told(turn.round), job)
        made = run()
        for seconds in _BACK_OFF_S:
            if made.attempt.outcome is not Outcome.HARNESS_ERROR:
                break
            self._pause(seconds)
            made = run()
        return made

    def attempt(
        self,
        image: Image,
        case: Case,
        turn: Turn,
        talk: Conversation,
        told: CaseInputs | None,
        job: str,
    ) -> Made:
        """One run and its judgement.

        Raises:
            KeyboardInterrupt: passed on, also where it made the sandbox fail.
        """
        rules, limits = self._plan.protocol, talk.limits()
        with self._workspace(case, told) as folders:
            try:
                execution = self._sandbox.run(image, self._job(folders, case, limits))
            except SandboxError as error:
                _pass_on_interrupt(error)
                return self._made(turn, job, Outcome.HARNESS_ERROR, printable(str(error)))
            files = rules.output.masks_in(folders.outputs, case.id)
            output = _look_at(files, folders.outputs, case, rules)
            outcome, reason = judge(execution, output, limits, rules.output.name(case.id))
            # Only an output that counts is kept: nothing of a failed run can ever be scored.
            kept = _content(folders.outputs, files[0]) if outcome is Outcome.OK else None
            made = self._made(turn, job, outcome, reason, execution, kept)
            talk.went(made.attempt, None if kept is None else folders.outputs / files[0])
        return made

    def _made(
        self,
        turn: Turn,
        job: str,
        outcome: Outcome,
        reason: str,
        execution: Execution | None = None,
        prediction: bytes | None = None,
    ) -> Made:
        return Made(
            attempt=Attempt(
                team=turn.team,
                case=turn.case,
                round=turn.round,
                outcome=outcome,
                reason=reason,
                exit_code=execution.exit_code if execution else None,
                wall_s=execution.wall_s if execution else None,
                cpu_s=execution.cpu_s if execution else None,
                peak_memory_mib=execution.peak_memory_mib if execution else None,
                measured_by=execution.measured_by if execution else "",
                started_at=execution.started_at if execution else datetime.now(UTC).isoformat(),
                startup_s=execution.startup_s if execution else None,
                **_more_usage(execution),
                machine=self._plan.machine_key,
                rules_sha256=self._plan.rules_sha256,
            ),
            job_sha256=job,
            options=_lasting(execution.options) if execution else {},
            prediction=prediction,
            log=execution.log if execution else b"",
            profile=profile_csv(execution.profile) if execution and execution.profile else None,
        )

    def _workspace(
        self, case: Case, told: CaseInputs | None = None
    ) -> AbstractContextManager[Workspace]:
        rules = self._plan.protocol

        def place(folder: Path) -> None:
            rules.layout.place(case, self._plan.data_root, folder, told)
            if rules.container.inputs_writable:
                for path in folder.rglob("*"):
                    path.chmod(0o755 if path.is_dir() else 0o644)

        return workspace(place, owner=self._owner)

    def _job(self, folders: Workspace, case: Case, limits: Limits) -> Job:
        container = self._plan.protocol.container
        return Job(
            own_entry=container.entrypoint == "image",
            command=container.words(case.id),
            case=case.id,
            inputs=folders.inputs,
            outputs=folders.outputs,
            container_inputs=container.inputs,
            container_outputs=container.outputs,
            inputs_writable=container.inputs_writable,
            container_model=container.model,
            limits=limits,
            profile_hz=self._plan.protocol.measurement.profile_hz,
        )


def _lasting(options: dict[str, object]) -> dict[str, object]:
    """The options without names of this one run, so that those of a thousand runs are alike."""
    text = _NAMES_OF_ONE_RUN.sub("*", msgspec.json.encode(options).decode())
    return msgspec.json.decode(text, type=dict[str, object])


def _content(outputs: Path, name: str) -> bytes | None:
    stream = open_regular_file(outputs / name, within=outputs)
    if stream is None:
        return None
    with stream:
        return stream.read()


def _look_at(files: Sequence[str], outputs: Path, case: Case, protocol: Rules) -> Output:
    if not files:
        return Output(present=False, others=listing(outputs))
    if len(files) > 1:
        names = ", ".join(map(printable, files[:3]))
        return Output(present=True, problem=f"{len(files)} files where one is to be: {names}")
    prediction = protocol.read_mask(
        outputs / files[0],
        case,
        within=outputs,
        allowed=protocol.scoring.allowed_labels,
    )
    problem = prediction.reason if isinstance(prediction, BadPrediction) else ""
    return Output(present=True, problem=problem)


def _pass_on_interrupt(error: BaseException) -> None:
    """Raise the Ctrl-C that a failing clean-up has covered: a run must not go on after one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        cause = cause.__cause__ or cause.__context__


_MORE = ("peak_gpu_memory_mib", "gpu_busy_s", "file_pages_mib", "throttled_s", "others_cpus")


def _more_usage(execution: Execution | None) -> dict[str, float | None]:
    """Beside time and memory; and under the curves of the profile, where one was asked for."""
    if execution is None:
        return {}
    more = {name: getattr(execution, name) for name in _MORE}
    if not execution.profile:
        return more
    return more | {
        "cpu_area_percent_s": None if execution.cpu_s is None else 100 * execution.cpu_s,
        "memory_area_mib_s": memory_area_mib_s(execution.profile, execution.wall_s),
        "gpu_memory_area_mib_s": gpu_memory_area_mib_s(execution.profile, execution.wall_s),
    }
