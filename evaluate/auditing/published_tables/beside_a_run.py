"""A paper's table against a run: which aggregation of its scores each cell is, or that it is none.

For every metric one aggregation is looked for that gives all printed cells, values by modality and
values over all apart; a cell that it does not give is a finding, and named with what would.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from data_manifest.findings import Finding, Severity
from evaluate.auditing.published_tables.by_itself import check_alone, note
from evaluate.documents.printed_table import (
    MEAN_RANK,
    PrintedCell,
    PublishedTable,
    read_published,
)
from evaluate.documents.published import TableVerdict
from evaluate.facts.errors import RankingRefusedError, TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import RankOptions, rank_result
from evaluate.store import RunDirectory

_WAYS: dict[str, Callable[[Sequence[Sequence[float]]], float]] = {
    "mean over cases (micro)": lambda v: float(np.mean(np.concatenate(v))),
    "mean of the modalities' means (macro)": lambda v: float(np.mean([np.mean(x) for x in v])),
    "median over cases": lambda v: float(np.median(np.concatenate(v))),
}
"""Of values by modality; over one modality, the first two are the same."""
_FAILURES = ("", ", failures excluded", ", failures as zero")
"""As the protocol counts them, left out, or zero."""


def audit_table(path: Path, root: Path | None = None) -> TableVerdict:
    """Check a table; with a run directory, against its scores and places too."""
    table = read_published(path)
    alone = check_alone(table)
    if root is None:
        return alone
    run, places, told = RunDirectory.open(root), {}, list(alone.told)
    if table.ranks:
        try:
            options = run.document().ranking or RankOptions()
            made = rank_result(run, msgspec.structs.replace(options, bootstrap=0))
            places = {row.team: float(row.rank) for row in made.rows}
        except RankingRefusedError as error:
            told.append(note(f"ranks: not compared with the run's: {error}"))
    told += _against_scores(table, run.read_rows(CaseScore), places)
    there = {"the run's scores": table.cells, "the run's places": places}
    checked = (*alone.checked, *(name for name in there if there[name]))
    return TableVerdict(checked=checked, told=tuple(told))


def _against_scores(
    table: PublishedTable, scores: Sequence[CaseScore], places: Mapping[str, float]
) -> Iterator[Finding]:
    """Hold a table against a run's scores, and its places by team if they are known.

    Raises:
        TableError: no team of the table is of the run, or two rows are one team.
    """
    teams = _match_teams(table, sorted({score.team for score in scores}))
    for name in table.teams:
        if name not in teams:
            where, expected = f"team {name}", "a team of the run"
            yield Finding(code="open", where=where, found="a row", expected=expected)
    own = {name: [s for s in scores if s.team == team] for name, team in teams.items()}
    groups: dict[tuple[str, bool], list[PrintedCell]] = {}
    for cell in table.cells:
        if cell.team in teams and cell.metric != MEAN_RANK:
            groups.setdefault((cell.metric, cell.modality is None), []).append(cell)
    for _, cells in sorted(groups.items()):
        yield from _best(cells, own)
    ranks = {n: (r, places[teams[n]]) for n, r in table.ranks.items() if teams.get(n) in places}
    for name, (rank, place) in ranks.items():
        if rank != place:
            where, found, expected = f"rank of {name}", f"{rank:g}", f"{place:g}, the run's"
            yield Finding(code="rank", where=where, found=found, expected=expected)
    if ranks and all(rank == place for rank, place in ranks.values()):
        yield note("ranks: those of the run", Severity.OK)
    if left := sorted({s.team for s in scores} - set(teams.values())):
        yield note(f"the run's teams that the table does not have: {', '.join(left)}")


def _match_teams(table: PublishedTable, teams: Sequence[str]) -> dict[str, str]:
    """The run's team for each of the table's, by name without case and punctuation."""
    matches = {}
    for printed in table.teams:
        alike = [team for team in teams if _plain(team) == _plain(printed)]
        if printed in teams or len(alike) == 1:
            matches[printed] = printed if printed in teams else alike[0]
    doubled = [team for team, count in Counter(matches.values()).items() if count > 1]
    if doubled or not matches:
        found = f"team {doubled[0]} twice" if doubled else f"teams {', '.join(table.teams[:5])}"
        expected = f"a row for each team, teams of the run ({', '.join(teams[:5])})"
        mend = "give the table's rows the run's names"
        raise TableError(where=str(table.path), found=found, expected=expected, mend=mend)
    return matches


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold()) or name


def _best(
    cells: Sequence[PrintedCell], scores: Mapping[str, Sequence[CaseScore]]
) -> Iterator[Finding]:
    """How many cells of a metric the best aggregation gives, and those that it does not."""
    unsaid, where = (" (micro)", "by modality") if cells[0].modality else ("", "over all")
    values = {
        way.replace(unsaid, "") + how: [_value(c, scores[c.team], call, how) for c in cells]
        for how in _FAILURES
        for way, call in _WAYS.items()
    }
    fits = {
        way: [v is not None and c.holds(v, v) for c, v in zip(cells, made, strict=True)]
        for way, made in values.items()
    }
    best = max(fits, key=lambda way: sum(fits[way]))
    if count := sum(fits[best]):
        text = f"{cells[0].metric} {where}: {count} of {len(cells)} cells are the {best}"
        yield note(text, Severity.OK)
    for i, (cell, value) in enumerate(zip(cells, values[best], strict=True)):
        if not fits[best][i]:
            said = f"{cell.as_printed(value)} ({best})" if value is not None else "none in the run"
            said += next((f"; it is the {w}, unlike the others" for w in fits if fits[w][i]), "")
            place = f"{cell.where}, {cell.team}"
            yield Finding(code="score", where=place, found=cell.text, expected=said)


def _value(
    cell: PrintedCell,
    scores: Sequence[CaseScore],
    call: Callable[[Sequence[Sequence[float]]], float],
    failures: str,
) -> float | None:
    values: dict[str, list[float]] = {}
    for score in scores:
        value = score.value(cell.metric)
        if score.outcome.is_failure and failures:
            value = None if failures == _FAILURES[1] else 0.0
        is_of_it = not cell.modality or score.modality.casefold() == cell.modality.casefold()
        if value is not None and is_of_it and score.outcome is not Outcome.HARNESS_ERROR:
            values.setdefault(score.modality, []).append(float(value))
    return call([*values.values()]) if values else None
