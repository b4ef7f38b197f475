"""A challenge's rules, from container to ranking, read whole from one TOML file."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.errors import Finding
from data_manifest.layouts import (
    FORMATS,
    BadPrediction,
    Inputs,
    Layout,
    OutputFile,
    References,
    contradictions,
    read_prediction,
)
from data_manifest.manifest import Case
from data_manifest.prompts import KINDS
from evaluate.facts.errors import ProtocolError
from evaluate.facts.first_schema import upgraded
from evaluate.facts.metric_rules import ScoredMetric, Strict
from evaluate.facts.misspelled import known_part
from evaluate.facts.protocol_files import builtin_protocols, whole_file
from evaluate.facts.ranking_rules import RankedMetric, Ranking, ranking_problems
from evaluate.facts.rounds import Rounds, rounds_problem
from evaluate.facts.run_rules import Container, HandIn, Limits, Measurement, Reproduction
from evaluate.facts.scoring_problems import scoring_problems
from evaluate.facts.scoring_rules import Scoring, with_options

__all__ = [
    "RUN_PARTS",
    "Container",
    "HandIn",
    "Limits",
    "Measurement",
    "RankedMetric",
    "Ranking",
    "Reproduction",
    "Rounds",
    "Rules",
    "ScoredMetric",
    "Scoring",
    "builtin_protocols",
    "load_protocol",
]

RUN_PARTS = ("prompts", "rounds", "input", "container", "output", "limits", "measurement")
"""The parts that decide what a container is given: an attempt under others is another attempt."""

_STAGES = {"run": RUN_PARTS, "score": ("scoring", "output"), "rank": ("ranking",)}
"""What each stage reads of the rules."""


class Rules(Strict, frozen=True, kw_only=True):
    """One challenge's rules, whole.

    Attributes:
        traps: what it repeats of a published script though its authors hardly meant it, in words.
        corrected: the built-in protocol to take instead; None for NAME-corrected, if there is one.
        rounds: how often a case's container is run; an interactive protocol has several.
    """

    schema: Literal[2]
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: str
    title: str
    description: str
    traps: tuple[str, ...] = ()
    corrected: str | None = None
    prompts: tuple[str, ...]
    rounds: Rounds = Rounds()
    input: Inputs
    container: Container
    output: OutputFile
    references: References = References()
    limits: Limits
    measurement: Measurement = Measurement()
    scoring: Scoring
    ranking: Ranking
    submission: HandIn = HandIn()
    reproduction: Reproduction = Reproduction()

    @property
    def layout(self) -> Layout:
        """Which files a container gets, and which it is to leave."""
        return Layout(inputs=self.input, output=self.output)

    def read_mask(
        self,
        path: Path,
        case: Case,
        *,
        within: Path | None = None,
        allowed: Collection[int] | None = None,
    ) -> npt.NDArray[np.integer] | BadPrediction:
        """Read a mask of a case as every stage reads it; see `read_prediction`."""
        return read_prediction(
            path,
            output=self.output,
            shape=case.shape,
            spacing_mm=case.spacing_mm,
            directions=case.directions,
            max_bytes=self.limits.output_mib << 20,
            within=within,
            allowed=allowed,
        )

    @property
    def kinds_of_prompts(self) -> tuple[str, ...]:
        """That lie in a case's file: all must have `prompts`, and some the first round's."""
        first = self.rounds.first_needs
        return tuple(dict.fromkeys((*self.prompts, *([first] if first else ()))))

    def to_json(self) -> dict[str, object]:
        """The whole protocol as plain JSON data, as run.json keeps it."""
        data: dict[str, object] = msgspec.to_builtins(self)
        return data

    def digest(self, *parts: str) -> str:
        """SHA-256 of the named parts (all without names): equal for equal rules.

        A part is a table of the file, or a stage: `run`, `score`, `rank`. A stage redoes its work
        only when the parts that it reads have changed. Keys at their defaults are left out: one
        that a later version adds makes no run of this version one of other rules. So a default
        never changes.
        """
        names = {name for part in parts for name in _STAGES.get(part, (part,))}
        told = _told(self)
        chosen = {name: value for name, value in told.items() if name in names or not parts}
        return hashlib.sha256(msgspec.json.encode(chosen, order="sorted")).hexdigest()

    @property
    def run_sha256(self) -> str:
        """SHA-256 of what decides an attempt: attempts of one ranking must be alike in it."""
        return self.as_told.digest("run")

    @property
    def as_told(self) -> "Rules":
        """As containers know them: how their masks are read afterwards is left out."""
        told = FORMATS[self.output.format].told_as or self.output.format
        output = msgspec.structs.replace(self.output, format=told)
        return msgspec.structs.replace(self, output=output)


def _told(value: Any) -> Any:
    """As plain data, without the keys that are at their defaults."""
    if isinstance(value, msgspec.Struct):
        told = {}
        for field in msgspec.structs.fields(value):
            own, factory = getattr(value, field.name), field.default_factory
            made = field.default if factory is msgspec.NODEFAULT else factory()
            if own != made:
                told[field.name] = _told(own)
        return told
    if isinstance(value, dict):
        return {key: _told(part) for key, part in value.items()}
    return [_told(part) for part in value] if isinstance(value, tuple) else value


def load_protocol(name_or_path: str, *, other_columns: bool = False) -> Rules:
    """Read a built-in protocol by name, or a TOML file by path.

    Args:
        name_or_path: which.
        other_columns: whether it may rank by columns that only another tool's table has.

    Raises:
        ProtocolError: unknown name, unreadable file, or a key that is wrong, missing or unknown.
    """
    data, where = whole_file(name_or_path)
    return protocol_from_json(data, where=where, other_columns=other_columns)


def protocol_from_json(data: object, *, where: str, other_columns: bool = False) -> Rules:
    """Check plain data (of a TOML file, or of run.json) whole.

    Raises:
        ProtocolError: a key is wrong, missing or unknown; `where` names the file.
    """
    problems: list[Finding] = []
    try:
        known, problems = known_part(upgraded(data), Rules)
        protocol = msgspec.convert(with_options(known), Rules)
    except (ValueError, msgspec.ValidationError) as error:
        wrong = Finding(
            where=where,
            found=str(error),
            expected="a protocol of schema 1 or 2",
            mend="`segjudge protocol show segjudge` prints a valid one",
        )
        raise ProtocolError(*_placed(where, problems), wrong) from error
    problems += contradictions(
        protocol.input, protocol.output, protocol.references, protocol.prompts
    )
    problems += [*filter(None, [rounds_problem(protocol.rounds, tuple(KINDS))])]
    if protocol.container.entrypoint == "command" and not protocol.container.command:
        problems.append(
            Finding(
                where="container.command",
                found="nothing to start",
                expected='the words of a command, or `entrypoint = "image"` for the image\'s own',
            )
        )
    if protocol.scoring.needs_prompts and protocol.references.prompts is None:
        problems.append(
            Finding(
                where="references.prompts",
                found="nothing, and what is scored depends on a case's text prompts",
                expected="where they lie, as a path with {case} in it",
            )
        )
    of_scoring = [*scoring_problems(protocol.scoring)]
    problems += of_scoring
    if not of_scoring:  # what metrics there are is known
        problems += ranking_problems(
            protocol.ranking, protocol.scoring, other_columns=other_columns
        )
    if problems:
        raise ProtocolError(*_placed(where, problems))
    return protocol


def _placed(where: str, problems: Iterable[Finding]) -> list[Finding]:
    return [replace(problem, where=f"{where}: {problem.where}") for problem in problems]
