"""Whether a submission makes something of what it is told from round to round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt

from data_manifest.findings import Finding, Severity
from data_manifest.layouts import BadPrediction, read_case
from data_manifest.manifest import Case
from data_manifest.prompts import Dots, Prompts
from evaluate.checking.check_findings import make_finding
from evaluate.facts.rules import Rules
from evaluate.facts.scores import RoundScore
from evaluate.facts.turns import Turn
from evaluate.running.conversation import Conversation
from evaluate.store import RunDirectory

_AGREES, _DISAGREES = 0.7, 0.5
_FEWEST_DOTS = 3
_WORSE = 0.02
_LabelMap = npt.NDArray[np.integer]
_Counts = tuple[int, int]
"""How many dots an answer agrees with, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInRounds:
    """What a case's answers made of its prompts.

    Attributes:
        is_same: whether every answer was that of the first round with something new.
        agreed: dots that the last answer agrees with, and all.
        misread: the same, if the prompts had been read in another way, by the words for it.
    """

    case: str
    is_same: bool
    agreed: _Counts
    misread: Mapping[str, _Counts]


def case_in_rounds(
    run: RunDirectory, rules: Rules, case: Case, data_root: Path, team: str
) -> CaseInRounds | None:
    """Look at a case's answers; None where fewer than three rounds have one."""
    stored = read_case(data_root, case).prompts
    talk = Conversation(rules, case, data_root)
    answers: list[_LabelMap] = []
    prompts: tuple[Prompts, ...] = ()
    for number in rules.rounds.of(case):
        told = talk.prompts_of(number, stored)
        path, *_ = run.files_of(Turn(team=team, case=case.id, round=number))
        mask = rules.read_mask(path, case) if path.is_file() else None
        if not (mask is None or isinstance(mask, BadPrediction)):
            talk.answered(mask)
            answers.append(mask)
            prompts = told
    if len(answers) < 3:
        return None
    ways: dict[str, _Counts] = {}
    for kind in prompts:
        for words, other in kind.misread(case.shape).items():
            ways[words] = _agreed((other,), answers[-1])
    return CaseInRounds(
        case=case.id,
        is_same=all(np.array_equal(answers[0], answer) for answer in answers[1:]),
        agreed=_agreed(prompts, answers[-1]),
        misread=ways,
    )


def _agreed(prompts: Sequence[Prompts], answer: _LabelMap) -> _Counts:
    """Of the dots that lie in the image: something is there if they say so, else nothing."""
    right = count = 0
    planes = enumerate(answer) if answer.ndim == 3 else ((None, answer),)
    for index, plane in planes:
        drawn = [shape for kind in prompts for shape in kind.shapes(index)]
        for dots in (shape for shape in drawn if isinstance(shape, Dots)):
            for y, x in dots.pixels:
                if 0 <= y < plane.shape[0] and 0 <= x < plane.shape[1]:
                    count += 1
                    right += bool(plane[y, x]) == dots.inside
    return right, count


def round_findings(cases: Sequence[CaseInRounds], scores: Sequence[RoundScore]) -> list[Finding]:
    """What a team got wrong of rounds, over all cases; the grave ones leave out what follows."""
    if not cases:
        return []
    same = [case.case for case in cases if case.is_same]
    if 2 * len(same) > len(cases):
        found = "the same mask in every round, whatever was told"
        return [make_finding("rounds-used", subject=_of(same, cases), found=found)]
    everywhere = _of([case.case for case in cases], cases)
    right, count = _sum([case.agreed for case in cases])
    ways = {words for case in cases for words in case.misread}
    for words in sorted(ways):
        fits, seen = _sum([case.misread[words] for case in cases if words in case.misread])
        if seen >= _FEWEST_DOTS and right < _DISAGREES * count and fits > _AGREES * seen:
            found = (
                f"the last answer agrees with {right / count:.0%} of what was told, and with"
                f" {fits / seen:.0%} if {words}"
            )
            return [make_finding("rounds-read", subject=everywhere, found=found)]
    worse = _worse(scores)
    if worse is not None:
        found = f"mean DSC by round {', '.join(f'{value:.3f}' for value in worse)}"
        return [make_finding("rounds-better", Severity.WARNING, subject=everywhere, found=found)]
    return [make_finding("rounds-used", Severity.OK, found="answers change with what is told")]


def _worse(scores: Sequence[RoundScore]) -> list[float] | None:
    """Means of DSC from the first round with something new on, where they fall."""
    by_round: dict[int, list[float]] = {}
    for row in scores:
        value = row.values.get("dsc")
        if value is not None and row.round > 0:
            by_round.setdefault(row.round, []).append(value)
    means = [fmean(values) for _, values in sorted(by_round.items())]
    steps = np.diff(means)
    falls = len(means) > 2 and means[-1] < means[0] - _WORSE and (steps < 0).mean() > 0.5
    return means if falls else None


def _sum(counts: Sequence[_Counts]) -> _Counts:
    return sum(right for right, _ in counts), sum(count for _, count in counts)


def _of(names: Sequence[str], cases: Sequence[CaseInRounds]) -> str:
    return f"{len(names)} of {len(cases)} cases: {', '.join(names[:3])}"
