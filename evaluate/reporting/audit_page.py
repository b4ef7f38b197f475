"""The audit as a page: verdicts, findings, evidence, and the environment then and now."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from evaluate.documents.audit import AuditDocument, Environment
from evaluate.reporting.quantities import DASH, QUANTITIES
from evaluate.reporting.rendering import render
from evaluate.store import RunDirectory

_PAGE = "report/audit.html"
_REPORT = "report/index.html"
_MARK = "<!-- audit -->"
_LINK = '<li><a href="audit.html">Audit</a></li>'
_MOST_CELLS = 200
_STAGES = ("run", "score", "rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class _EnvironmentRow:
    """A fact of the environment in each stage and now; `differs` where they are not all alike."""

    name: str
    values: tuple[str, ...]
    differs: bool


def write_audit_page(run: RunDirectory, document: AuditDocument) -> None:
    """Write report/audit.html, and link it from the report if there is one."""
    then, now = document.environment.then, document.environment.now
    stages = [name for name in _STAGES if name in then]
    columns = [then[name] for name in stages] + [now]
    again = document.rerun
    text = render(
        "audit.html.j2",
        title=document.title,
        document=document,
        places={place.team: place for place in document.places},
        again={team.team: team for team in again.teams} if again else {},
        stages=[(name, then[name].at) for name in stages],
        groups=[(heading, _rows([part(c) for c in columns])) for heading, part in _PARTS],
        most_cells=_MOST_CELLS,
        shown=_shown,
        heads={name: quantity.head for name, quantity in QUANTITIES.items()},
    )
    run.write_document(_PAGE, text.encode("utf-8"))
    report = run.root / _REPORT
    if report.is_file():
        page = report.read_text(encoding="utf-8")
        if _MARK in page:
            run.write_document(_REPORT, page.replace(_MARK, _LINK, 1).encode("utf-8"))


_PARTS: tuple[tuple[str, Callable[[Environment], Mapping[str, object]]], ...] = (
    ("Machine", lambda there: msgspec.structs.asdict(there.host)),
    ("Sandbox", lambda there: there.sandbox),
    ("Versions", lambda there: there.versions),
)


def _rows(columns: list[Mapping[str, object]]) -> list[_EnvironmentRow]:
    names = dict.fromkeys(name for column in columns for name in column)
    rows = []
    for name in names:
        values = tuple(_shown(column.get(name)) for column in columns)
        told = {value for value in values if value != DASH}
        rows.append(
            _EnvironmentRow(name=name.replace("_", " "), values=values, differs=len(told) > 1)
        )
    return rows


def _shown(value: object) -> str:
    """A value as the page tells it: numbers short, what is not there as a dash."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
