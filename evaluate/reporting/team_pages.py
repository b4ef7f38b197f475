"""A page for each team, to be sent to that team alone: nothing of another team but its place."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.facts.scores import CaseScore
from evaluate.reporting.case_figures import MOST_DOTS, CaseFigure, podiums, spreads
from evaluate.reporting.charts import PlaceRow, standing_chart
from evaluate.reporting.failures import Failure
from evaluate.reporting.figures import Figure, modality_figures
from evaluate.reporting.gallery import Gallery
from evaluate.reporting.provenance import submissions
from evaluate.reporting.quantities import DASH, QUANTITIES, Quantity, percent
from evaluate.reporting.rendering import render
from evaluate.reporting.robustness import Certainty
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.standings import (
    Modality,
    StandingCell,
    macro,
    micro,
    modalities,
    shown_quantities,
)
from evaluate.reporting.svg import number
from evaluate.store import RunDirectory

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_PLACES = 10
_ANOTHER = "another team"


@dataclass(frozen=True, slots=True, kw_only=True)
class _TeamRow:
    """A row of one of the page's tables."""

    name: str
    cells: tuple[StandingCell, ...]


def page_name(team: str) -> str:
    """A file name for a team: its own name where that is harmless, else with a digest.

    >>> page_name("box-filler")
    'box-filler'
    """
    if _SAFE_NAME.fullmatch(team):
        return team
    # A dot and a digest: no harmless name is made into the same one by chance.
    readable = re.sub(r"[^A-Za-z0-9]+", "-", team).strip("-")[:32] or "team"
    return f"{readable}.{hashlib.sha256(team.encode()).hexdigest()[:16]}"


def write_team_pages(
    run: RunDirectory,
    sources: Sources,
    certainty: Certainty | None,
    failures: Sequence[Failure],
    gallery: Gallery,
) -> None:
    """Write `report/teams/TEAM.html` for every team, each self-contained."""
    handed_in = {submission.team: submission for submission in submissions(sources)}
    quantities = shown_quantities(sources)
    for place in sources.places:
        team = place.team
        exhibits = next((shown for shown in gallery.teams if shown.team == team), None)
        text = render(
            "team.html.j2",
            team=team,
            title=sources.protocol.title,
            place=number(place.rank),
            teams=len(sources.teams),
            sentence=_sentence(sources, team, certainty),
            standing=_standing(sources, team, certainty),
            certainty=certainty,
            quantities=quantities,
            all_quantities=QUANTITIES,
            averages=_averages(sources, team, quantities),
            by_modality=_by_modality(sources, team, quantities),
            failures=[failure for failure in failures if failure.score.team == team],
            cases=[_case_row(score, quantities) for score in sources.scores_of(team)],
            exhibits=exhibits,
            images=_own_images(gallery, team),
            picture_problem=gallery.problem,
            submission=handed_in[team],
        )
        run.write_document(f"report/teams/{page_name(team)}.html", text.encode("utf-8"))


def _sentence(sources: Sources, team: str, certainty: Certainty | None) -> str:
    place = next(place for place in sources.places if place.team == team)
    text = f"The mean rank is {place.mean_rank:.2f} (1 would be best in everything)."
    if certainty is None:
        return text
    low, high = certainty.intervals[team]
    interval = f"place {number(low)}" if low == high else f"places {number(low)} to {number(high)}"
    return (
        f"{text} In 95\N{NO-BREAK SPACE}% of {certainty.replicates:,} resamples of the cases it"
        f" stays at {interval}; it comes first in {percent(certainty.first[team])} of them."
    )


def _standing(sources: Sources, team: str, certainty: Certainty | None) -> Markup:
    """The first places and the team's own; the others have no name."""
    shown = [
        place
        for position, place in enumerate(sources.places)
        if position < _MOST_PLACES or place.team == team
    ]
    rows = [
        PlaceRow(
            team=place.team if place.team == team else _ANOTHER,
            rank=place.rank,
            mean_rank=place.mean_rank,
            interval=certainty.intervals[place.team] if certainty else None,
            shares=certainty.shares.get(place.team, {}) if certainty else {},
        )
        for place in shown
    ]
    own = next(row for row in rows if row.team == team)
    words = f"This team has place {number(own.rank)} of {len(sources.teams)}."
    return standing_chart(rows, description=words)


def _averages(sources: Sources, team: str, quantities: Sequence[Quantity]) -> tuple[_TeamRow, ...]:
    return tuple(
        _TeamRow(name=name, cells=_cells((q, mean(sources, team, q.name)[0]) for q in quantities))
        for name, mean in (("every modality alike (macro)", macro), ("every case alike", micro))
    )


def _cells(values: Iterable[tuple[Quantity, float | None]]) -> tuple[StandingCell, ...]:
    return tuple(StandingCell(text=q.text(value), order=value) for q, value in values)


def _by_modality(
    sources: Sources, team: str, quantities: Sequence[Quantity]
) -> tuple[_TeamRow, ...]:
    rows = []
    for modality in modalities(sources):
        scores = [sources.modality_scores.get((team, modality.name, q.name)) for q in quantities]
        means = [None if row is None else row.mean for row in scores]
        failed = max((row.failures for row in scores if row is not None), default=0)
        counts = [StandingCell(text=str(n), order=n) for n in (modality.cases, failed)]
        cells = (*_cells(zip(quantities, means, strict=True)), *counts)
        rows.append(_TeamRow(name=modality.name, cells=cells))
    return tuple(rows)


def _case_row(score: CaseScore, quantities: Sequence[Quantity]) -> tuple[CaseScore, _TeamRow]:
    cells = _cells((q, score.value(q.name)) for q in quantities)
    return score, _TeamRow(name=score.case, cells=cells)


def _own_images(gallery: Gallery, team: str) -> list[Markup]:
    """The embedded images that this team's pictures refer to, and no other."""
    exhibits = [
        e for shown in gallery.teams if shown.team == team for e in shown.worst + shown.best
    ]
    wanted = {
        name for e in exhibits if e.picture for name in re.findall(r'href="#([^"]+)"', e.picture)
    }
    return [
        image
        for image in gallery.images
        if (identifier := re.search(r'\bid="([^"]+)"', image)) and identifier[1] in wanted
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityPage:
    """What a modality's page shows."""

    name: str
    modality: Modality
    cases: tuple[CaseFigure, ...]
    ranking: tuple[Figure, ...]

    @property
    def drawings(self) -> dict[str, Markup]:
        """Every figure by the name of its file."""
        of_cases = {figure.name: figure.drawing for figure in self.cases}
        return of_cases | {figure.name: figure.drawing for figure in self.ranking}


def modality_pages(sources: Sources) -> tuple[ModalityPage, ...]:
    """A page for each modality; none where there is only one, as the report is that page."""
    shown = modalities(sources)
    if len(shown) < 2:
        return ()
    return tuple(
        ModalityPage(
            name=_page_name(position, modality.name),
            modality=modality,
            cases=(*spreads(sources, modality.name), *podiums(sources, modality.name)),
            ranking=modality_figures(sources, modality.name),
        )
        for position, modality in enumerate(shown, start=1)
    )


def _page_name(position: int, modality: str) -> str:
    """A file name that no manifest can choose: a number, and what is harmless of the name.

    >>> _page_name(3, "X-Ray / chest")
    '03-x-ray-chest'
    """
    readable = re.sub(r"[^a-z0-9]+", "-", modality.lower()).strip("-")[:40]
    return f"{position:02d}-{readable}".rstrip("-")


def write_modality_pages(
    run: RunDirectory, sources: Sources, pages: tuple[ModalityPage, ...]
) -> None:
    """Write `report/modalities/NAME.html` for every modality, each self-contained."""
    quantities = shown_quantities(sources)
    texts = (
        (
            f"{page.name}.html",
            render(
                "modality.html.j2",
                title=sources.protocol.title,
                page=page,
                pages=pages,
                teams=sources.teams,
                quantities=quantities,
                rows=[_row(sources, team, page.modality) for team in sources.teams],
                dots_are_thinned=page.modality.cases > MOST_DOTS,
            ).encode("utf-8"),
        )
        for page in pages
    )
    run.write_folder("report/modalities", texts)


def _row(sources: Sources, team: str, modality: Modality) -> tuple[str, list[StandingCell]]:
    """Place and mean rank in the modality, then mean and median of each metric, then failures."""
    overall = sources.ranking.overall or {}
    place = overall[team].by_modality.get(modality.name) if team in overall else None
    rank, mean_rank = (place.rank, place.mean_rank) if place else (None, None)
    cells = [
        StandingCell(text=DASH if rank is None else number(rank), order=rank),
        StandingCell(text=DASH if mean_rank is None else f"{mean_rank:.2f}", order=mean_rank),
    ]
    failures = 0
    for quantity in shown_quantities(sources):
        row = sources.modality_scores.get((team, modality.name, quantity.name))
        values = (row.mean, row.median) if row else (None, None)
        cells += [StandingCell(text=quantity.text(value), order=value) for value in values]
        failures = max(failures, row.failures if row else 0)
    return team, [*cells, StandingCell(text=str(failures), order=failures)]
