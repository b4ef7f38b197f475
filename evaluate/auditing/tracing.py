"""From a table's differences to their causes: what explains each cell, and nothing twice."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from data_manifest.findings import Cell, Finding, Severity
from evaluate.auditing.table_cells import (
    RowDifference,
    Table,
    compare_tables,
    differing_leaves,
    renamed,
)
from evaluate.documents.audit import Cause

_Pair = tuple[str, str]
_MERGED = (Cause.REMOVED_FAILURE, Cause.REMOVED_ROW, Cause.SWAPPED, Cause.METRIC, Cause.STALE)


def environment_changes(
    then: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> str:
    """In words, which versions and sources are others than those that the numbers came from."""
    changes = []
    for kind in ("versions", "code"):
        for name, old in then[kind].items():
            new = now[kind].get(name, "absent")
            if new != old:
                changes.append(
                    f"{name} {old} then, {new} now"
                    if kind == "versions"
                    else f"the sources of {name} are others"
                )
    return "; ".join(changes) or "no version differs: this machine computes other digits"


def trace_table(
    recorded: Table,
    recomputed: Table,
    *,
    intact: bool | None,
    explained: Collection[_Pair] = (),
    failed: Collection[_Pair] = (),
    environment: str = "",
    source: Cause = Cause.TABLE,
) -> tuple[list[Finding], dict[_Pair, list[Cell]]]:
    """Name the cause of every difference of a table.

    Args:
        recorded: the run directory's.
        recomputed: made again.
        intact: whether its bytes are those that the stage wrote; None where nobody wrote it down.
        explained: teams and cases whose files were altered: what differs there follows from that.
        failed: teams and cases that failed.
        environment: which versions are others now.
        source: what was edited if the table itself is intact and no version can be the reason.

    Returns:
        Findings, and the cells that altered files explain.
    """
    if recorded.problem:
        return [_edited(recorded.name, recorded="a table", found=recorded.problem)], {}
    differences = compare_tables(recorded, recomputed)
    follows: dict[_Pair, list[Cell]] = {}
    rest = []
    for row in differences:
        if (row.team, row.case) in explained:
            follows.setdefault((row.team, row.case), []).extend(row.cells)
        else:
            rest.append(row)
    findings: list[Finding] = []
    if rest and intact:
        why = Cause.METRIC if source is Cause.TABLE else source
        reason = environment if why is Cause.METRIC else ""
        findings.append(_of_rows(why, recorded.name, rest, found=reason))
    elif rest:
        findings, rest = _swaps(recorded, recomputed, rest)
        for row in [row for row in rest if row.recorded is None or row.found is None]:
            findings.append(_row_finding(row, failed))
        cells = [row for row in rest if row.recorded is not None and row.found is not None]
        if cells:
            cause = Cause.TABLE if intact is False else Cause.TABLE_OR_METRIC
            findings.append(_of_rows(cause, recorded.name, cells))
    findings += [
        Finding(
            code=Cause.ADDED_ROW,
            where=f"{recorded.name}, {' '.join(value for _, value in key)}",
            expected="one row",
            found="the row more than once",
            teams=(dict(key).get("team", ""),),
        )
        for key in recorded.doubled
    ]
    if intact is False and not findings:
        findings += _other_bytes(recorded, explained, follows)
    return findings, follows


def _other_bytes(
    recorded: Table, explained: Collection[_Pair], follows: Mapping[_Pair, Sequence[Cell]]
) -> list[Finding]:
    """The bytes are others and no cell tells: made again from changed files, or harmless."""
    told = {(dict(key).get("team", ""), dict(key).get("case", "")) for key in recorded.rows}
    silent = sorted((set(explained) & told) - follows.keys())
    if silent:
        return [
            Finding(
                code=Cause.TABLE,
                where=recorded.name,
                expected="the table of the files that the run left",
                found="a table that was made again from the changed files",
                teams=tuple(sorted({team for team, _ in silent})),
                cases=tuple(sorted({case for _, case in silent})),
            )
        ]
    if follows:
        return []
    return [
        Finding(
            code=Cause.REORDERED,
            where=recorded.name,
            expected="other bytes",
            found="the same rows and cells: harmless",
            severity=Severity.NOTE,
        )
    ]


def _edited(where: str, *, recorded: str, found: str) -> Finding:
    return Finding(code=Cause.TABLE, where=where, expected=recorded, found=found)


def _of_rows(cause: Cause, name: str, rows: Sequence[RowDifference], *, found: str = "") -> Finding:
    cells = tuple(cell for row in rows for cell in row.cells)
    one = cells[0] if len(cells) == 1 else None
    return Finding(
        code=cause,
        where=one.where if one else f"{name}, {len(cells)} cells",
        expected=one.recorded if one else f"{cells[0].where}: {cells[0].recorded}",
        found=(one.found if one else f"{cells[0].found}, and others")
        + (f" ({found})" if found else ""),
        teams=tuple(sorted({row.team for row in rows} - {""})),
        cases=tuple(sorted({row.case for row in rows} - {""})),
        cells=cells,
    )


def _row_finding(row: RowDifference, failed: Collection[_Pair]) -> Finding:
    cause = Cause.ADDED_ROW
    if row.recorded is None:
        is_failure = (row.team, row.case) in failed
        cause = Cause.REMOVED_FAILURE if is_failure else Cause.REMOVED_ROW
    cell = row.cells[0]
    return Finding(
        code=cause,
        where=cell.where,
        expected=cell.recorded,
        found=cell.found,
        teams=(row.team,) if row.team else (),
        cases=(row.case,) if row.case else (),
        cells=row.cells,
    )


def _swaps(
    recorded: Table, recomputed: Table, rest: Sequence[RowDifference]
) -> tuple[list[Finding], list[RowDifference]]:
    """Pairs of teams that have changed names in this table, and the rows that this leaves."""
    left, findings = list(rest), []
    teams = sorted({row.team for row in rest} - {""})
    for first, second in itertools.combinations(teams, 2):
        mine = [row for row in left if row.team in (first, second)]
        if not _is_likely(mine, recomputed, first, second):
            continue
        again = compare_tables(recorded, recomputed, swapped={first: second, second: first})
        if len({row.team for row in mine}) < 2 or any(r.team in (first, second) for r in again):
            continue
        findings.append(_swap(recorded.name, first, second, [c for row in mine for c in row.cells]))
        left = [row for row in left if row.team not in (first, second)]
    return findings, left


def _is_likely(rows: Sequence[RowDifference], recomputed: Table, first: str, second: str) -> bool:
    """Whether one differing row of the first team is what should stand under the second.

    A look at one row, so that fifty teams do not mean a thousand comparisons of whole tables.
    """
    for row in rows:
        if row.team == first and row.recorded is not None:
            key = tuple((n, second if n == "team" else value) for n, value in row.key)
            return recomputed.rows.get(key) == {**row.recorded, "team": second}
    return False


def _swap(name: str, first: str, second: str, cells: Iterable[Cell]) -> Finding:
    return Finding(
        code=Cause.SWAPPED,
        where=name,
        expected=f"{first} and {second}",
        found=f"what is {first}'s stands under {second}, and the other way round",
        teams=(first, second),
        cells=tuple(cells),
    )


def trace_document(
    name: str,
    recorded: object,
    recomputed: object,
    *,
    intact: bool | None,
    teams: Sequence[str],
    environment: str = "",
    source: Cause = Cause.TABLE,
    ignored: frozenset[str] = frozenset(),
) -> list[Finding]:
    """Name the cause of every difference of a JSON document; arguments as `trace_table`."""
    cells = differing_leaves(name, recorded, recomputed, ignored=ignored)
    if not cells:
        if intact is not False:
            return []
        text = "the same values: harmless"
        harmless = Finding(
            code=Cause.REORDERED,
            where=name,
            expected="other bytes",
            found=text,
            severity=Severity.NOTE,
        )
        return [harmless]
    if intact:
        cause: Cause = Cause.METRIC if source is Cause.TABLE else source
        extra = f" ({environment})" if cause is Cause.METRIC else ""
    else:
        small = _smallest_difference(recorded, recomputed)
        for first, second in itertools.combinations(teams, 2):
            names = {first: second, second: first}
            if any(renamed(old, names) != new for old, new in small):
                continue
            other = renamed(recorded, names)
            if not differing_leaves(name, other, recomputed, ignored=ignored):
                return [_swap(name, first, second, cells)]
        cause, extra = (Cause.TABLE if intact is False else Cause.TABLE_OR_METRIC), ""
    one = cells[0] if len(cells) == 1 else None
    return [
        Finding(
            code=cause,
            where=one.where if one else f"{name}, {len(cells)} values",
            expected=one.recorded if one else f"{cells[0].where}: {cells[0].recorded}",
            found=(one.found if one else f"{cells[0].found}, and others") + extra,
            cells=tuple(cells),
        )
    ]


def _smallest_difference(recorded: object, recomputed: object) -> list[tuple[object, object]]:
    """The smallest part of two documents that differs: what a swap of teams must explain first."""
    if not (isinstance(recorded, dict) and isinstance(recomputed, dict)):
        return []
    parts = [(recorded[key], recomputed[key]) for key in recorded.keys() & recomputed.keys()]
    return sorted((part for part in parts if part[0] != part[1]), key=lambda p: len(str(p[1])))[:1]


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """One finding where several tables tell of the same thing."""
    groups: dict[object, list[Finding]] = {}
    for index, finding in enumerate(findings):
        same = (finding.code, finding.teams, finding.cases)
        if finding.code in (Cause.METRIC, Cause.STALE):
            same = (finding.code, (), ())
        groups.setdefault(same if finding.code in _MERGED else index, []).append(finding)
    return [
        members[0]
        if len(members) == 1
        else replace(
            members[0],
            where="; ".join(dict.fromkeys(member.where for member in members)),
            teams=tuple(sorted({team for member in members for team in member.teams})),
            cases=tuple(sorted({case for member in members for case in member.cases})),
            cells=tuple(cell for member in members for cell in member.cells),
        )
        for members in groups.values()
    ]
