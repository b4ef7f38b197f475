"""The part of a challenge's rules that makes several runs on a case one conversation."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from data_manifest.errors import Finding
from data_manifest.manifest import Case
from evaluate.facts.metric_rules import Strict

_Strategy: TypeAlias = Literal["centre_line", "random", "boundary"]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Rounds(Strict, frozen=True, kw_only=True):
    """How often a case's container is run, and what it is told each time.

    Nothing survives from round to round but what is named here.

    Attributes:
        number: of rounds, counted from 0.
        prompts: `stored` gives those of the case every time; `list` gives what the case lists for
            its first k rounds in round k; `largest_error_click` adds from round 1 on one click a
            label, in the middle of its largest error (`data_manifest.prompts.error_clicks`);
            `error_scribble` a scribble a label in its largest error on one slice
            (`data_manifest.prompts.error_scribbles`).
        strategies: how these are drawn; of several a case has one, by its name.
        previous: whether a container gets its answer of the round before, or zeros without one.
        first_needs: a kind of prompts; a case without it begins with round 1.
        after_failure: `stop` makes the rounds after a failed one fail alike; `go_on` makes them
            with the last answer that counted.
        case_timeout_s: for all rounds of a case together, besides the limit of each.
        label_timeout_s: the same, for each of the case's labels.
    """

    number: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    prompts: Literal["stored", "list", "largest_error_click", "error_scribble"] = "stored"
    strategies: tuple[_Strategy, ...] = ("centre_line", "random", "boundary")
    previous: bool = False
    first_needs: str | None = None
    after_failure: Literal["stop", "go_on"] = "stop"
    case_timeout_s: _Seconds | None = None
    label_timeout_s: _Seconds | None = None

    @property
    def last(self) -> int:
        """The round whose answer stays in predictions/, counted from 0."""
        return self.number - 1

    @property
    def ahead(self) -> int:
        """For how many rounds the prompts of a case are made before the first."""
        return self.number - 1 if self.prompts == "list" else 1

    def of(self, case: Case) -> range:
        """The rounds of a case."""
        skips = self.first_needs is not None and self.first_needs not in case.prompts
        return range(1 if skips else 0, self.number)

    def budget_s(self, case: Case) -> float | None:
        """What all rounds of a case may take together; None without a limit."""
        limits = []
        if self.case_timeout_s is not None:
            limits.append(self.case_timeout_s)
        if self.label_timeout_s is not None:
            limits.append(self.label_timeout_s * len(case.labels))
        return min(limits, default=None)


def rounds_problem(rounds: Rounds, kinds: tuple[str, ...]) -> Finding | None:
    """What of the rounds can't be; `where` is the key."""
    if rounds.first_needs is not None and (rounds.number < 2 or rounds.first_needs not in kinds):
        return Finding(
            where="rounds.first_needs",
            found=f"{rounds.first_needs!r} with {rounds.number} rounds",
            expected=f"one of {', '.join(kinds)}, and a second round",
        )
    if not rounds.strategies:
        return Finding(where="rounds.strategies", found="none", expected="at least one strategy")
    if rounds.number == 1 and rounds != Rounds():
        return Finding(
            where="rounds", found="settings for one round", expected="`number` of 2 or more"
        )
    return None
