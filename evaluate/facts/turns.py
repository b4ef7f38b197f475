"""Whose turn it is: a team, a case, a round."""

from dataclasses import dataclass

__all__ = ["Turn"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Turn:
    """One team on one case in one round of prompts, counted from 0."""

    team: str
    case: str
    round: int = 0
