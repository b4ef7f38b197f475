"""Tables of case scores for the ranking's tests, written as small grids."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules, load_protocol
from evaluate.facts.scores import CaseScore

PROTOCOL = load_protocol("segjudge")


def protocol(*, timeout_s: float = 60.0, **ranking: Any) -> Rules:
    """The recommended protocol with other ranking settings and time limit."""
    return msgspec.structs.replace(
        PROTOCOL,
        limits=msgspec.structs.replace(PROTOCOL.limits, timeout_s=timeout_s),
        ranking=msgspec.structs.replace(PROTOCOL.ranking, **ranking),
    )


def row(team: str, case: str, **values: Any) -> CaseScore:
    """One row; what is not named is empty, and the case's modality is CT."""
    defaults: dict[str, Any] = {
        "modality": "CT",
        "dimension": "2D",
        "outcome": Outcome.OK,
        "reason": "",
    }
    facts = {key: values.pop(key) for key in defaults if key in values}
    metrics = dict.fromkeys((*PROTOCOL.scoring.names, *MEASURED)) | values
    return CaseScore(team=team, case=case, values=metrics, **(defaults | facts))


def dsc_rows(
    grid: Mapping[str, Sequence[float | None]], modalities: Sequence[str] | None = None
) -> list[CaseScore]:
    """DSC of each team in cases c0, c1, ...; None: the team crashed there."""
    return [
        row(
            team,
            f"c{i}",
            modality="CT" if modalities is None else modalities[i],
            dsc=0.0 if value is None else value,
            outcome=Outcome.NONZERO_EXIT if value is None else Outcome.OK,
        )
        for team, values in grid.items()
        for i, value in enumerate(values)
    ]
