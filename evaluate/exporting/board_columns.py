"""The columns of a platform's leaderboard: keys, titles and directions, from the protocol."""

from dataclasses import dataclass
from typing import Literal

from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.rules import Rules

FAILED = "failed"
"""How many cases a submission failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardColumn:
    """One column of a leaderboard.

    Attributes:
        key: in the scores; a metric's name, or `FAILED`.
        title: for people.
        direction: whether higher or lower values are better.
        digits: after the point.
    """

    key: str
    title: str
    direction: Literal["higher", "lower"]
    digits: int

    @property
    def sorting(self) -> Literal["asc", "desc"]:
        """The best value first."""
        return "desc" if self.direction == "higher" else "asc"


def board_columns(protocol: Rules) -> list[BoardColumn]:
    """The ranked metrics, then the others that are scored, then the failures.

    What a run measures is not among them: no platform that takes masks can.
    """
    ranked = [metric.name for metric in protocol.ranking.metrics if metric.name not in MEASURED]
    columns = []
    for name in dict.fromkeys((*ranked, *protocol.scoring.case_names)):
        metric = protocol.scoring.definition(name)
        if metric is not None:
            unit = f" ({metric.unit})" if metric.unit else ""
            columns.append(
                BoardColumn(
                    key=name,
                    title=f"{metric.title}{unit}",
                    direction=metric.direction,
                    digits=2 if metric.unit else 4,
                )
            )
    return [*columns, BoardColumn(key=FAILED, title="Failed cases", direction="lower", digits=0)]
