"""Two submissions' scores side by side: the cases that both have, in arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluate.facts.errors import RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.pairing import Floats, as_pairs

COMPARED = ("dsc", "nsd", "wall_s", "cpu_s", "peak_memory_mib")
"""Columns of case_scores.csv that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Both sides' scores of the common cases.

    Attributes:
        scores_a, scores_b: rows of case_scores.csv of the same cases, by modality, then name.
        modalities: each modality's slice of the cases, by name, sorted.
        values: by metric, (2, cases): A, then B; nan where either has no value. A failed case has
            the failure policy's scores and time.
        finished: (cases,): both gave a mask.
        left_out: cases without a result of their own, by an error of the harness.
    """

    scores_a: tuple[CaseScore, ...]
    scores_b: tuple[CaseScore, ...]
    modalities: Mapping[str, slice]
    values: Mapping[str, Floats]
    finished: npt.NDArray[np.bool_]
    left_out: tuple[str, ...]


def pair_scores(
    a: Sequence[CaseScore], b: Sequence[CaseScore], *, cases: frozenset[str], label: str
) -> Pairs:
    """Put two submissions' scores side by side.

    Raises:
        RunDirectoryError: no case is scored for both, or a case is in two modalities.
    """
    of_a, of_b = ({s.case: s for s in side if s.case in cases} for side in (a, b))
    both = sorted(of_a.keys() & of_b.keys(), key=lambda case: (of_a[case].modality, case))
    unscored = [
        case for case in both if Outcome.HARNESS_ERROR in (of_a[case].outcome, of_b[case].outcome)
    ]
    kept = [case for case in both if case not in set(unscored)]
    if not kept:
        raise RunDirectoryError(
            where=label, found="no case that is scored for both", expected="common cases"
        )
    moved = [case for case in kept if of_a[case].modality != of_b[case].modality]
    if moved:
        raise RunDirectoryError(
            where=f"{label}, case {moved[0]}",
            found=f"modality {of_a[moved[0]].modality} and {of_b[moved[0]].modality}",
            expected="one modality for a case",
        )
    names = [of_a[case].modality for case in kept]
    values = {}
    for metric in COMPARED:
        first, second = ([side[case].value(metric) for case in kept] for side in (of_a, of_b))
        values[metric] = as_pairs(first, second)
    return Pairs(
        scores_a=tuple(of_a[case] for case in kept),
        scores_b=tuple(of_b[case] for case in kept),
        modalities={
            name: slice(names.index(name), names.index(name) + names.count(name))
            for name in sorted(set(names))
        },
        values=values,
        finished=np.array(
            [of_a[c].outcome is Outcome.OK and of_b[c].outcome is Outcome.OK for c in kept]
        ),
        left_out=tuple(unscored),
    )
