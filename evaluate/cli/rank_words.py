"""A ranking, in lines."""

from evaluate.cli.score_words import say_definitions
from evaluate.cli.terminal import number, table
from evaluate.facts.metric_rules import MEASURED, metric_named
from evaluate.facts.scoring_rules import Scoring
from evaluate.ranking import Result

_MEASURED = {"wall_s": "time s", "cpu_s": "CPU s", "peak_memory_mib": "memory MiB"}


def say_leaderboard(result: Result, scoring: Scoring | None = None) -> None:
    """The places, best first, with the means that they are by; odd values are counted.

    Args:
        result: of the ranking.
        scoring: of the protocol that the columns are computed by; None for another tool's.
    """
    settings = result.document.settings
    ranked = [metric.name for metric in settings.metrics] if settings else []
    odd = [
        n for n in ("missing", "infinite", "left_out") if any(getattr(r, n) for r in result.rows)
    ]
    table(
        "Leaderboard",
        [
            *("team", "place", "mean rank"),
            *map(_head, ranked),
            "failed",
            *(name.replace("_", " ") for name in odd),
        ],
        [
            [
                row.team,
                str(row.rank),
                number(row.mean_rank, 2),
                *(number(row.value(name), 2 if name in MEASURED else 4) for name in ranked),
                str(row.failures),
                *(str(getattr(row, name)) for name in odd),
            ]
            for row in sorted(result.rows, key=lambda row: (row.rank, row.team))
        ],
    )
    say_definitions(ranked, scoring)


def _head(name: str) -> str:
    metric = metric_named(name)
    return _MEASURED.get(name) or (metric.title if metric else name)
