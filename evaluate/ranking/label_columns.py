"""Values of single labels and regions as columns of their cases: `dsc[tumor]`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.ranking_rules import of_label
from evaluate.facts.scores import CaseScore, LabelScore


def needs_labels(columns: Iterable[str]) -> bool:
    """Whether any of the columns is of a label."""
    return any(of_label(name)[1] for name in columns)


def with_label_columns(
    scores: Sequence[CaseScore], labels: Iterable[LabelScore], columns: Sequence[str]
) -> list[CaseScore]:
    """The same rows with the columns of labels that are not there yet.

    Raises:
        RankingRefusedError: a label has no row at all.
    """
    wanted = {name: of_label(name) for name in columns if of_label(name)[1]}
    if not wanted:
        return list(scores)
    by_case: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in labels:
        of_case = by_case.setdefault((row.team, row.case), {})
        for name, (metric, label) in wanted.items():
            if str(row.label) == label:
                of_case[name] = row.value(metric)
    there = set().union(*by_case.values(), *(score.values for score in scores))
    absent = [name for name in wanted if name not in there]
    if absent:
        raise RankingRefusedError(
            where=f"label scores, {', '.join(absent)}",
            found="no such label",
            expected="rows of each label or region that is ranked by",
            mend="score again, or rank a table with a column `label`",
        )
    return [
        replace(score, values={**by_case.get((score.team, score.case), {}), **score.values})
        for score in scores
    ]


def in_strata(scores: Iterable[CaseScore], pattern: str | None) -> list[CaseScore]:
    """The same rows, each of its stratum instead of its modality; as they are without a pattern."""
    if pattern is None:
        return list(scores)
    return [replace(score, modality=_stratum(pattern, score.case)) for score in scores]


def _stratum(pattern: str, case: str) -> str:
    match = re.search(pattern, case)
    return match[0] if match and match[0] else "other"
