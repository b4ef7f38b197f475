"""Whose turn it is: a team, a case, a round."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Turn:
    """One team on one case in one round of prompts, counted from 0."""

    team: str
    case: str
    round: int = 0


def following_job(job: str, prediction_sha256: str | None) -> str:
    """The job of the next round, into which the answers before it go."""
    return hashlib.sha256(f"{job} {prediction_sha256 or '-'}".encode()).hexdigest()
