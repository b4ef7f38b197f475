"""What a team's container is told on one case, round by round. It is told outside of the clock."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs
from data_manifest.layouts import BadPrediction, read_case, read_reference
from data_manifest.manifest import Case
from data_manifest.prompts import Clicks, Prompts, Scribbles
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.run_rules import Limits

if TYPE_CHECKING:
    from data_manifest.prompts.error_clicks import Click


class Conversation:
    """One team, one case; rounds must be asked for in their order, and how each went be said."""

    def __init__(self, rules: Rules, case: Case, data_root: Path) -> None:
        self._rules, self._rounds, self._case = rules, rules.rounds, case
        self._budget_s, self._spent_s = rules.rounds.budget_s(case), 0.0
        self._over: tuple[Outcome, str] | None = None
        self._data_root, self._truth = data_root, data_root / case.reference.path
        self._answer: npt.NDArray[np.integer] = np.zeros(0, np.uint8)
        self._reference: npt.NDArray[np.integer] | None = None
        self._clicks: list[Sequence[Click | None]] = []
        self._marks: npt.NDArray[np.integer] | None = None

    def told(self, number: int) -> CaseInputs | None:
        """What the container gets in a round; None for the case's file as it is stored.

        Raises:
            CaseFileError: a file of the case can't be read.
        """
        if self._rounds.number == 1 or (number == 0 and self._rounds.prompts != "list"):
            return None
        inputs = read_case(self._data_root, self._case)
        prompts = self.prompts_of(number, inputs.prompts)
        previous = self._last_answer() if self._rounds.previous and number else None
        return replace(inputs, prompts=prompts, previous=previous)

    def prompts_of(self, number: int, stored: Sequence[Prompts]) -> tuple[Prompts, ...]:
        """The prompts of a round, made of those that are stored for the case."""
        maker = self._rounds.prompts
        if maker == "list":
            kept = (p for p in stored if number or not isinstance(p, Clicks))
            return tuple(p.first(number) if isinstance(p, Clicks) else p for p in kept)
        if number and maker == "largest_error_click":
            return (*stored, self._next_clicks())
        if number and maker == "error_scribble":
            others = (p for p in stored if not isinstance(p, Scribbles))
            return (*others, self._next_scribbles(stored))
        return tuple(stored)

    def refusal(self) -> tuple[Outcome, str] | None:
        """Why the next round fails before it begins; None if it does not."""
        if self._over is None and self._budget_s is not None and self._spent_s >= self._budget_s:
            reason = f"the {self._budget_s:g} s for all rounds of this case were used up"
            return Outcome.TIMEOUT, reason
        return self._over

    def limits(self) -> Limits:
        """Those of the next round: no more time than is left."""
        limits = self._rules.limits
        if self._budget_s is None:
            return limits
        left_s = min(limits.timeout_s, self._budget_s - self._spent_s)
        return msgspec.structs.replace(limits, timeout_s=left_s)

    def went(self, attempt: Attempt, prediction: Path | None) -> None:
        """How a round went, and the mask that it left, if that counts."""
        self._spent_s += attempt.wall_s or 0.0
        if attempt.outcome.is_failure and self._rounds.after_failure == "stop":
            reason = f"not run, since round {attempt.round} failed: {attempt.reason}"
            self._over = (attempt.outcome, reason)
        if prediction is None or self._rounds.number == 1:
            return
        labels = self._rules.read_mask(prediction, self._case)
        if not isinstance(labels, BadPrediction):
            self.answered(labels)

    def answered(self, labels: npt.NDArray[np.integer]) -> None:
        """The container's answer to the round that it was told last."""
        small = labels.size == 0 or int(labels.max()) < 256
        self._answer = labels.astype(np.uint8 if small else np.uint16)

    def _last_answer(self) -> npt.NDArray[np.integer]:
        if not self._answer.size:
            self._answer = np.zeros(self._case.shape, np.uint8)
        return self._answer

    def _volumes(self) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
        """Reference and last answer, (D, H, W)."""
        if self._reference is None:
            self._reference = read_reference(self._truth).labels
        volume = (1,) * (3 - len(self._case.shape)) + self._case.shape
        return self._reference.reshape(volume), self._last_answer().reshape(volume)

    @property
    def _labels(self) -> list[int]:
        return [label.label for label in self._case.labels]

    def _next_clicks(self) -> Clicks:
        from data_manifest.prompts.error_clicks import error_clicks  # slow to import

        self._clicks.append(error_clicks(*self._volumes(), self._labels))
        return Clicks.of(self._labels, self._clicks, axes=len(self._case.shape))

    def _next_scribbles(self, stored: Sequence[Prompts]) -> Scribbles:
        from data_manifest.prompts.error_scribbles import (  # slow to import
            error_scribbles,
            strategy_of,
        )

        if self._marks is None:
            first = [p.marks for p in stored if isinstance(p, Scribbles)]
            self._marks = first[0] if first else np.zeros(self._case.shape, np.int64)
        strategy = strategy_of(self._case.id, self._rounds.strategies)
        added = error_scribbles(*self._volumes(), self._labels, strategy=strategy)
        added = added.reshape(self._case.shape)
        self._marks = np.where(added > 0, added, self._marks)
        return Scribbles(marks=self._marks)
