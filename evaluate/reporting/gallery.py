"""Which cases are shown of each team, worst and best, and the reading of their files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from data_manifest.layouts import BadPrediction, read_prediction
from data_manifest.manifest import Case
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore, LabelScore
from evaluate.reporting.case_files import Unreadable, read_case_files
from evaluate.reporting.case_pictures import CasePicture, draw_case
from evaluate.reporting.quantities import DASH, QUANTITIES, clipped, score_text
from evaluate.reporting.run_sources import Sources
from evaluate.store import RunDirectory

_MOST_LABELS = 6
"""So many labels' scores stand under a picture; of more, the worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One case of one team, as it is shown.

    Attributes:
        score: its row of case_scores.csv.
        picture: None if there is none.
        problem: why there is no picture; empty if there is one.
        where: what is shown of the case.
        labels: name and DSC of its labels, the worst first.
        labels_left_out: how many more there are.
        surplus_labels: how many labels only the prediction has.
        is_simulated: None where no manifest says so.
    """

    score: CaseScore
    picture: Markup | None
    problem: str
    where: str
    labels: tuple[tuple[str, str], ...]
    labels_left_out: int
    surplus_labels: int
    is_simulated: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamExhibits:
    """A team's worst and best cases among those that gave a mask."""

    team: str
    worst: tuple[Exhibit, ...]
    best: tuple[Exhibit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """All exhibits, and each image once."""

    teams: tuple[TeamExhibits, ...]
    images: tuple[Markup, ...]
    problem: str


def make_gallery(sources: Sources, run: RunDirectory, data_root: Path | None) -> Gallery:
    """Choose and draw the worst and best cases of every team."""
    problem = sources.manifest_problem
    if data_root is None:
        problem = "the data set was not at hand when this report was made"
    elif not problem and not data_root.is_dir():
        problem = f"the data set's folder is gone: {data_root.name}"
    chosen = {team: _choose(sources.scores_of(team), len(sources.teams)) for team in sources.teams}
    studio = _Studio(sources, run, data_root if not problem else None)
    drawn = studio.draw_all([score for pair in chosen.values() for side in pair for score in side])
    teams = tuple(
        TeamExhibits(
            team=team,
            worst=tuple(drawn[score.team, score.case] for score in worst),
            best=tuple(drawn[score.team, score.case] for score in best),
        )
        for team, (worst, best) in chosen.items()
    )
    if not problem and drawn and not any(exhibit.picture for exhibit in drawn.values()):
        problem = next(iter(drawn.values())).problem
    return Gallery(teams=teams, images=tuple(studio.images.values()), problem=problem)


def _choose(scores: list[CaseScore], teams: int) -> tuple[list[CaseScore], list[CaseScore]]:
    """Worst and best cases by DSC, then NSD; fewer of each where there are many teams."""
    most = 3 if teams <= 8 else 2 if teams <= 20 else 1
    usable = sorted(
        (
            score
            for score in scores
            if score.outcome is Outcome.OK and score.value("dsc") is not None
        ),
        key=lambda score: (score.value("dsc"), score.value("nsd") or 0.0, score.case),
    )
    best = usable[::-1][: min(most, (len(usable) + 1) // 2)]
    return usable[: min(most, len(usable) - len(best))], best


class _Studio:
    """Draws cases; the pictures of one case are drawn together, so that it is read once."""

    def __init__(self, sources: Sources, run: RunDirectory, data_root: Path | None) -> None:
        self.sources = sources
        self.run = run
        self.data_root = data_root
        self.images: dict[str, Markup] = {}

    def draw_all(self, scores: list[CaseScore]) -> dict[tuple[str, str], Exhibit]:
        by_case: dict[str, list[CaseScore]] = {}
        for score in scores:
            by_case.setdefault(score.case, []).append(score)
        return {
            (exhibit.score.team, exhibit.score.case): exhibit
            for case, members in sorted(by_case.items())
            for exhibit in self._draw_case(case, members)
        }

    def _draw_case(self, name: str, scores: list[CaseScore]) -> Iterator[Exhibit]:
        case = self.sources.manifest_cases.get(name)
        if self.data_root is None or case is None:
            problem = "the case is not in the manifest" if self.data_root else "no data set"
            for score in scores:
                yield self._exhibit(score, None, problem)
            return
        files = read_case_files(self.data_root, case)
        for score in scores:
            if isinstance(files, Unreadable):
                yield self._exhibit(score, None, files.reason)
                continue
            prediction = read_prediction(
                self.run.prediction_path(score.team, score.case),
                output=self.sources.protocol.output,
                shape=files.reference.labels.shape,
                spacing_mm=files.reference.spacing_mm,
                affine=files.reference.affine,
                max_bytes=self.sources.protocol.limits.output_mib << 20,
            )
            if isinstance(prediction, BadPrediction):
                yield self._exhibit(score, None, f"no mask to show: {prediction.reason}")
                continue
            position = self.sources.teams.index(score.team)
            picture = draw_case(
                files.inputs,
                files.reference,
                prediction,
                name=f"case-{position}-{score.case.replace('.', '_')}",
                title=f"{score.case}, {clipped(score.team, 60)}",
                description=_described(case, score),
            )
            self.images[picture.image_id] = picture.image
            yield self._exhibit(score, picture, "")

    def _exhibit(self, score: CaseScore, picture: CasePicture | None, problem: str) -> Exhibit:
        rows = self.sources.label_scores.get((score.team, score.case), [])
        labels = [row for row in rows if row.reference_voxels > 0 or row.value("dsc") is not None]
        known = self.sources.manifest_cases.get(score.case)
        names = {label.label: label.name for label in known.labels} if known else {}
        worst_first = sorted(
            labels,
            key=lambda row: (row.value("dsc") is None, row.value("dsc") or 0.0, str(row.label)),
        )
        return Exhibit(
            score=score,
            picture=picture.drawing if picture else None,
            problem=problem,
            where=picture.where if picture else "",
            labels=tuple(_label_text(row, names) for row in worst_first[:_MOST_LABELS]),
            labels_left_out=max(0, len(labels) - _MOST_LABELS),
            surplus_labels=len(rows) - len(labels),
            is_simulated=self.sources.simulated(score.case),
        )


def _label_text(row: LabelScore, names: dict[int, str]) -> tuple[str, str]:
    own = row.label if isinstance(row.label, str) else names.get(row.label, "")
    name = clipped(own or f"label {row.label}", 40)
    dsc = row.value("dsc")
    return name, DASH if dsc is None else score_text(dsc)


def _described(case: Case, score: CaseScore) -> str:
    labels = ", ".join(clipped(label.name, 40) for label in case.labels[:_MOST_LABELS])
    return (
        f"{case.modality} image with the outline of the reference ({labels}), that of the"
        f" prediction, and the prompts. DSC {QUANTITIES['dsc'].text(score.value('dsc'))}, NSD"
        f" {QUANTITIES['nsd'].text(score.value('nsd'))}."
    )
