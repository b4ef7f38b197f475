"""What the report is made from: the files of a run directory, read once and checked."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from data_manifest.errors import ManifestError
from data_manifest.manifest import Case, Manifest, load_manifest
from evaluate.documents.ranking import RankingDocument, read_ranking
from evaluate.documents.run import RunDocument
from evaluate.documents.run_parts import RankOptions
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import TableError
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore, CohortScore, LabelScore, ModalityScore, RoundScore
from evaluate.ranking import RankSettings
from evaluate.ranking.label_columns import with_label_columns
from evaluate.ranking.stage import labels_ranked_by, scores_to_rank
from evaluate.reporting.quantities import Quantity, quantities_of
from evaluate.scoring.modality_scores import modality_scores
from evaluate.store import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A team's row of ranking.csv; with every case, or every modality, alike where it says so."""

    team: str
    rank: float
    mean_rank: float
    rank_micro: float | None
    rank_macro: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that a report shows, as records.

    Attributes:
        document: run.json.
        protocol: the rules that the scores and places were made by, whole.
        places: in the ranking's order.
        ranking: ranking.json, or empty: its parts are optional for a report.
        case_scores: by (team, case).
        team_scores: each team's, sorted by case.
        modality_scores: by (team, modality, metric).
        label_scores: by (team, case); empty where the table is missing.
        runs: by (team, case), the last round.
        cohort: numbers over cases; none where a protocol has none.
        rounds: every round's scores; none where a protocol has one round.
        manifest_cases: by id; empty where the manifest's copy is missing.
        manifest_problem: why it is missing, in words; empty if it is there.
    """

    document: RunDocument
    protocol: Rules
    places: list[Place]
    ranking: RankingDocument
    case_scores: dict[tuple[str, str], CaseScore]
    team_scores: dict[str, list[CaseScore]]
    modality_scores: dict[tuple[str, str, str], ModalityScore]
    label_scores: dict[tuple[str, str], list[LabelScore]]
    runs: dict[tuple[str, str], Attempt]
    cohort: tuple[CohortScore, ...]
    rounds: tuple[RoundScore, ...]
    manifest_cases: dict[str, Case]
    manifest_problem: str

    @property
    def quantities(self) -> dict[str, Quantity]:
        """Every column of the scores, by name."""
        return quantities_of(self.protocol)

    @property
    def ranked(self) -> list[str]:
        """The columns that teams are ranked by."""
        return [metric.name for metric in RankSettings.from_protocol(self.protocol).metrics]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What ranking.json says that a reader must know."""
        return self.ranking.warnings

    @property
    def teams(self) -> list[str]:
        """Team names in the ranking's order."""
        return [place.team for place in self.places]

    @property
    def cases(self) -> list[str]:
        """Case identifiers, sorted."""
        return sorted({case for _, case in self.case_scores})

    @property
    def modalities(self) -> list[str]:
        """Modality names, sorted."""
        return sorted({score.modality for score in self.case_scores.values()})

    def scores_of(self, team: str) -> list[CaseScore]:
        """A team's case scores, sorted by case."""
        return self.team_scores[team]

    def simulated(self, case: str) -> bool | None:
        """Whether a case is simulated; None where no manifest says so."""
        known = self.manifest_cases.get(case)
        return None if known is None else known.origin == "simulated"


def read_sources(run: RunDirectory) -> Sources:
    """Read a run directory that was scored and ranked.

    Raises:
        RunDirectoryError: run.json is missing or of another schema.
        ProtocolError: its protocol is not valid.
        TableError: a table is missing or damaged, or the tables are not of the same teams.
    """
    document = run.document()
    places = _read_places(run.root / "ranking.csv")
    rules = document.rules_of("rank")
    options = document.ranking or RankOptions()
    scored = run.read_rows(CaseScore)
    rows = scores_to_rank(scored, options)
    means = run.read_rows(ModalityScore) if rows is scored else modality_scores(rows)
    columns = RankSettings.from_protocol(rules).columns
    rows = with_label_columns(rows, labels_ranked_by(run, rules), columns)
    case_scores = {(row.team, row.case): row for row in rows}
    ranked, teams = {place.team for place in places}, {team for team, _ in case_scores}
    if ranked != teams:
        raise TableError(
            where=str(run.root / "ranking.csv"),
            found=f"teams {sorted(ranked)}",
            expected=f"the teams of case_scores.csv, {sorted(teams)}",
            mend="rank again: `segjudge rank`",
        )
    labels: dict[tuple[str, str], list[LabelScore]] = {}
    if run.table_path(LabelScore).exists():
        for row in run.read_rows(LabelScore):
            if row.team in teams:
                labels.setdefault((row.team, row.case), []).append(row)
    manifest, problem = _read_manifest(run.root / "manifest.json")
    return Sources(
        document=document,
        protocol=rules,
        places=places,
        ranking=read_ranking(run.root / "ranking.json") or RankingDocument(),
        case_scores=case_scores,
        team_scores={
            team: [score for (name, _), score in sorted(case_scores.items()) if name == team]
            for team in teams
        },
        modality_scores={(row.team, row.modality, row.metric): row for row in means},
        label_scores=labels,
        runs={(row.team, row.case): row for row in run.read_rows(Attempt)},
        cohort=tuple(row for row in run.read_rows(CohortScore) if row.team in teams)
        if document.rules_of("score").scoring.cohort
        else (),
        rounds=tuple(row for row in run.read_rows(RoundScore) if row.team in teams)
        if document.rules_of("score").rounds.number > 1
        else (),
        manifest_cases={case.id: case for case in manifest.cases} if manifest else {},
        manifest_problem=problem,
    )


def _read_manifest(path: Path) -> tuple[Manifest | None, str]:
    if not path.is_file():
        return None, "the run directory holds no copy of the manifest"
    try:
        return load_manifest(path), ""
    except ManifestError as error:
        return None, f"the run directory's copy of the manifest can't be read: {error}"


def _broken(path: Path, found: str) -> TableError:
    return TableError(where=str(path), found=found, mend="rank again: `segjudge rank`")


def _read_places(path: Path) -> list[Place]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _broken(path, f"can't be read: {error}") from error
    places = []
    for line, row in enumerate(rows, start=2):
        try:
            place = Place(
                team=_without_guard(row["team"]),
                rank=float(row["rank"]),
                mean_rank=float(row["mean_rank"]),
                rank_micro=float(row["rank_micro"]) if row.get("rank_micro") else None,
                rank_macro=float(row["rank_macro"]) if row.get("rank_macro") else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _broken(path, f"line {line}: no team, rank and mean_rank: {error}") from error
        if not (math.isfinite(place.rank) and math.isfinite(place.mean_rank)):
            raise _broken(path, f"line {line}: rank {place.rank}, mean rank {place.mean_rank}")
        places.append(place)
    if not places:
        raise _broken(path, "no team")
    return sorted(places, key=lambda place: (place.rank, place.mean_rank, place.team))


def _without_guard(cell: str) -> str:
    """A text cell without the apostrophe that keeps a spreadsheet from running it."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t") else cell
