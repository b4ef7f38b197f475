"""A challenge's rules, from container to ranking, read whole from one TOML file."""

import hashlib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec

from data_manifest.errors import Problem
from data_manifest.layouts import Inputs, Layout, OutputFile, contradictions
from evaluate.facts.errors import ProtocolError
from evaluate.facts.first_schema import upgraded

__all__ = [
    "RUN_PARTS",
    "Container",
    "Failures",
    "HandIn",
    "Limits",
    "Measurement",
    "RankedMetric",
    "Ranking",
    "Reproduction",
    "Rules",
    "Scoring",
    "builtin_protocols",
    "direction_problem",
    "load_protocol",
]

RUN_PARTS = ("prompts", "rounds", "input", "container", "output", "limits", "measurement")
"""The parts that decide what a container is given: an attempt under others is another attempt."""

_BUILTIN = Path(__file__).parent.parent / "protocols"

_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Score = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Further: TypeAlias = Literal[
    "iou", "sensitivity", "precision", "volume_difference", "hd", "hd95", "assd", "lesion_f1"
]
_Own: TypeAlias = Literal["dsc", "nsd", _Further, "wall_s", "cpu_s", "peak_memory_mib"]
_Named = Annotated[str, msgspec.Meta(pattern=r"\{team\}")]
_WorkspacePath = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9_/.-]+$")]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a protocol: frozen, and an unknown key is an error."""


class Limits(_Strict, frozen=True, kw_only=True):
    """What one container may use; the sandbox enforces exactly these.

    Attributes:
        timeout_s: wall-clock limit of one case.
        memory_mib: memory, and memory plus swap.
        cpus: CPUs' worth of time; None for all of the machine's, as the reference.
        processes: processes and threads.
        open_files: file descriptors of one process.
        scratch_mib: size of /tmp, and of the home folder, which are in memory.
        shm_mib: size of shared memory, which counts as memory; None for as much as `memory_mib`.
        output_mib: total size of the outputs folder.
        output_files: how many files the outputs folder may hold.
        log_mib: how much of the container's output is kept.
        gpus: GPUs that the container may use; needs an engine with NVIDIA's runtime.
    """

    timeout_s: _Positive
    memory_mib: _Count
    cpus: _Positive | None = None
    processes: _Count = 4096
    open_files: _Count = 4096
    scratch_mib: _Count = 1024
    shm_mib: _Count | None = None
    output_mib: _Count = 1024
    output_files: _Count = 1000
    log_mib: _Count = 4
    gpus: Annotated[int, msgspec.Meta(ge=0)] = 0


class Container(_Strict, frozen=True, kw_only=True):
    """How a container is called, and where it finds and leaves files.

    Attributes:
        command: run in the container.
        inputs: where the case is mounted.
        outputs: where the mask is left.
    """

    command: tuple[str, ...]
    inputs: _WorkspacePath = "/workspace/inputs"
    outputs: _WorkspacePath = "/workspace/outputs"


class Measurement(_Strict, frozen=True, kw_only=True):
    """What is measured besides wall-clock time, CPU time and peak memory.

    Attributes:
        profile_hz: samples of CPU time, memory and GPU memory a second, kept as
            profiles/TEAM/CASE.csv, with their areas under the curve in runs.csv (FLARE 2022 samples
            at 10); None for none.
    """

    profile_hz: Annotated[float, msgspec.Meta(gt=0, le=20)] | None = None


class HandIn(_Strict, frozen=True, kw_only=True):
    """What a team hands in, and what `segjudge check` measures it against; a run reads none of it.

    Attributes:
        archive: the file's name; `{team}` stands for the team's, in lower case and without dots.
        tag: the image's name in the archive, of the same team.
        archive_mib: the largest file that is taken.
        largest_case: shape (D, H, W) of the largest case that is expected, for estimates.
    """

    archive: _Named | None = None
    tag: _Named | None = None
    archive_mib: _Count | None = None
    largest_case: tuple[_Count, _Count, _Count] | None = None


class Scoring(_Strict, frozen=True, kw_only=True):
    """How a mask becomes numbers.

    Attributes:
        tolerance_mm: of NSD; in pixels where a 2D case has no spacing.
        nsd_needs_dsc_above: NSD of a case is 0 unless its DSC is above this; None for no gate.
        labels: `reference` scores the labels that the reference has; `one_to_maximum` scores
            1 to the reference's largest, gaps included, as the CVPR 2024 script.
        spacing_order: `array` uses the spacing in the array's axis order; `stored` applies the
            file's x, y, z to the array's z, y, x by index, as the CVPR 2024 script.
        two_d: `contour` compares outlines; `slab` a one-voxel-thick (H, W, 1) volume, whose faces
            are surface too, as the CVPR 2024 script.
        two_d_spacing: `case` uses a 2D case's spacing where it has one; `unit` always 1.
        further: metrics to compute besides DSC and NSD, by name.
        lesion_iou: of `lesion_f1`: the intersection over union from which an object is found.
    """

    tolerance_mm: Annotated[float, msgspec.Meta(ge=0)]
    nsd_needs_dsc_above: _Score | None = None
    labels: Literal["reference", "one_to_maximum"] = "reference"
    spacing_order: Literal["array", "stored"] = "array"
    two_d: Literal["contour", "slab"] = "contour"
    two_d_spacing: Literal["case", "unit"] = "case"
    further: tuple[_Further, ...] = ()
    lesion_iou: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5


class Failures(_Strict, frozen=True, kw_only=True):
    """What a failed case costs: a value for each score; the time counts as the time limit.

    A further metric has the value of an empty mask; a distance that of the case's diagonal.
    """

    dsc: _Score = 0.0
    nsd: _Score = 0.0


class RankedMetric(_Strict, frozen=True, kw_only=True):
    """A column of case_scores.csv that teams are ranked by, and its weight.

    Attributes:
        name: one of segjudge's own metrics, or a column of another tool's table.
        direction: of another tool's: whether higher or lower values are better; not for our own.
        tolerance: values better than this one count as this one (FLARE: memory below the tolerance
            makes ties); None for no clipping.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f](.{0,98}\S)?$")]
    direction: Literal["higher", "lower"] | None = None
    weight: _Positive = 1.0
    tolerance: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Ranking(_Strict, frozen=True, kw_only=True):
    """How places are made.

    Attributes:
        metrics: ranked separately; a team's ranks are averaged over them by weight.
        rank_level: `case` ranks the teams in every case; `modality` ranks their means over the
            cases of each modality.
        across_modalities: with `rank_level` case: `micro` weighs every case alike, `macro` every
            modality. Ranking by `modality` always weighs modalities alike.
        ties: the rank that equal values share.
        tie_breaks: ranked metrics whose means over the modalities part teams of equal mean rank, in
            this order; without them such teams share a place.
        alpha: level of the tests.
        adjustment: of the tests' p-values for there being many pairs of teams.
    """

    metrics: tuple[RankedMetric, ...]
    rank_level: Literal["case", "modality"] = "case"
    across_modalities: Literal["micro", "macro"] = "macro"
    ties: Literal["min", "average", "max"] = "min"
    tie_breaks: tuple[str, ...] = ()
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05
    adjustment: Literal["holm", "bh", "none"] = "holm"


class Reproduction(_Strict, frozen=True, kw_only=True):
    """How much another run of the same container may differ and still count as equivalent.

    Attributes:
        dsc, nsd: the mean change over the cases, either way.
        wall_ratio: of the times, corrected for the machine; 1.25 allows 1/1.25 to 1.25.
        alpha: level of the equivalence tests, each of two one-sided tests.
    """

    dsc: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    nsd: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    wall_ratio: Annotated[float, msgspec.Meta(gt=1)] = 1.25
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.05


class Rules(_Strict, frozen=True, kw_only=True):
    """One challenge's rules, whole.

    Attributes:
        rounds: how many times a case's container is run; an interactive protocol has several.
    """

    schema: Literal[2]
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: str
    title: str
    description: str
    prompts: tuple[str, ...]
    rounds: Literal[1] = 1
    input: Inputs
    container: Container
    output: OutputFile
    limits: Limits
    measurement: Measurement = Measurement()
    scoring: Scoring
    failures: Failures
    ranking: Ranking
    submission: HandIn = HandIn()
    reproduction: Reproduction = Reproduction()

    @property
    def layout(self) -> Layout:
        """Which files a container gets, and which it is to leave."""
        return Layout(inputs=self.input, output=self.output)

    def to_json(self) -> dict[str, Any]:
        """The whole protocol as plain JSON data, as run.json keeps it."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    def digest(self, *parts: str) -> str:
        """SHA-256 of the named parts (all without names): equal for equal rules.

        A stage redoes its work only when the parts that it reads have changed.
        """
        data = self.to_json()
        chosen = {part: data[part] for part in parts} if parts else data
        return hashlib.sha256(msgspec.json.encode(chosen, order="sorted")).hexdigest()

    @property
    def run_sha256(self) -> str:
        """SHA-256 of what decides an attempt: attempts of one ranking must be alike in it."""
        return self.digest(*RUN_PARTS)


def builtin_protocols() -> list[str]:
    """Names of the protocols that come with segjudge, sorted."""
    return sorted(path.stem for path in _BUILTIN.glob("*.toml"))


def load_protocol(name_or_path: str) -> Rules:
    """Read a built-in protocol by name, or a TOML file by path.

    Raises:
        ProtocolError: unknown name, unreadable file, or a key that is wrong, missing or unknown.
    """
    path = _BUILTIN / f"{name_or_path}.toml"
    if name_or_path not in builtin_protocols():
        path = Path(name_or_path)
        if not path.is_file():
            raise ProtocolError(
                Problem(
                    where=f"protocol {name_or_path}",
                    found="neither a built-in protocol nor a file",
                    expected=f"one of {', '.join(builtin_protocols())}, or the path of a TOML file",
                    mend="`segjudge protocol list` shows the built-in ones",
                )
            )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProtocolError(
            Problem(where=str(path), found=f"can't be read: {error}", expected="a TOML file")
        ) from error
    return protocol_from_json(data, where=str(path))


def protocol_from_json(data: object, *, where: str) -> Rules:
    """Check plain data (of a TOML file, or of run.json) whole.

    Raises:
        ProtocolError: a key is wrong, missing or unknown; `where` names the file.
    """
    try:
        protocol = msgspec.convert(upgraded(data), Rules)
    except msgspec.ValidationError as error:
        raise ProtocolError(
            Problem(
                where=where,
                found=str(error),
                expected="a protocol of schema 1 or 2",
                mend="`segjudge protocol show segjudge` prints a valid one",
            )
        ) from error
    problems = list(contradictions(protocol.input, protocol.output, protocol.prompts))
    if problems:
        raise ProtocolError(
            *(replace(problem, where=f"{where}: {problem.where}") for problem in problems)
        )
    names: list[str] = [metric.name for metric in protocol.ranking.metrics]
    if not names or len(set(names)) < len(names):
        raise ProtocolError(
            Problem(
                where=f"{where}: ranking.metrics",
                found=f"{names}",
                expected="at least one metric, each named once",
            )
        )
    for metric in protocol.ranking.metrics:
        problem = direction_problem(metric, where=f"{where}: ranking.metrics")
        if problem is not None:
            raise ProtocolError(problem)
    unscored = sorted((set(names) - set(protocol.scoring.further)) & set(get_args(_Further)))
    if unscored:
        raise ProtocolError(
            Problem(
                where=f"{where}: ranking.metrics",
                found=f"{', '.join(unscored)}, which this protocol does not compute",
                expected="metrics that the cases are scored by",
                mend="name it in scoring.further too",
            )
        )
    breaks = protocol.ranking.tie_breaks
    if len(set(breaks)) < len(breaks) or not set(breaks) <= set(names):
        raise ProtocolError(
            Problem(
                where=f"{where}: ranking.tie_breaks",
                found=f"{list(breaks)}",
                expected=f"some of the ranked metrics ({', '.join(names)}), each named once",
            )
        )
    return protocol


def direction_problem(metric: RankedMetric, *, where: str) -> Problem | None:
    """Why a metric can't be ranked by: another tool's needs a direction, our own has one."""
    own = get_args(_Own)
    if (metric.name in own) == (metric.direction is None):
        return None
    return Problem(
        where=where,
        found=f"{metric.name} with direction {metric.direction or 'not named'}",
        expected=f"one of {', '.join(own)}, which have their directions, or another tool's column"
        " with `higher` or `lower`",
    )
