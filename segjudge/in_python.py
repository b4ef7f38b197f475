"""What people call from Python: a run opened, two folders scored, a table ranked, runs compared.

Each is a command's own function with data frames around it; nothing here computes.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal, TypeAlias

from evaluate.comparing.two_runs import compare_runs
from evaluate.documents.frames import frame_of, write_parquet
from evaluate.documents.ranking import read_ranking
from evaluate.documents.run import RunDocument
from evaluate.documents.team_comparison import TeamComparison
from evaluate.facts.attempts import Attempt
from evaluate.facts.ranking_record import RankingDocument
from evaluate.facts.rules import RankedMetric, Rules, load_protocol
from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)
from evaluate.facts.scoring_rules import MEASURED
from evaluate.ranking import RankingRow
from evaluate.ranking.stage import RankOptions, rank_table
from evaluate.scoring.stage import Scores, score_folders
from evaluate.store import RunDirectory
from evaluate.store.origin import protocol_of

if TYPE_CHECKING:
    import pandas as pd

_Path: TypeAlias = str | Path


class RunTables:
    """A run directory, to look at: its tables as data frames, its documents typed.

    A table is read when it is asked for, and again by every `open_run`. Columns are those of
    docs/files.md; no value is nan (or `pandas.NA`).

    Attributes:
        path: the run directory.
    """

    def __init__(self, path: _Path) -> None:
        self.path = Path(path)
        self._run = RunDirectory.open(self.path)

    def _frame(self, kind: type, metrics: Sequence[str] = ()) -> "pd.DataFrame":
        return frame_of(self._run.read_rows(kind), kind, metrics=metrics)

    @property
    def document(self) -> RunDocument:
        """run.json: what was run, where, and under which rules."""
        return self._run.document()

    @property
    def protocol(self) -> Rules:
        """The rules that it is scored and ranked by."""
        return protocol_of(self._run)

    @property
    def ranking(self) -> RankingDocument | None:
        """ranking.json; None before `segjudge rank`."""
        return read_ranking(self.path / "ranking.json")

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """How each turn ended: outcome, times, memory, machine."""
        return frame_of(list(self._run.attempts()), Attempt)

    @cached_property
    def case_scores(self) -> "pd.DataFrame":
        """A row a team and case; a failed case has what a failure costs."""
        return self._frame(CaseScore, (*self.protocol.scoring.case_names, *MEASURED))

    @cached_property
    def label_scores(self) -> "pd.DataFrame":
        """A row a team, case and label or region."""
        return self._frame(LabelScore, self.protocol.scoring.names)

    @cached_property
    def modality_scores(self) -> "pd.DataFrame":
        """A row a team, modality and metric."""
        return self._frame(ModalityScore)

    @cached_property
    def round_scores(self) -> "pd.DataFrame":
        """A row a team, case and round; empty where the protocol has one round."""
        return self._if_there(RoundScore, self.protocol.scoring.names)

    @cached_property
    def cohort_scores(self) -> "pd.DataFrame":
        """A row a number over many cases; empty where the protocol has none."""
        return self._if_there(CohortScore)

    @cached_property
    def lesion_scores(self) -> "pd.DataFrame":
        """A row an object; empty where the protocol asks for none."""
        return self._if_there(LesionScore)

    def _if_there(self, kind: type, metrics: Sequence[str] = ()) -> "pd.DataFrame":
        if self._run.table_path(kind).is_file():
            return self._frame(kind, metrics)
        return frame_of([], kind, metrics=metrics)

    def to_parquet(self, folder: _Path) -> None:
        """Write every table as NAME.parquet; an empty one is left out."""
        scores = ("case", "label", "modality", "round", "cohort", "lesion")
        names = ("runs", *(f"{name}_scores" for name in scores))
        frames = {name: getattr(self, name) for name in names}
        write_parquet(Path(folder), {name: f for name, f in frames.items() if len(f)})


@dataclass(frozen=True, kw_only=True)
class FolderTables:
    """What two folders of masks gave.

    Attributes:
        protocol: the rules.
        scores: the tables as typed records.
        warnings: what was noticed, in words.
    """

    protocol: Rules
    scores: Scores
    warnings: tuple[str, ...]

    @cached_property
    def case_scores(self) -> "pd.DataFrame":
        """A row a case; a failed case has what a failure costs."""
        names = (*self.protocol.scoring.case_names, *MEASURED)
        return frame_of(self.scores.cases, CaseScore, metrics=names)

    @cached_property
    def label_scores(self) -> "pd.DataFrame":
        """A row a case and label or region."""
        return frame_of(self.scores.labels, LabelScore, metrics=self.protocol.scoring.names)

    @cached_property
    def modality_scores(self) -> "pd.DataFrame":
        """A row a modality and metric."""
        return frame_of(self.scores.modalities, ModalityScore)

    @cached_property
    def round_scores(self) -> "pd.DataFrame":
        """A row a case and round; empty where the protocol has one round."""
        return frame_of(self.scores.rounds, RoundScore, metrics=self.protocol.scoring.names)

    @cached_property
    def cohort_scores(self) -> "pd.DataFrame":
        """A row a number over many cases; empty where the protocol has none."""
        return frame_of(self.scores.cohort, CohortScore)

    @cached_property
    def lesion_scores(self) -> "pd.DataFrame":
        """A row an object; empty where the protocol asks for none."""
        return frame_of(self.scores.lesions, LesionScore)

    @property
    def means(self) -> Mapping[str, float | None]:
        """What a leaderboard shows; None where nothing is defined.

        Of each metric the mean over the modalities' means, as `segjudge rank` has it; and every
        number over all cases, by `METRIC_STATISTIC` and, of one label, `METRIC_STATISTIC_LABEL`.
        """
        made: dict[str, float | None] = {}
        for name in self.protocol.scoring.case_names:
            rows = [row.mean for row in self.scores.modalities if row.metric == name]
            known = [mean for mean in rows if mean is not None]
            made[name] = fmean(known) if known else None
        for row in self.scores.cohort:
            if row.modality == "":
                made["_".join(filter(None, (row.metric, str(row.label))))] = row.value
        return made

    @property
    def failures(self) -> int:
        """How many cases failed: without a mask, or with one that is none."""
        return sum(case.outcome.is_failure for case in self.scores.cases)

    def to_parquet(self, folder: _Path) -> None:
        """Write every table as NAME.parquet; an empty one is left out."""
        names = ("case", "label", "modality", "round", "cohort", "lesion")
        frames = {f"{name}_scores": getattr(self, f"{name}_scores") for name in names}
        write_parquet(Path(folder), {name: f for name, f in frames.items() if len(f)})


@dataclass(frozen=True, kw_only=True)
class RankedTable:
    """A ranking of a table of scores.

    Attributes:
        document: ranking.json, typed.
        rows: one for each team, best first.
        notes: what was converted or left out, in words.
    """

    document: RankingDocument
    rows: tuple[RankingRow, ...]
    notes: tuple[str, ...]

    @cached_property
    def leaderboard(self) -> "pd.DataFrame":
        """The rows, best first, with a column for each metric's mean."""
        made = frame_of(self.rows, RankingRow)
        return made.sort_values(["rank", "team"], ignore_index=True)


def open_run(path: _Path) -> RunTables:
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
    references: _Path,
    predictions: _Path,
    protocol: str | Path | Rules,
    *,
    out: _Path | None = None,
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
    scores: "pd.DataFrame | _Path",
    protocol: str | Path | Rules,
    *,
    metrics: Mapping[str, Literal["higher", "lower"]] | None = None,
    out: _Path | None = None,
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
    run_a: "_Path | RunTables",
    run_b: "_Path | RunTables",
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
