"""Tables as pandas knows them: of a run, of a folder's scores, of a ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from evaluate.documents.frames import frame_of, write_parquet
from evaluate.documents.ranking import read_ranking
from evaluate.documents.run import RunDocument
from evaluate.facts.attempts import Attempt
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.ranking_record import RankingDocument
from evaluate.facts.rules import Rules
from evaluate.facts.scores import (
    CaseScore,
    CohortScore,
    LabelScore,
    LesionScore,
    ModalityScore,
    RoundScore,
)
from evaluate.ranking import RankingRow
from evaluate.scoring.score_tables import Scores
from evaluate.store import RunDirectory
from evaluate.store.origin import protocol_of

if TYPE_CHECKING:
    import pandas as pd


PathLike: TypeAlias = str | Path


class RunTables:
    """A run directory, to look at: its tables as data frames, its documents typed.

    A table is read when it is asked for, and again by every `open_run`. Columns are those of
    docs/files.md; no value is nan (or `pandas.NA`).

    Attributes:
        path: the run directory.
    """

    def __init__(self, path: PathLike) -> None:
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

    def to_parquet(self, folder: PathLike) -> None:
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

    def to_parquet(self, folder: PathLike) -> None:
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
