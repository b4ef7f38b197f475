"""What people call from Python: a run opened, two folders scored, a table ranked, runs compared.

Each is a command's own function with data frames around it; nothing here computes.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evaluate.comparing.two_runs import compare_runs
from evaluate.documents.team_comparison import TeamComparison
from evaluate.facts.rules import RankedMetric, Rules, load_protocol
from evaluate.ranking.stage import RankOptions, rank_table
from evaluate.scoring.folder_scores import score_folders
from segjudge.data_frames import FolderTables, PathLike, RankedTable, RunTables

if TYPE_CHECKING:
    import pandas as pd


def open_run(path: PathLike) -> RunTables:
    """Open a run directory to look at its tables; nothing is written.

    Args:
        path: of the run directory.

    Raises:
        RunDirectoryError: it is none, or one of another version.
    """
    run = RunTables(path)
    run.document  # noqa: B018  # says at once what can't be read
    return run


def score_folder(
    references: PathLike,
    predictions: PathLike,
    protocol: str | Path | Rules,
    *,
    out: PathLike | None = None,
    jobs: int | None = None,
) -> FolderTables:
    """Score a folder of masks against a folder of references.

    Args:
        references: one file a case, in NIfTI, MHA, PNG or npz, in sub-folders too.
        predictions: masks named as the protocol's `[output]` says, in sub-folders too. One that is
            missing or no mask fails its case, which has then what a failure costs.
        protocol: a built-in name, a TOML file, or rules that were loaded.
        out: folder that the CSV tables are written into; None to write nothing.
        jobs: processes; None for one a CPU, 1 for this process alone.

    Raises:
        UsageError: a folder is missing or empty, or no prediction answers a reference.
        CaseFileError: a reference can't be read.
        ProtocolError: the protocol is unknown or not valid.
    """
    rules = protocol if isinstance(protocol, Rules) else load_protocol(str(protocol))
    made = score_folders(
        references=Path(references),
        predictions=Path(predictions),
        protocol=rules,
        out=None if out is None else Path(out),
        workers=jobs,
    )
    return FolderTables(protocol=rules, scores=made.scores, warnings=tuple(made.warnings))


def rank(
    scores: "pd.DataFrame | PathLike",
    protocol: str | Path | Rules,
    *,
    metrics: Mapping[str, Literal["higher", "lower"]] | None = None,
    out: PathLike | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> RankedTable:
    """Rank the teams of a table of case scores, also another tool's.

    Args:
        scores: a data frame or a file with the columns team, case, modality and the metrics.
        protocol: a built-in name, a TOML file, or rules that were loaded.
        metrics: columns to rank by with their directions, instead of the protocol's.
        out: folder of ranking.csv and ranking.json; None to write nothing.
        bootstrap: replicates; 0 for none.
        seed: of the resampling; the same seed gives the same result.

    Raises:
        TableError: the table can't be read, or could be read in two ways.
        RankingRefusedError: it is not complete.
    """
    rules = protocol
    if not isinstance(rules, Rules):
        rules = load_protocol(str(rules), other_columns=True)
    chosen = None
    if metrics is not None:
        named = metrics.items()
        chosen = [RankedMetric(name=name, direction=direction) for name, direction in named]
    with tempfile.TemporaryDirectory() as scratch:
        if isinstance(scores, str | Path):
            path = Path(scores)
        else:
            path = Path(scratch) / "scores.csv"
            scores.to_csv(path, index=False)
        result, notes = rank_table(
            scores=path,
            protocol=rules,
            out=None if out is None else Path(out),
            options=RankOptions(bootstrap=bootstrap, seed=seed),
            metrics=chosen,
        )
    return RankedTable(document=result.document, rows=result.rows, notes=(*notes, *result.notes))


def compare(
    run_a: "PathLike | RunTables",
    run_b: "PathLike | RunTables",
    *,
    team: str | None = None,
    other: str | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> tuple[TeamComparison, ...]:
    """Compare two submissions, or two machines, on the cases that both have.

    Args:
        run_a: a scored run directory.
        run_b: another, or the same.
        team: of run A; None for all teams that both hold.
        other: the team of run B; None for the same.
        bootstrap: replicates.
        seed: of the resampling.

    Returns:
        A comparison for each pair of teams; `answer` says it in a sentence.

    Raises:
        UsageError: the teams that are named do not make a pair.
        RunDirectoryError: the runs' numbers do not mean the same.
    """
    roots = [run.path if isinstance(run, RunTables) else Path(run) for run in (run_a, run_b)]
    compared = compare_runs(*roots, team=team, other=other, replicates=bootstrap, seed=seed)
    return tuple(compared.comparisons)
