"""Codabench's scoring program: /app/input/ref and /app/input/res to /app/output."""

from collections.abc import Sequence
from pathlib import Path

from evaluate.documents.tables import write_atomically, write_json
from evaluate.exporting.board_columns import board_columns
from evaluate.reporting.folder_page import folder_page
from segjudge.platforms.handed_in import aggregates, rules_in, score_handed_in, told

_MOST_BYTES = 4_500_000
"""Of detailed_results.html; the platform takes 5 MB."""


def main(*, program: str, folders: Sequence[str]) -> int:
    """Score a submission.

    Args:
        program: path of score.py, beside the rules.
        folders: of the inputs and of the outputs.
    """
    given, out = (Path(folder) for folder in folders)
    rules = rules_in(Path(program).parent / "protocol.json")

    def score() -> None:
        made = score_handed_in(given / "ref", given / "res", rules)
        numbers = aggregates(made)
        shown = {c.key: numbers[c.key] for c in board_columns(rules) if c.key in numbers}
        write_json(out / "scores.json", shown)
        page = folder_page(rules, made.scores.cases, made.means, most_bytes=_MOST_BYTES)
        write_atomically(out / "detailed_results.html", page.encode())

    return told(score)
