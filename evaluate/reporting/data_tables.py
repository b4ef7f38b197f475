"""The page's tables as plain data, for the files beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evaluate.facts.outcome import Outcome
from evaluate.reporting.provenance import submissions
from evaluate.reporting.quantities import Quantity, percent
from evaluate.reporting.robustness import Certainty, pair_tests, ranks_by_method
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.shared_grids import METHOD_TITLES
from evaluate.reporting.standings import macro, micro, shown_quantities
from evaluate.reporting.svg import number

Value = str | float | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataColumn:
    """A column: its head, and how its numbers are printed where they are meant to be read."""

    head: str
    as_text: Callable[[float], str] = number


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """A table as data: `name` is the file's name, and every row has a value for each column."""

    name: str
    title: str
    columns: tuple[DataColumn, ...]
    rows: tuple[tuple[Value, ...], ...]


def data_tables(sources: Sources, certainty: Certainty | None) -> Iterator[DataTable]:
    """Every table: leaderboard, modalities, failures, submissions, methods and tests."""
    yield _leaderboard(sources, certainty)
    for quantity in shown_quantities(sources):
        yield _by_modality(sources, quantity)
    if sources.cohort:
        yield _over_cases(sources)
    yield _failures(sources)
    yield _submissions(sources)
    if len(sources.teams) < 2:
        return
    by_method = ranks_by_method(sources.ranking, sources.teams)
    if by_method:
        yield _methods(sources, by_method)
    for name in sources.ranked:
        table = _tests(sources, name)
        if table is not None:
            yield table


def _plain(*heads: str) -> tuple[DataColumn, ...]:
    return tuple(DataColumn(head=head) for head in heads)


def _leaderboard(sources: Sources, certainty: Certainty | None) -> DataTable:
    columns = [*_plain("Place", "Team"), DataColumn(head="Mean rank", as_text="{:.2f}".format)]
    if certainty:
        columns += _plain("Lowest place (95 %)", "Highest place (95 %)")
        columns.append(DataColumn(head="First in", as_text=percent))
    quantities = shown_quantities(sources)
    for quantity in quantities:
        for average in ("macro", "micro"):
            head = f"{quantity.head}, {average}"
            columns.append(DataColumn(head=head, as_text=quantity.text))
    columns += _plain("Failed", "Cases")
    rows = []
    for place in sources.places:
        row: list[Value] = [place.rank, place.team, place.mean_rank]
        if certainty:
            row += [*certainty.intervals[place.team], certainty.first[place.team]]
        for quantity in quantities:
            row.append(macro(sources, place.team, quantity.name)[0])
            row.append(micro(sources, place.team, quantity.name)[0])
        scores = sources.scores_of(place.team)
        rows.append((*row, sum(score.outcome.is_failure for score in scores), len(scores)))
    title = "Leaderboard: places with the mean of each metric"
    return DataTable(name="leaderboard", title=title, columns=tuple(columns), rows=tuple(rows))


def _by_modality(sources: Sources, quantity: Quantity) -> DataTable:
    columns = [DataColumn(head=m, as_text=quantity.text) for m in sources.modalities]
    return DataTable(
        name=f"modalities-{quantity.name}",
        title=f"Mean {quantity.long_title} by modality"
        + (f", {quantity.unit}" if quantity.unit else ""),
        columns=(DataColumn(head="Team"), *columns),
        rows=tuple(
            (team, *(_mean(sources, team, modality, quantity) for modality in sources.modalities))
            for team in sources.teams
        ),
    )


def _mean(sources: Sources, team: str, modality: str, quantity: Quantity) -> float | None:
    row = sources.modality_scores.get((team, modality, quantity.name))
    return None if row is None else row.mean


def _over_cases(sources: Sources) -> DataTable:
    rows = [
        (row.team, row.modality, str(row.label), row.metric, row.n, row.value, row.low, row.high)
        for row in sources.cohort
    ]
    heads = ("Team", "Modality", "Label", "Number", "n", "Value", "Low (95 %)", "High (95 %)")
    title = "Numbers over cases, with intervals over resampled cases"
    return DataTable(name="cohort", title=title, columns=_plain(*heads), rows=tuple(rows))


def _failures(sources: Sources) -> DataTable:
    rows = [
        (team, score.case, score.modality, score.outcome.value, score.reason)
        for team in sources.teams
        for score in sources.scores_of(team)
        if score.outcome is not Outcome.OK
    ]
    heads = ("Team", "Case", "Modality", "Outcome", "Reason")
    return DataTable(name="failures", title="Failures", columns=_plain(*heads), rows=tuple(rows))


def _submissions(sources: Sources) -> DataTable:
    rows = [(s.team, s.kind, s.reference, s.digest, s.problem) for s in submissions(sources)]
    heads = ("Team", "Kind", "Handed in as", "Digest", "Problem")
    return DataTable(
        name="submissions", title="Submissions", columns=_plain(*heads), rows=tuple(rows)
    )


def _methods(sources: Sources, by_method: dict[str, dict[str, float]]) -> DataTable:
    heads = ("Team", METHOD_TITLES[""], *(METHOD_TITLES[method] for method in by_method))
    return DataTable(
        name="methods",
        title="Places under each method",
        columns=_plain(*heads),
        rows=tuple(
            (place.team, place.rank, *(ranks[place.team] for ranks in by_method.values()))
            for place in sources.places
        ),
    )


def _tests(sources: Sources, metric: str) -> DataTable | None:
    tests = pair_tests(sources.ranking, sources.teams, metric)
    if tests is None:
        return None
    rows: Sequence[tuple[Value, ...]] = [
        (first, second, value, "yes" if tests.beats(first, second) else "no")
        for (first, second), value in tests.p.items()
    ]
    return DataTable(
        name=f"tests-{metric}",
        title=f"One-sided Wilcoxon signed-rank tests in {sources.quantities[metric].title},"
        f" {tests.cases} cases, p-values adjusted ({tests.adjustment}), alpha {tests.alpha:g}",
        columns=(
            *_plain("Team", "Against"),
            DataColumn(head="Adjusted p", as_text="{:.3g}".format),
            DataColumn(head="Better"),
        ),
        rows=tuple(rows),
    )
