"""The tables of results: leaderboard, and one table of modalities by team for each metric."""

import math
from dataclasses import dataclass

from evaluate.facts.ranking_rules import of_label
from evaluate.reporting.quantities import DASH, Quantity, count_of, percent
from evaluate.reporting.robustness import Certainty
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.svg import number

_LEVELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingCell:
    """One number of a table.

    Attributes:
        text: as it is printed.
        order: what its column is sorted by; None goes last.
        note: small print behind it.
        level: of the heat map, 0 (worst) to 8 (best); None without colour.
    """

    text: str
    order: float | None
    note: str = ""
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRow:
    """One team's results."""

    team: str
    rank: StandingCell
    mean_rank: StandingCell
    certainty: tuple[StandingCell, ...]
    cells: tuple[StandingCell, ...]
    failures: StandingCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The places with what they are made from."""

    quantities: tuple[Quantity, ...]
    has_certainty: bool
    cases: int
    modalities: int
    rows: tuple[LeaderboardRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Modality:
    """A modality's column: how many cases, and how many of them are simulated (None: unknown)."""

    name: str
    cases: int
    simulated: int | None

    @property
    def origin(self) -> str:
        """Where the cases come from, in words."""
        if self.simulated is None:
            return "origin not known"
        if self.simulated in (0, self.cases):
            return "simulated" if self.simulated else "real"
        return f"{self.cases - self.simulated} real, {self.simulated} simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatTable:
    """One metric's means, teams by modalities."""

    quantity: Quantity
    modalities: tuple[Modality, ...]
    rows: tuple[tuple[str, tuple[StandingCell, ...]], ...]
    lowest: str
    highest: str


def shown_quantities(sources: Sources) -> tuple[Quantity, ...]:
    """DSC, NSD, time, and whatever else the protocol ranks by."""
    ranked = {of_label(name)[0] for name in sources.ranked}
    wanted = {"dsc", "nsd", "wall_s"} | ranked
    return tuple(quantity for name, quantity in sources.quantities.items() if name in wanted)


def modalities(sources: Sources) -> tuple[Modality, ...]:
    """Every modality with its counts of cases."""
    of_case = {case: score.modality for (_, case), score in sources.case_scores.items()}
    made = []
    for name in sources.modalities:
        origins = [sources.simulated(case) for case, m in of_case.items() if m == name]
        unknown = any(origin is None for origin in origins)
        simulated = None if unknown else sum(1 for origin in origins if origin)
        made.append(Modality(name=name, cases=len(origins), simulated=simulated))
    return tuple(made)


def micro(sources: Sources, team: str, metric: str) -> tuple[float | None, int]:
    """Mean over a team's cases, every case alike, and over how many."""
    rows = [sources.modality_scores.get((team, m, metric)) for m in sources.modalities]
    known = [(row.mean, row.n) for row in rows if row is not None and row.mean is not None]
    n = sum(count for _, count in known)
    return (math.fsum(mean * count for mean, count in known) / n if n else None), n


def macro(sources: Sources, team: str, metric: str) -> tuple[float | None, int]:
    """Mean over the modalities' means, every modality alike, and over how many."""
    rows = [sources.modality_scores.get((team, m, metric)) for m in sources.modalities]
    means = [row.mean for row in rows if row is not None and row.mean is not None]
    return (math.fsum(means) / len(means) if means else None), len(means)


def leaderboard(sources: Sources, certainty: Certainty | None) -> Leaderboard:
    """The places, and each team's means."""
    quantities = shown_quantities(sources)
    cases = len(sources.cases)
    rows = []
    for place in sources.places:
        scores = sources.scores_of(place.team)
        failed = sum(score.outcome.is_failure for score in scores)
        rows.append(
            LeaderboardRow(
                team=place.team,
                rank=StandingCell(text=number(place.rank), order=place.rank),
                mean_rank=StandingCell(text=f"{place.mean_rank:.2f}", order=place.mean_rank),
                certainty=_certainty_cells(place.team, certainty),
                cells=tuple(c for q in quantities for c in _means(sources, place.team, q)),
                failures=StandingCell(
                    text=str(failed), order=failed, note=_expected(len(scores), cases)
                ),
            )
        )
    return Leaderboard(
        quantities=quantities,
        has_certainty=certainty is not None,
        cases=cases,
        modalities=len(sources.modalities),
        rows=tuple(rows),
    )


def _expected(number: int, all_of_them: int) -> str:
    """Small print on how many there are; nothing where it is all of them."""
    return "" if number == all_of_them else f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{number}"


def _certainty_cells(team: str, certainty: Certainty | None) -> tuple[StandingCell, ...]:
    if certainty is None:
        return ()
    low, high = certainty.intervals[team]
    interval = number(low) if low == high else f"{number(low)}{DASH}{number(high)}"
    first = certainty.first[team]
    return StandingCell(text=interval, order=low + high / 1000), StandingCell(
        text=percent(first), order=first
    )


def _means(sources: Sources, team: str, quantity: Quantity) -> list[StandingCell]:
    averages = (
        (macro(sources, team, quantity.name), len(sources.modalities)),
        (micro(sources, team, quantity.name), len(sources.scores_of(team))),
    )
    return [
        StandingCell(text=quantity.text(value), order=value, note=_expected(n, whole))
        for (value, n), whole in averages
    ]


def heat_tables(sources: Sources) -> tuple[HeatTable, ...]:
    """For each quantity the means of every team in every modality, coloured from worst to best."""
    columns = modalities(sources)
    tables = []
    for quantity in shown_quantities(sources):
        means = [
            row.mean
            for (_, _, metric), row in sources.modality_scores.items()
            if metric == quantity.name and row.mean is not None
        ]
        if not means:
            continue
        low, high = min(means), max(means)
        rows = tuple(
            (team, tuple(_heat_cell(sources, team, m, quantity, low, high) for m in columns))
            for team in sources.teams
        )
        worst, best = (low, high) if quantity.higher_is_better else (high, low)
        tables.append(
            HeatTable(
                quantity=quantity,
                modalities=columns,
                rows=rows,
                lowest=quantity.text_with_unit(worst),
                highest=quantity.text_with_unit(best),
            )
        )
    return tuple(tables)


def _heat_cell(
    sources: Sources, team: str, modality: Modality, quantity: Quantity, low: float, high: float
) -> StandingCell:
    row = sources.modality_scores.get((team, modality.name, quantity.name))
    if row is None or row.mean is None:
        return StandingCell(text=DASH, order=None, note="no value")
    notes = [_expected(row.n, modality.cases)]
    if row.failures:
        notes.append(count_of(row.failures, "failure"))
    return StandingCell(
        text=quantity.text(row.mean),
        order=row.mean,
        note=", ".join(filter(None, notes)),
        level=_level(row.mean, low, high, quantity),
    )


def _level(value: float, low: float, high: float, quantity: Quantity) -> int:
    if not quantity.is_score:
        value, low, high = (math.log(max(v, 1e-3)) for v in (value, low, high))
    share = (value - low) / (high - low) if high > low else 0.5
    return round((share if quantity.higher_is_better else 1 - share) * _LEVELS)
