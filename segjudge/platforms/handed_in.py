"""What all platforms need: the rules, a folder of a stranger's masks, strict numbers."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import segjudge
from evaluate.exporting.board_columns import FAILED
from evaluate.facts.errors import UsageError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import protocol_from_json


def rules_in(path: Path) -> segjudge.Rules:
    """The rules that the export wrote."""
    return protocol_from_json(json.loads(path.read_text(encoding="utf-8")), where=path.name)


def score_handed_in(
    references: Path, predictions: Path, rules: segjudge.Rules, *, jobs: int | None = None
) -> segjudge.FolderTables:
    """Score a stranger's folder: none of its links is followed.

    Raises:
        UsageError: there is a link in it, or cases could not be scored for a reason of ours.
    """
    links = [path for path in predictions.rglob("*") if path.is_symlink()]
    if links:
        raise UsageError(
            where=str(links[0].relative_to(predictions)),
            found="a link",
            expected="ordinary files",
            mend="hand in the masks themselves",
        )
    made = segjudge.score_folder(references, predictions, rules, jobs=jobs)
    ours = [case for case in made.scores.cases if case.outcome is Outcome.HARNESS_ERROR]
    if ours:
        raise UsageError(
            where=f"{len(ours)} of {len(made.scores.cases)} cases",
            found=f"not scored: {ours[0].reason}",
            expected="a score of every case; this is no failure of the submission",
        )
    return made


def aggregates(made: segjudge.FolderTables) -> dict[str, float | int]:
    """Every number that is defined, and how many cases failed."""
    numbers = {name: value for name, value in made.means.items() if value is not None}
    return {**numbers, FAILED: made.failures}


def told(call: Callable[[], None]) -> int:
    """Call it; what stops it is said in one line. Returns the exit code."""
    try:
        call()
    except segjudge.SegjudgeError as error:
        sys.stderr.write("".join(f"segjudge: {problem}\n" for problem in error.problems))
        return 1
    return 0
