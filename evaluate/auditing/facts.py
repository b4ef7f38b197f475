"""run.json beside what the last stage left of it: which value was edited, and what that means."""

import itertools

import msgspec

from data_manifest.findings import Cell, Finding
from evaluate.auditing.documents import differing_leaves
from evaluate.documents.audit import Cause
from evaluate.documents.evidence import Evidence
from evaluate.documents.run import RunDocument


def trace_facts(document: RunDocument, evidence: Evidence | None) -> list[Finding]:
    """Every value of run.json that is not as the last stage left it, with its cause."""
    if evidence is None:
        return [
            Finding(
                code=Cause.NO_EVIDENCE,
                where="evidence.json",
                expected="what each stage left (`segjudge score` and `rank` write it)",
                found="no such file, or one that can't be read",
            )
        ]
    if document.finished_at is None:
        return [
            Finding(
                code=Cause.UNFINISHED,
                where="run.json, finished_at",
                expected="a run that was cut off",
                found="no end: the same `segjudge run` finishes it",
            )
        ]
    # Of the rules in run.json, those that the tables were made by are the sealed ones.
    key = evidence.run.rules_key_of("score")
    sealed = msgspec.structs.replace(
        evidence.run, rules={**evidence.run.rules, key: evidence.protocol}
    )
    before, now = _plain(sealed), _plain(document)
    findings = []
    del before["submissions"], now["submissions"]
    old, new = _by_team(sealed), _by_team(document)
    for first, second in itertools.combinations(sorted(old.keys() & new.keys()), 2):
        if old[first] != old[second] == new[first] and new[second] == old[first]:
            findings.append(_swap(first, second, differing_leaves("run.json", old, new)))
            new[first], new[second] = old[first], old[second]
    for team in sorted(old.keys() | new.keys()):
        cells = differing_leaves("run.json, submissions", old.get(team, {}), new.get(team, {}))
        findings += [_finding(Cause.FACTS, cell, team) for cell in cells]
    for cell in differing_leaves("run.json", before, now):
        is_rule = cell.where.startswith(("run.json, rules.", "run.json, stages."))
        findings.append(_finding(Cause.PROTOCOL if is_rule else Cause.FACTS, cell))
    return findings


def _by_team(document: RunDocument) -> dict[str, object]:
    """The submissions as plain data by team, so that an order is no difference."""
    named: dict[str, object] = {}
    for submission in document.submissions:
        facts = _plain(submission)
        del facts["team"]
        named[submission.team] = facts
    return named


def _plain(record: msgspec.Struct) -> dict[str, object]:
    return msgspec.json.decode(msgspec.json.encode(record), type=dict[str, object])


def _finding(cause: Cause, cell: Cell, team: str = "") -> Finding:
    return Finding(
        code=cause,
        where=cell.where,
        expected=cell.recorded,
        found=cell.found,
        teams=(team,) if team else (),
    )


def _swap(first: str, second: str, cells: list[Cell]) -> Finding:
    return Finding(
        code=Cause.SWAPPED,
        where="run.json, submissions",
        expected=f"{first} and {second}",
        found=f"what is {first}'s stands under {second}, and the other way round",
        teams=(first, second),
        cells=tuple(cells),
    )
