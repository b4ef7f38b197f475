"""Values of single labels and regions as columns of their cases: `dsc[tumor]`."""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evaluate.facts.aggregates import VARIANTS
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
        msgspec.structs.replace(score, values={**_shares_of_variants(values, columns), **values})
        for score in scores
        for values in [{**by_case.get((score.team, score.case), {}), **score.values}]
    ]


def _shares_of_variants(
    of_case: Mapping[str, float | None], columns: Sequence[str]
) -> dict[str, float]:
    """Of what a balanced accuracy is made of, the share of a case's labels that are right."""
    shares = {}
    for name in (name for name in columns if name in VARIANTS):
        first, second, *match = VARIANTS[name]
        labels = [of_label(column)[1] for column in columns if of_label(column)[0] == first]
        right = [
            of_case.get(f"{first}[{label}]") == of_case.get(f"{second}[{label}]")
            and all(of_case.get(f"{m}[{label}]") == 1 for m in match)
            for label in labels
        ]
        shares[name] = sum(right) / len(right) if right else 0.0
    return shares


def in_strata(scores: Iterable[CaseScore], pattern: str | None) -> list[CaseScore]:
    """The same rows, each of its stratum instead of its modality; as they are without a pattern."""
    if pattern is None:
        return list(scores)
    return [
        msgspec.structs.replace(score, modality=_stratum(pattern, score.case)) for score in scores
    ]


def _stratum(pattern: str, case: str) -> str:
    match = re.search(pattern, case)
    return match[0] if match and match[0] else "other"
