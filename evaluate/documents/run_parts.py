"""The parts of run.json: the data, the submissions, the rules of each stage, the machine's load."""

from typing import Literal

import msgspec

StageName = Literal["run", "score", "rank"]


class RunPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of run.json."""


class ManifestReference(RunPart, frozen=True, kw_only=True):
    """The data: the manifest's name, its SHA-256, where it was, how many cases it has."""

    name: str
    sha256: str
    path: str
    cases: int


class SubmissionEntry(RunPart, frozen=True, kw_only=True):
    """What a team handed in.

    Attributes:
        team: its name.
        reference: the archive, image reference or folder.
        kind: `archive`, `reference` or `folder`; None where there is no image.
        digest: of the image, and of its model folder; None where there is none.
        details: what the sandbox found out about the image.
        problem: why there is no image; empty where there is one.
    """

    team: str
    reference: str
    kind: str | None = None
    digest: str | None = None
    details: dict[str, str | int] = {}
    problem: str = ""


class StageRules(RunPart, frozen=True, kw_only=True):
    """Which rules each stage last went by: keys of `RunDocument.rules`; None before a stage."""

    run: str
    score: str | None = None
    rank: str | None = None


class Calibration(RunPart, frozen=True, kw_only=True):
    """How steady one machine was.

    Attributes:
        samples: seconds that a fixed load took, in order.
        drift: how far the slowest tenth lies above the median, as a fraction.
        limit: above this drift times should not be ranked closely.
        parallel: the most containers at a time.
        fair: whether times may be compared closely.
        others_cpus: processors that other programs kept busy during each of the samples.
        throttled: at each of them, how often a processor had been too hot since the machine was
            started; none where it does not say.
    """

    samples: tuple[float, ...]
    drift: float
    limit: float
    parallel: int
    fair: bool
    others_cpus: tuple[float, ...] = ()
    throttled: tuple[int, ...] = ()

    @property
    def times_throttled(self) -> int:
        """How often a processor was too hot from the first sample to the last."""
        return max(self.throttled[-1] - self.throttled[0], 0) if self.throttled else 0


class RankOptions(RunPart, frozen=True, kw_only=True):
    """How to rank, beside the protocol, so that an audit ranks alike.

    Attributes:
        bootstrap: replicates; 0 for none.
        seed: of the resampling; None for the run's own.
        adjustment: of the tests' p-values; None for the protocol's.
        compat: `challenger` repeats known errors of challengeR, for comparison.
        left_out: teams that are not ranked, and why, in words.
        slower: by team, how much slower than elsewhere its machine was: times are divided by it.
    """

    bootstrap: int = 1000
    seed: int | None = None
    adjustment: Literal["holm", "bh", "none"] | None = None
    compat: Literal["challenger"] | None = None
    left_out: dict[str, str] = {}
    slower: dict[str, float] = {}
