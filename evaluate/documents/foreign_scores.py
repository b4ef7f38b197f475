"""A table of case scores that another tool made, as records.

It needs a team, a case and a modality in every row, and a column for each metric that is ranked.
With a column `label` a row is of one label or region; the case has the mean over its rows, and the
values of each label as columns of their own, `METRIC[LABEL]`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_manifest.findings import listed
from data_manifest.foreign_numbers import read_numbers
from data_manifest.foreign_tables import ForeignTable, read_foreign_table
from data_manifest.table_names import plain, quoted, says_summary
from evaluate.facts.errors import Finding, TableError
from evaluate.facts.outcome import Outcome
from metrics import METRICS

_NAMES = ("team", "case", "modality")
_SCORE = re.compile(
    r"(?<![a-z])(dice|dsc|nsd|iou|jaccard|f1|sensitivity|specificity|precision|recall|accuracy"
    r"|percent)(?![a-z])|%",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignScore:
    """One case of one team.

    Attributes:
        dimension, reason: empty where the table does not say.
        outcome: None where the table has no such column.
        group: what the case shares with others; empty where the table does not say.
        values: of each metric, by the name that it was asked for with; our own scores from 0 to 1.
    """

    team: str
    case: str
    modality: str
    dimension: str
    outcome: Outcome | None
    reason: str
    group: str
    values: Mapping[str, float | None]


def read_foreign_scores(
    path: Path, metrics: Sequence[str]
) -> tuple[list[ForeignScore], tuple[str, ...]]:
    """Read a table.

    Args:
        path: of a CSV file.
        metrics: the columns that are needed; our own others are read where they are there. A
            metric of `data_manifest` is found whatever its capitals.

    Returns:
        The rows, in the table's order; and notes on what was converted.

    Raises:
        TableError: what can't be read, or could be read in two ways; with line and column.
    """
    whole = list(dict.fromkeys(name.partition("[")[0] for name in metrics))
    table = read_foreign_table(path, needed=(*_NAMES, *whole))
    names = table.need(*_NAMES, mend="name columns so; one modality for all rows will do")
    metrics = whole if "label" in table.columns else metrics
    other = "or name other columns to rank by: `--metric NAME:WEIGHT:higher` (or lower)"
    columns = dict(zip(metrics, table.need(*metrics, mend=f"add it, {other}"), strict=True))
    for name in METRICS:
        if name in table.columns and name not in columns:
            columns[name] = table.columns.index(name)
    if not table.rows:
        found_none = Finding(
            where=str(path),
            found="no row",
            expected="a row for each team and case",
            mend="add the rows below the names of the columns",
        )
        raise TableError(found_none)
    if summaries := list(_summaries(table, names[:2])):
        raise TableError(*summaries)
    problems = [*_blanks(table, names), *(p for i in names for p in table.spelled_alike(i))]
    outcomes = _outcomes(table, problems)
    keys = [tuple(table.text(row, index) for index in names) for row in table.rows]
    labels = [_optional(table, number, "label") for number in range(len(table.rows))]
    if not problems:
        problems += _unlike(table, keys, labels)
    if problems:
        raise TableError(*problems)
    fractions = [index for name, index in columns.items() if _is_fraction(name)]
    values, notes = read_numbers(table, tuple(columns.values()), fractions=fractions)
    for name, index in columns.items():
        if index not in fractions and _SCORE.search(name):
            notes += _check_scale(table, names[0], index, values[index])
    rows = []
    for number in range(len(table.rows)):
        team, case, modality = keys[number]
        rows.append(
            ForeignScore(
                team=team,
                case=case,
                modality=modality,
                dimension=_optional(table, number, "dimension"),
                outcome=outcomes[number],
                reason=_optional(table, number, "reason"),
                group=_optional(table, number, "group"),
                values={name: values[index][number] for name, index in columns.items()},
            )
        )
    rows, more = _cases_of(rows, labels)
    return rows, (*table.notes, *notes, *more)


def _cases_of(
    rows: list[ForeignScore], labels: Sequence[str]
) -> tuple[list[ForeignScore], tuple[str, ...]]:
    """One row a case of rows of labels; a failure of one is that of the case."""
    if not any(labels):
        return rows, ()
    parts: dict[tuple[str, str], list[tuple[str, ForeignScore]]] = {}
    for row, label in zip(rows, labels, strict=True):
        parts.setdefault((row.team, row.case), []).append((label, row))
    made = []
    for of_case in parts.values():
        values: dict[str, float | None] = {}
        for name in of_case[0][1].values:
            known = [v for _, row in of_case if (v := row.values[name]) is not None]
            values[name] = sum(known) / len(known) if known else None
            values |= {f"{name}[{label}]": row.values[name] for label, row in of_case}
        failed = (row for _, row in of_case if row.outcome and row.outcome.is_failure)
        made.append(replace(next(failed, of_case[0][1]), values=values))
    return made, ("rows are of labels: the value of a case is the mean over its rows",)


def _is_fraction(name: str) -> bool:
    """Whether it is a score of ours, from 0 to 1."""
    metric = METRICS.get(name)
    return metric is not None and metric.unit == "" and metric.direction == "higher"


def _summaries(table: ForeignTable, names: Sequence[int]) -> Iterator[Finding]:
    """Means and totals among the rows would be ranked as a team or a case."""
    for index in names:
        if index != names[0] and len({row.cells[index] for row in table.rows}) == 1:
            continue  # a table of means alone
        lines: dict[str, list[str]] = {}
        for row in table.rows:
            if says_summary(row.cells[index]):
                lines.setdefault(row.cells[index], []).append(str(row.line))
        kind = plain(table.columns[index])
        for name, where in lines.items():
            yield Finding(
                where=f"{table.path}, column {quoted(table.columns[index])}",
                found=f"{quoted(name)} in line {listed(where)}, which sums up other rows",
                expected=f"{kind}s alone",
                mend=f"remove these rows; a {kind} of such a name needs another one",
            )


def _blanks(table: ForeignTable, names: Sequence[int]) -> Iterator[Finding]:
    for index in names:
        lines = [str(row.line) for row in table.rows if not table.text(row, index)]
        if lines:
            yield Finding(
                where=f"{table.path}, column {quoted(table.columns[index])}",
                found=f"nothing in line {listed(lines)}",
                expected=f"a {plain(table.columns[index])} in every row",
                mend="fill it in"
                + ("; one word for all rows will do" if index == names[2] else ""),
            )


def _unlike(
    table: ForeignTable, keys: Sequence[tuple[str, ...]], labels: Sequence[str]
) -> Iterator[Finding]:
    """Rows that keep the teams from having the same cases, once each, in the same modality."""
    first: dict[tuple[str, str, str], int] = {}
    modality_of: dict[str, tuple[str, int]] = {}
    doubled, moved = [], []
    for row, (team, case, modality), label in zip(table.rows, keys, labels, strict=True):
        before = first.setdefault((team, case, label), row.line)
        if before != row.line:
            doubled.append(f"team {quoted(team)} case {quoted(case)} in lines {before}, {row.line}")
        known, line = modality_of.setdefault(case, (modality, row.line))
        if known != modality:
            others = f"{quoted(known)} in line {line}, {quoted(modality)} in line {row.line}"
            moved.append(f"case {quoted(case)}: {others}")
    missing = [
        f"team {quoted(team)} case {quoted(case)}" + (f" label {quoted(label)}" if label else "")
        for team in dict.fromkeys(team for team, *_ in keys)
        for case, label in dict.fromkeys((case, label) for _, case, label in first)
        if (team, case, label) not in first
    ]
    for what, where, mend in (
        ("rows that are there twice", doubled, "leave one of each"),
        ("cases in two modalities", moved, "give each case one"),
        ("rows that are missing", missing, "add them, with empty cells where a team has no value"),
    ):
        if where:
            yield Finding(
                where=str(table.path),
                found=f"{len(where)} {what}: {listed(where)}",
                expected="every team with every case once, and each case in one modality",
                mend=mend,
            )


def _optional(table: ForeignTable, number: int, name: str) -> str:
    if name not in table.columns:
        return ""
    return table.text(table.rows[number], table.columns.index(name))


def _outcomes(table: ForeignTable, problems: list[Finding]) -> list[Outcome | None]:
    """Each row's; `ok` in an empty cell, None where there is no such column."""
    if "outcome" not in table.columns:
        return [None] * len(table.rows)
    outcomes: list[Outcome | None] = []
    for number, row in enumerate(table.rows):
        word = _optional(table, number, "outcome") or Outcome.OK
        try:
            outcomes.append(Outcome(word))
        except ValueError:
            problems.append(
                Finding(
                    where=table.where(row, table.columns.index("outcome")),
                    found=quoted(word),
                    expected=f"one of {', '.join(Outcome)}",
                    mend="or rename the column, if it means something else",
                )
            )
    return outcomes


def _check_scale(
    table: ForeignTable, team: int, index: int, values: Sequence[float | None]
) -> Iterator[str]:
    """Refuse a score that one team has from 0 to 1 and another from 0 to 100.

    Within a team, nobody knows whether 0.9 among percent is a bad case; a note says it.
    """
    of_team: dict[str, list[float]] = {}
    for row, value in zip(table.rows, values, strict=True):
        if value:
            of_team.setdefault(table.text(row, team), []).append(value)
    small = [name for name, known in of_team.items() if max(known) <= 1]
    large = [name for name, known in of_team.items() if max(known) > 1]
    if small and large:
        raise TableError(
            where=f"{table.path}, column {quoted(table.columns[index])}",
            found=f"values up to 1 of {listed(map(quoted, small))}, and up to"
            f" {max(max(of_team[name]) for name in large):g} of {listed(map(quoted, large))}",
            expected="one scale in a column",
            mend="write all of them as fractions, or all in percent",
        )
    rows = zip(table.rows, values, strict=True)
    odd = [f"{value:g} in line {row.line}" for row, value in rows if value and 0 < value <= 1]
    if large and odd:
        name = quoted(table.columns[index])
        yield f"column {name} is in percent but for {listed(odd)}, or these are percent, too"
