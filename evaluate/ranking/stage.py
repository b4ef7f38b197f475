"""`segjudge rank`: from scores to places."""

import dataclasses
import keyword
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from data_manifest.manifest import sha256_of
from evaluate.documents.tables import read_table, write_json, write_table
from evaluate.facts.errors import Problem, RankingRefusedError, RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import RankedMetric, Rules
from evaluate.facts.scores import CaseScore
from evaluate.ranking import Result, rank
from evaluate.store import RunDirectory
from evaluate.store.origin import protocol_of
from evaluate.store.seals import seal_stage
from metrics import METRICS

__all__ = ["RankOptions", "options_of", "rank_result", "rank_run", "rank_table"]

# What a table of another tool may lack.
_OTHER_TOOLS: dict[str, object] = {
    "dimension": "",
    "outcome": Outcome.OK,
    "reason": "",
    **dict.fromkeys(METRICS),
}


class RankOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to rank, beside the protocol; run.json keeps it, so that an audit ranks alike.

    Attributes:
        bootstrap: replicates; 0 for none.
        seed: of the resampling; None for the run's own.
        adjustment: of the tests' p-values; None for the protocol's.
        compat: `challenger` repeats known errors of challengeR, for comparison.
    """

    bootstrap: int = 1000
    seed: int | None = None
    adjustment: Literal["holm", "bh", "none"] | None = None
    compat: Literal["challenger"] | None = None


def rank_result(
    run: RunDirectory,
    options: RankOptions | None = None,
    *,
    scores: Sequence[CaseScore] | None = None,
    protocol: Rules | None = None,
) -> Result:
    """Rank a run's teams; by default with the options, scores and rules that it was ranked with."""
    facts = run.facts()
    if options is None:
        options = options_of(run, facts)
    return rank(
        run.read_rows(CaseScore) if scores is None else scores,
        protocol or protocol_of(run),
        seed=facts["seed"] if options.seed is None else options.seed,
        bootstrap=options.bootstrap,
        adjustment=options.adjustment,
        compat=options.compat,
    )


def options_of(run: RunDirectory, facts: Mapping[str, Any]) -> RankOptions:
    """The options that a run was ranked with.

    Raises:
        RunDirectoryError: run.json holds none that can be read.
    """
    try:
        return msgspec.convert(facts.get("ranking", {}), RankOptions)
    except msgspec.ValidationError as error:
        raise RunDirectoryError(
            Problem(
                where=f"{run.root / 'run.json'}: ranking",
                found=str(error),
                expected="the options of `segjudge rank`",
                mend=f"`segjudge rank {run.root}`",
            )
        ) from error


def rank_run(root: Path, options: RankOptions | None = None) -> Result:
    """Rank the teams of a run from its case scores, and write ranking.csv and ranking.json."""
    run = RunDirectory.open(root)
    with run.locked():
        facts = run.facts()
        if facts.get("scored_from") != run.journal_sha256():
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
            options = msgspec.structs.replace(options, seed=facts["seed"])
        result = rank_result(run, options)
        _write_ranking(result, run.root)
        ranking = msgspec.to_builtins(options)
        ranked_from = sha256_of(run.table_path(CaseScore))
        run.write_facts(facts | {"ranking": ranking, "ranked_from": ranked_from})
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
