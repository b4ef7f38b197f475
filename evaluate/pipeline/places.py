"""`segjudge rank` and `segjudge report`: from scores to places and a page."""

from collections.abc import Sequence
from pathlib import Path

from data_manifest.manifest import sha256_of
from data_manifest.progress import Progress, silent
from evaluate.errors import Problem, RankingRefusedError, RunDirectoryError
from evaluate.pipeline.scores import data_of, protocol_of
from evaluate.protocol import Protocol, RankedMetric
from evaluate.ranking import Result, rank
from evaluate.records import CaseScore, Outcome
from evaluate.reporting import write_report
from evaluate.scoring import METRIC_COLUMNS
from evaluate.store import RunDirectory
from evaluate.tables import read_table, write_json, write_table

__all__ = ["rank_result", "rank_run", "rank_table", "report_run"]

# What a table of another tool may lack.
_OTHER_TOOLS: dict[str, object] = {
    "dimension": "",
    "outcome": Outcome.OK,
    "reason": "",
    **dict.fromkeys(METRIC_COLUMNS),
}


def rank_result(
    run: RunDirectory, *, bootstrap: int | None = None, seed: int | None = None
) -> Result:
    """Rank a run's teams; by default with the bootstrap and the seed that it was ranked with."""
    facts = run.facts()
    settings = facts.get("ranking", {})
    return rank(
        run.read_rows(CaseScore),
        protocol_of(run),
        seed=settings.get("seed", facts["seed"]) if seed is None else seed,
        bootstrap=settings.get("bootstrap", 1000) if bootstrap is None else bootstrap,
    )


def rank_run(root: Path, *, bootstrap: int = 1000, seed: int | None = None) -> Result:
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
        chosen = facts["seed"] if seed is None else seed
        result = rank_result(run, bootstrap=bootstrap, seed=chosen)
        _write_ranking(result, run.root)
        ranking = {"bootstrap": bootstrap, "seed": chosen}
        ranked_from = sha256_of(run.table_path(CaseScore))
        run.write_facts(facts | {"ranking": ranking, "ranked_from": ranked_from})
    return result


def rank_table(
    *,
    scores: Path,
    protocol: Protocol,
    out: Path,
    bootstrap: int = 1000,
    seed: int = 0,
    metrics: Sequence[RankedMetric] | None = None,
) -> Result:
    """Rank the teams of a table of case scores, by the protocol's metrics or by others.

    The table may be another tool's: it needs team, case, modality, and the metrics' columns.
    """
    cases = read_table(scores, CaseScore, defaults=_OTHER_TOOLS)
    result = rank(cases, protocol, seed=seed, bootstrap=bootstrap, metrics=metrics)
    _write_ranking(result, out)
    return result


def _write_ranking(result: Result, folder: Path) -> None:
    write_table(folder / "ranking.csv", result.rows, type(result.rows[0]))
    write_json(folder / "ranking.json", result.to_json())


def report_run(
    root: Path, *, manifest_path: Path | None = None, progress: Progress = silent
) -> Path:
    """Write the report of a scored and ranked run; returns its path."""
    run = RunDirectory.open(root)
    with run.locked():
        _, data_root = data_of(run, manifest_path)
        scores = run.table_path(CaseScore)
        if not scores.is_file() or run.facts().get("ranked_from") != sha256_of(scores):
            raise RunDirectoryError(
                Problem(
                    where=str(root),
                    found="scores that were made since it was ranked, or no ranking yet",
                    expected="a ranking of these scores",
                    mend=f"`segjudge rank {root}`",
                )
            )
        found = data_root if data_root.is_dir() else None
        return write_report(run, data_root=found, progress=progress)
