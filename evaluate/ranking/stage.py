"""`segjudge rank`: from scores to places."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from data_manifest.manifest import sha256_of
from evaluate.documents.run import RankOptions
from evaluate.documents.tables import has_column, read_table, write_json, write_table
from evaluate.facts.errors import Problem, RankingRefusedError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import RankedMetric, Rules
from evaluate.facts.scores import CaseScore
from evaluate.facts.scoring_rules import MEASURED, NOT_FOR_METRICS, metric_named
from evaluate.ranking import Result, rank
from evaluate.ranking.score_table import Missing
from evaluate.store import RunDirectory
from evaluate.store.seals import seal_stage

__all__ = ["RankOptions", "rank_result", "rank_run", "rank_table"]

_OTHER_TOOLS: dict[str, object] = {"dimension": "", "outcome": Outcome.OK, "reason": ""}
"""What a table of another tool may lack."""


def rank_result(
    run: RunDirectory,
    options: RankOptions | None = None,
    *,
    scores: Sequence[CaseScore] | None = None,
    protocol: Rules | None = None,
) -> Result:
    """Rank a run's teams; by default with the options, scores and rules that it was ranked with."""
    document = run.document()
    if options is None:
        options = document.ranking or RankOptions()
    return rank(
        run.read_rows(CaseScore) if scores is None else scores,
        protocol or document.rules_of("score"),
        seed=document.seed if options.seed is None else options.seed,
        bootstrap=options.bootstrap,
        adjustment=options.adjustment,
        compat=options.compat,
    )


def rank_run(root: Path, options: RankOptions | None = None) -> Result:
    """Rank the teams of a run from its case scores, and write ranking.csv and ranking.json."""
    run = RunDirectory.open(root)
    with run.locked():
        document = run.document()
        if document.scored_from != run.journal_sha256():
            raise RankingRefusedError(
                Problem(
                    where=str(root),
                    found="cases that were run since it was scored, or no scores yet",
                    expected="scores of all that was run",
                    mend=f"`segjudge score {root}`",
                )
            )
        options = options or RankOptions()
        if options.seed is None:
            options = msgspec.structs.replace(options, seed=document.seed)
        result = rank_result(run, options)
        _write_ranking(result, run.root)
        run.write_run_document(
            msgspec.structs.replace(
                document.ranked_as_scored(),
                ranking=options,
                ranked_from=sha256_of(run.table_path(CaseScore)),
            )
        )
        seal_stage(run, "rank", "ranking.csv", "ranking.json")
    return result


def rank_table(
    *,
    scores: Path,
    protocol: Rules,
    out: Path,
    options: RankOptions | None = None,
    metrics: Sequence[RankedMetric] | None = None,
    missing: Missing | None = None,
) -> Result:
    """Rank the teams of a table of case scores, by the protocol's metrics or by others.

    The table may be another tool's: it needs team, case, modality, and the metrics' columns.

    Args:
        scores: the table.
        protocol: the rules.
        out: folder of what is written.
        options: beside the rules.
        metrics: to rank by, instead of the protocol's.
        missing: what an empty cell is where other teams have a value; None: undefined where the
            table has a column `outcome`, which would say that it failed, and a failure otherwise.
    """
    options = options or RankOptions()
    names = [metric.name for metric in (protocol.ranking.metrics if metrics is None else metrics)]
    others = sorted(NOT_FOR_METRICS.intersection(names))
    if others:
        found = f"{', '.join(others)}, which is no metric"
        raise RankingRefusedError(
            Problem(where="metrics to rank by", found=found, expected="a column of numbers")
        )
    table = read_table(
        scores,
        CaseScore,
        defaults=_OTHER_TOOLS,
        metrics={*names, *protocol.scoring.names, *MEASURED},
        needed=[name for name in names if metric_named(name) is None],
    )
    if missing is None:
        missing = "undefined" if has_column(scores, "outcome") else "failure"
    result = rank(
        table,
        protocol,
        seed=options.seed or 0,
        bootstrap=options.bootstrap,
        metrics=metrics,
        adjustment=options.adjustment,
        compat=options.compat,
        priced=False,
        missing=missing,
    )
    _write_ranking(result, out)
    return result


def _write_ranking(result: Result, folder: Path) -> None:
    write_table(folder / "ranking.csv", result.rows, type(result.rows[0]))
    write_json(folder / "ranking.json", result.to_json(), lines_down_to=4)
