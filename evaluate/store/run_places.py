"""Where the files of a run are, by its own run.json."""

import hashlib
import os
from functools import cached_property
from pathlib import Path

from evaluate.documents.run import RunDocument, read_run_document
from evaluate.facts.turns import Turn

MARKER = "run.json"
"""What tells a run directory from other folders."""


class RunPlaces:
    """A run directory's paths; nothing is written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def document(self) -> RunDocument:
        """The content of run.json.

        Raises:
            RunDirectoryError: it can't be read, or is of another schema.
            ProtocolError: its rules are not valid.
        """
        return read_run_document(self.root / MARKER)

    @property
    def token(self) -> str:
        """Names this run directory where other names can't: of what a run keeps elsewhere."""
        return hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:16]

    @cached_property
    def _suffix(self) -> str:
        return self.document().rules_of("run").output.suffix

    @cached_property
    def last_round(self) -> int:
        """The number of the last round of prompts; 0 where there is one."""
        return self.document().rules_of("run").rounds.last

    def prediction_path(self, team: str, case: str, *, earlier_round: int | None = None) -> Path:
        """Where a team's output for a case is, or would be; the bytes are the participant's.

        The last round's, unless an earlier one is named, by its number from 0.
        """
        name = f"{_of_round(case, earlier_round)}{self._suffix}"
        return self.root / "predictions" / team / name

    def log_path(self, team: str, case: str, *, earlier_round: int | None = None) -> Path:
        """Where the container's output is; the bytes are the participant's."""
        return self.root / "logs" / team / f"{_of_round(case, earlier_round)}.log"

    def profile_path(self, team: str, case: str, *, earlier_round: int | None = None) -> Path:
        """Where the container's resource use over time is, if the protocol asks for it."""
        return self.root / "profiles" / team / f"{_of_round(case, earlier_round)}.csv"

    def earlier_round(self, turn: Turn) -> int | None:
        """A turn's round as the paths have it: None for the last one."""
        return None if turn.round == self.last_round else turn.round

    def files_of(self, turn: Turn) -> tuple[Path, Path, Path]:
        """Where a turn's prediction, log and profile are, or would be."""
        places = (self.prediction_path, self.log_path, self.profile_path)
        earlier = self.earlier_round(turn)
        prediction, log, profile = (
            place(turn.team, turn.case, earlier_round=earlier) for place in places
        )
        return prediction, log, profile


def _of_round(case: str, earlier_round: int | None) -> str:
    """The name of a case's files of a round."""
    return case if earlier_round is None else f"{case}.round{earlier_round}"
