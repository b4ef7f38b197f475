"""What a team's container is told on one case, round by round. It is told outside of the clock."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs
from data_manifest.layouts import BadPrediction, read_case, read_prediction, read_reference
from data_manifest.manifest import Case
from data_manifest.prompts import Clicks
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits, Rules

if TYPE_CHECKING:
    from data_manifest.prompts.error_clicks import Click

__all__ = ["Conversation"]


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

    def told(self, number: int) -> CaseInputs | None:
        """What the container gets in a round; None for the case's file as it is stored.

        Raises:
            CaseFileError: a file of the case can't be read.
        """
        rounds = self._rounds
        if rounds.number == 1 or (number == 0 and rounds.prompts != "list"):
            return None
        inputs = read_case(self._data_root, self._case)
        if rounds.prompts == "list":
            prompts = tuple(
                p.first(number) if isinstance(p, Clicks) else p
                for p in inputs.prompts
                if number or not isinstance(p, Clicks)
            )
            inputs = replace(inputs, prompts=prompts)
        elif rounds.prompts == "largest_error_click":
            inputs = replace(inputs, prompts=(*inputs.prompts, self._next_clicks()))
        if rounds.previous and number:
            inputs = replace(inputs, previous=self._last_answer())
        return inputs

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
        labels = read_prediction(
            prediction,
            output=self._rules.output,
            shape=self._case.shape,
            spacing_mm=self._case.spacing_mm,
            max_bytes=self._rules.limits.output_mib << 20,
        )
        if not isinstance(labels, BadPrediction):
            small = labels.size == 0 or int(labels.max()) < 256
            self._answer = labels.astype(np.uint8 if small else np.uint16)

    def _last_answer(self) -> npt.NDArray[np.integer]:
        if not self._answer.size:
            self._answer = np.zeros(self._case.shape, np.uint8)
        return self._answer

    def _next_clicks(self) -> Clicks:
        from data_manifest.prompts.error_clicks import error_clicks  # slow to import

        if self._reference is None:
            self._reference = read_reference(self._truth).labels
        axes = len(self._case.shape)
        volume = (1,) * (3 - axes) + self._case.shape
        labels = [label.label for label in self._case.labels]
        self._clicks.append(
            error_clicks(
                self._reference.reshape(volume), self._last_answer().reshape(volume), labels
            )
        )
        return Clicks.of(labels, self._clicks, axes=axes)
