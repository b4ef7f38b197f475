"""A page for each modality: its own table, and the figures made from its cases alone."""

import re
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.reporting.case_figures import MOST_DOTS, CaseFigure, podiums, spreads
from evaluate.reporting.figures import Figure, modality_figures
from evaluate.reporting.quantities import DASH
from evaluate.reporting.rendering import render
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.standings import Modality, StandingCell, modalities, shown_quantities
from evaluate.reporting.svg import number
from evaluate.store import RunDirectory


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
    cells = []
    standing = _standing(sources, team, modality.name)
    for key, digits in (("rank", None), ("mean_rank", 2)):
        value = standing.get(key)
        shown = DASH if value is None else number(value) if digits is None else f"{value:.2f}"
        cells.append(StandingCell(text=shown, order=value))
    failures = 0
    for quantity in shown_quantities(sources):
        row = sources.modality_scores.get((team, modality.name, quantity.name))
        values = (row.mean, row.median) if row else (None, None)
        cells += [StandingCell(text=quantity.text(value), order=value) for value in values]
        failures = max(failures, row.failures if row else 0)
    return team, [*cells, StandingCell(text=str(failures), order=failures)]


def _standing(sources: Sources, team: str, modality: str) -> dict[str, float | None]:
    """The team's place in the modality as ranking.json has it; empty where it has none."""
    overall = sources.ranking.overall or {}
    place = overall[team].by_modality.get(modality) if team in overall else None
    return {} if place is None else {"mean_rank": place.mean_rank, "rank": place.rank}
