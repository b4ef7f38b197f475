"""`segjudge rank`: from scores to places."""

import dataclasses
import keyword
from collections.abc import Sequence
from pathlib import Path

import msgspec

from data_manifest.manifest import sha256_of
from evaluate.documents.run import RankOptions
from evaluate.documents.tables import read_table, write_json, write_table
from evaluate.facts.errors import Problem, RankingRefusedError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import RankedMetric, Rules
from evaluate.facts.scores import CaseScore
from evaluate.ranking import Result, rank
from evaluate.store import RunDirectory
from evaluate.store.seals import seal_stage
from metrics import METRICS

__all__ = ["RankOptions", "rank_result", "rank_run", "rank_table"]

# What a table of another tool may lack.
_OTHER_TOOLS: dict[str, object] = {
    "dimension": "",
    "outcome": Outcome.OK,
    "reason": "",
    **dict.fromkeys(METRICS),
}


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
) -> Result:
    """Rank the teams of a table of case scores, by the protocol's metrics or by others.

    The table may be another tool's: it needs team, case, modality, and the metrics' columns.
    """
    options = options or RankOptions()
    names = [metric.name for metric in (protocol.ranking.metrics if metrics is None else metrics)]
    result = rank(
        read_table(scores, _with_columns(names), defaults=_OTHER_TOOLS),
        protocol,
        seed=options.seed or 0,
        bootstrap=options.bootstrap,
        metrics=metrics,
        adjustment=options.adjustment,
        compat=options.compat,
    )
    _write_ranking(result, out)
    return result


def _with_columns(names: Sequence[str]) -> type[CaseScore]:
    """A case's scores with columns that are another tool's.

    Raises:
        RankingRefusedError: a name is that of a column which is no metric.
    """
    fields = {field.name for field in dataclasses.fields(CaseScore)}
    for name in names:
        if name in fields - set(METRICS) or keyword.iskeyword(name):
            raise RankingRefusedError(
                Problem(
                    where="metrics to rank by",
                    found=f"{name}, which is no metric",
                    expected="a column of numbers",
                )
            )
    others = [(name, float | None) for name in names if name not in fields]
    if not others:
        return CaseScore
    return dataclasses.make_dataclass(
        "CaseScore", others, bases=(CaseScore,), frozen=True, kw_only=True
    )


def _write_ranking(result: Result, folder: Path) -> None:
    write_table(folder / "ranking.csv", result.rows, type(result.rows[0]))
    write_json(folder / "ranking.json", result.to_json(), lines_down_to=4)
