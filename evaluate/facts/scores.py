"""What was scored: one record a row of a table of scores.

The columns are these fields, in this order, and where `values` stands a column for each metric of
the protocol.
"""

from collections.abc import Mapping

import msgspec

from evaluate.facts.outcome import Outcome


class LabelScore(msgspec.Struct, frozen=True, kw_only=True):
    """One label or region of one case: a row of label_scores.csv. None: the value is undefined."""

    team: str
    case: str
    modality: str
    label: int | str
    values: Mapping[str, float | None] = {}
    reference_voxels: int
    prediction_voxels: int

    def value(self, metric: str) -> float | None:
        """A metric's value; None where it is undefined, or not scored."""
        return self.values.get(metric)


class CaseScore(msgspec.Struct, frozen=True, kw_only=True):
    """One case of one team: a row of case_scores.csv.

    For a failed case the values are what a failure costs; for a `harness_error` they are None, as
    is any value that the protocol leaves undefined. The group is what the case shares with others,
    such as its patient.
    """

    team: str
    case: str
    modality: str
    dimension: str
    outcome: Outcome
    reason: str
    values: Mapping[str, float | None] = {}
    group: str = ""

    def value(self, metric: str) -> float | None:
        """A metric's value; None where it is undefined, or not scored."""
        return self.values.get(metric)

    def with_values(self, **values: float | None) -> "CaseScore":
        """The same row with other values of these metrics."""
        return msgspec.structs.replace(self, values={**self.values, **values})


class LesionScore(msgspec.Struct, frozen=True, kw_only=True):
    """One object of one case: a row of lesion_scores.csv.

    Attributes:
        label: or region.
        side: whose object it is: the reference's, or one that only the prediction has.
        lesion: its number there, from 1.
        found: `found` or `missed`; `ignored`, too small to count; `false`, of the prediction.
        volume_ml: None in 2D.
        partners: how many predicted objects it was compared with.
        dsc: with all of them.
        hd95_mm: to all of them, directed and by areas; None without any.
    """

    team: str
    case: str
    label: int | str
    side: str
    lesion: int
    found: str
    volume_ml: float | None
    partners: int
    dsc: float
    hd95_mm: float | None


class RoundScore(msgspec.Struct, frozen=True, kw_only=True):
    """One round of one case: a row of round_scores.csv.

    Attributes:
        outcome: of this round; if it is a failure, the values are what it costs.
        wall_s: of this round; where it failed, its share of the time limit.
    """

    team: str
    case: str
    round: int
    outcome: Outcome
    values: Mapping[str, float | None] = {}
    wall_s: float | None


class ModalityScore(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one team over the cases of a modality: a row of modality_scores.csv.

    Attributes:
        n: how many values the statistics are over; cases with an undefined value are left out.
        failures: how many of the cases failed (they are in n, with what a failure costs).
        sd: sample standard deviation (n - 1); None if n < 2.
    """

    team: str
    modality: str
    metric: str
    n: int
    failures: int
    mean: float | None
    sd: float | None
    median: float | None
    q25: float | None
    q75: float | None


class CohortScore(msgspec.Struct, frozen=True, kw_only=True):
    """One number over many cases of a team: a row of cohort_scores.csv.

    Attributes:
        modality: whose cases; empty for all.
        label: or region; empty where it is of no single one.
        metric: with the ending of the statistic.
        n: how many values it is of; cases whose value is undefined are left out.
        value: None where nothing is defined.
        low, high: its 95 % interval over resampled cases; None of a single case.
    """

    team: str
    modality: str
    label: int | str
    metric: str
    n: int
    value: float | None
    low: float | None = None
    high: float | None = None
