"""One page of a submission that was scored elsewhere: its means, and every case with its reason."""

from collections.abc import Mapping, Sequence

from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.reporting.failures import OUTCOME_WORDS
from evaluate.reporting.quantities import DASH
from evaluate.reporting.rendering import render


def folder_page(
    protocol: Rules,
    cases: Sequence[CaseScore],
    means: Mapping[str, float | None],
    *,
    most_bytes: int,
) -> str:
    """The page as text: it loads nothing from anywhere, and everything in it is escaped.

    Args:
        protocol: the rules.
        cases: of one submission.
        means: by metric.
        most_bytes: cases are left out from the end until the page is no longer than this, and
            counted on it; failed ones come first.
    """
    ordered = sorted(cases, key=lambda case: (not case.outcome.is_failure, case.case))
    names = protocol.scoring.case_names
    titles = {n: m.title for n in names if (m := protocol.scoring.definition(n)) is not None}
    shown = len(ordered)
    while True:
        page = render(
            "folder.html.j2",
            scripts=("theme.js",),
            protocol=protocol,
            titles=titles,
            means=[(titles.get(name, name), _number(value)) for name, value in means.items()],
            rows=[_row(case, names) for case in ordered[:shown]],
            left_out=len(ordered) - shown,
            cases=len(ordered),
            failures=sum(case.outcome.is_failure for case in ordered),
        )
        if len(page.encode()) <= most_bytes or not shown:
            return page
        shown //= 2


def _row(case: CaseScore, names: Sequence[str]) -> dict[str, object]:
    return {
        "case": case.case,
        "outcome": OUTCOME_WORDS.get(case.outcome, "scored"),
        "cells": [_number(case.value(name)) for name in names],
        "reason": case.reason,
    }


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"
