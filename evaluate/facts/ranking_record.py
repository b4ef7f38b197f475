"""What a ranking says: places, tests, resamples, and what a reader must know of them."""

from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

Number: TypeAlias = int | float | None
"""A place is an integer where it is one; null is what is not defined."""
ByTeam: TypeAlias = dict[str, Number]
ByPair: TypeAlias = dict[str, dict[str, float | None]]
"""By the first team and the second."""


class _RankingPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SettingsMetric(_RankingPart, frozen=True, kw_only=True):
    """A metric that is ranked by; see `RankedColumn`."""

    name: str
    direction: Literal["higher", "lower"]
    weight: float
    worst: float | None
    tolerance: float | None
    statistic: Literal["mean", "median", "rmse", "aggregated", "balanced_accuracy"] = "mean"
    group: str | None = None
    labels: tuple[str, ...] = ("",)


class RankingSettings(_RankingPart, frozen=True, kw_only=True):
    """All that decides a place; see `RankSettings`. The protocol is absent where there is none."""

    metrics: tuple[SettingsMetric, ...]
    rank_level: Literal["case", "label", "modality", "stratum", "cohort"]
    across_modalities: Literal["micro", "macro"]
    ties: Literal["min", "average", "max"]
    tie_breaks: tuple[str, ...]
    alpha: float
    adjustment: Literal["holm", "bh", "none"]
    compat: Literal["challenger"] | None
    resample: Literal["case", "group"] = "case"
    strata: str | None = None
    equal: Literal["value", "significance"] = "value"
    seed: int
    bootstrap: int
    resampled_methods: tuple[str, ...]
    all: str
    versions: dict[str, str]
    protocol: str | UnsetType = UNSET
    protocol_version: str | UnsetType = UNSET


class MetricMeanRanks(_RankingPart, frozen=True, kw_only=True):
    """Of one metric, every case or every modality weighing alike."""

    mean_rank_micro: float | None
    mean_rank_macro: float | None


class ModalityPlace(_RankingPart, frozen=True, kw_only=True):
    """In one modality."""

    mean_rank: float | None
    rank: Number


class OverallPlace(_RankingPart, frozen=True, kw_only=True):
    """A team's place by the protocol's own scheme, and what it is made from."""

    rank: Number
    mean_rank: float | None
    rank_micro: Number
    mean_rank_micro: float | None
    rank_macro: Number
    mean_rank_macro: float | None
    by_metric: dict[str, MetricMeanRanks]
    by_modality: dict[str, ModalityPlace]


class AggregatedPlace(_RankingPart, frozen=True, kw_only=True):
    """By one method: what it ranks by, and the place."""

    value: float | None
    rank: Number


class TauSummary(_RankingPart, frozen=True, kw_only=True):
    """Kendall's tau-b of the resampled places with the actual ones; `values` with their counts."""

    n: int
    undefined: int
    values: tuple[tuple[float | None, int], ...]
    mean: float | None
    median: float | None
    q25: float | None
    q75: float | None


class PlaceCertainty(_RankingPart, frozen=True, kw_only=True):
    """Places in the resamples; only their number where all are undefined."""

    rank_interval: dict[str, tuple[Number, Number]] | UnsetType = UNSET
    p_first: dict[str, float | None] | UnsetType = UNSET
    rank_counts: dict[str, dict[str, int]] | UnsetType = UNSET
    tau: TauSummary | UnsetType = UNSET
    undefined_replicates: int | UnsetType = UNSET


class ResamplesDrawn(_RankingPart, frozen=True, kw_only=True):
    """How often each case was drawn, so that anyone can repeat the resamples."""

    cases: tuple[str, ...]
    encoding: str
    counts: str


class ResampledPlaces(_RankingPart, frozen=True, kw_only=True):
    """The bootstrap of the protocol's own scheme, and of every method, metric and modality."""

    replicates: int
    stratified_by: Literal["modality"] | UnsetType = UNSET
    rank_interval: dict[str, tuple[Number, Number]] | UnsetType = UNSET
    p_first: dict[str, float | None] | UnsetType = UNSET
    rank_counts: dict[str, dict[str, int]] | UnsetType = UNSET
    tau: TauSummary | UnsetType = UNSET
    undefined_replicates: int | UnsetType = UNSET
    p_beats: ByPair | UnsetType = UNSET
    draws: ResamplesDrawn | UnsetType = UNSET
    methods: dict[str, dict[str, dict[str, PlaceCertainty]]] | UnsetType = UNSET


class WilcoxonTests(_RankingPart, frozen=True, kw_only=True):
    """One-sided tests of all ordered pairs of teams in one metric, and their differences."""

    cases: int
    p: ByPair
    p_adjusted: ByPair
    wins: dict[str, tuple[str, ...]]
    rank_biserial: ByPair
    mean_difference: ByPair
    mean_difference_low: ByPair
    mean_difference_high: ByPair


class WholeFieldTest(_RankingPart, frozen=True, kw_only=True):
    """Friedman's; only the number of cases where there is none."""

    cases: int
    statistic: float | UnsetType | None = UNSET
    degrees_of_freedom: int | UnsetType = UNSET
    p: float | UnsetType | None = UNSET
    mean_ranks: dict[str, float | None] | UnsetType = UNSET
    nemenyi_critical_difference: float | UnsetType | None = UNSET


class PermutationTests(_RankingPart, frozen=True, kw_only=True):
    """Of the mean ranks of every pair of teams."""

    statistic: str
    alternative: str
    adjustment: str
    permutations: int
    p: ByPair
    p_adjusted: ByPair


class RankedTests(_RankingPart, frozen=True, kw_only=True):
    """By metric and modality, and of the mean ranks."""

    wilcoxon: dict[str, dict[str, WilcoxonTests]]
    friedman: dict[str, dict[str, WholeFieldTest]]
    permutation: PermutationTests


class TiedTeams(_RankingPart, frozen=True, kw_only=True):
    """Neighbours in the ranking that the test named can not part, and those tied with the first."""

    test: str | UnsetType = UNSET
    groups: tuple[tuple[str, ...], ...]
    tied_with_first: tuple[str, ...]


class RankingGroups(_RankingPart, frozen=True, kw_only=True):
    """By the mean ranks; by metric and modality."""

    overall: TiedTeams
    metrics: dict[str, dict[str, TiedTeams]]


class KemenyOrder(_RankingPart, frozen=True, kw_only=True):
    """The order nearest to all modalities' own."""

    order: tuple[str, ...]
    distance: Number
    optima: int | None
    unique: bool | None
    exact: bool


class ConsensusPlaces(_RankingPart, frozen=True, kw_only=True):
    """One order for all modalities."""

    euclidean: ByTeam
    borda: ByTeam
    kemeny: KemenyOrder


class OtherRanking(_RankingPart, frozen=True, kw_only=True):
    """The places under another rule, beside those that hold."""

    winners: tuple[str, ...]
    same_winners: bool
    tau: float | None
    ranks: ByTeam


class RankingSensitivity(_RankingPart, frozen=True, kw_only=True):
    """Places under each method, rule, metric weight and left-out modality."""

    methods: dict[str, OtherRanking]
    rules: dict[str, OtherRanking]
    metric_weights: dict[str, OtherRanking]
    left_out_modality: dict[str, OtherRanking]
    variants: int
    variants_with_another_winner: int


class MetricInterval(_RankingPart, frozen=True, kw_only=True):
    """A team's mean with Student's interval, its median with the bootstrap's percentiles."""

    n: int
    mean: float | None
    mean_low: float | None
    mean_high: float | None
    median: float | None
    median_low: float | None
    median_high: float | None


class TeamFailures(_RankingPart, frozen=True, kw_only=True):
    """How often a team failed, where and how."""

    failures: int
    by_modality: dict[str, int]
    by_outcome: dict[str, int]


class RankingFailures(_RankingPart, frozen=True, kw_only=True):
    """Failures by team; cases by metric that are left out, missing or infinite."""

    cases: int
    cases_by_modality: dict[str, int]
    by_team: dict[str, TeamFailures]
    left_out: dict[str, tuple[str, ...]]
    missing: dict[str, dict[str, tuple[str, ...]]]
    infinite: dict[str, dict[str, tuple[str, ...]]]


class RankingDocument(_RankingPart, frozen=True, kw_only=True):
    """ranking.json, whole; a report does without a part that is absent.

    Keys of modalities include ALL, the cases of all of them together.

    Attributes:
        settings: all that decides a place.
        overall: by team, the protocol's own scheme.
        methods: by method, metric, modality and team.
        bootstrap: places in resamples of the cases.
        tests: of pairs of teams, and of the whole field.
        groups: teams that no test parts.
        consensus: one order for all modalities.
        sensitivity: the order under other rules.
        intervals: by metric, modality and team.
        failures: by team; and cases that are left out.
        warnings: what a reader must know.
    """

    schema: Literal[1] = 1
    settings: RankingSettings | UnsetType = UNSET
    overall: dict[str, OverallPlace] | UnsetType = UNSET
    methods: dict[str, dict[str, dict[str, dict[str, AggregatedPlace]]]] | UnsetType = UNSET
    bootstrap: ResampledPlaces | UnsetType = UNSET
    tests: RankedTests | UnsetType = UNSET
    groups: RankingGroups | UnsetType = UNSET
    consensus: ConsensusPlaces | UnsetType = UNSET
    sensitivity: RankingSensitivity | UnsetType = UNSET
    intervals: dict[str, dict[str, dict[str, MetricInterval]]] | UnsetType = UNSET
    failures: RankingFailures | UnsetType = UNSET
    warnings: tuple[str, ...] = ()
