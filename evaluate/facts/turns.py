"""Whose turn it is: a team, a case, a round."""

from dataclasses import dataclass

__all__ = ["LAST_ROUND", "Turn"]

LAST_ROUND = 0
"""Whose answer is scored: the only round, as long as a protocol has one (`Rules.rounds`)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Turn:
    """One team on one case in one round of prompts, counted from 0."""

    team: str
    case: str
    round: int = 0
