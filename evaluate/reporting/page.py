"""The page: everything that the template shows, put together, and the file written whole."""

from pathlib import Path

from markupsafe import Markup

from data_manifest.manifest import sha256_of
from data_manifest.progress import Progress, silent
from evaluate.facts.errors import RunDirectoryError
from evaluate.facts.scores import CaseScore
from evaluate.reporting.banners import banners
from evaluate.reporting.case_browser import write_case_browser
from evaluate.reporting.case_figures import MOST_DOTS, podiums, spreads
from evaluate.reporting.charts import (
    PlaceRow,
    RuntimePoint,
    pareto_front,
    runtime_chart,
    standing_chart,
)
from evaluate.reporting.checklist import checklist, checklist_table
from evaluate.reporting.companions import write_figures, write_methods, write_tables
from evaluate.reporting.data_tables import data_tables
from evaluate.reporting.failures import failures
from evaluate.reporting.figures import ranking_figures
from evaluate.reporting.gallery import make_gallery
from evaluate.reporting.methods_text import methods_paragraphs
from evaluate.reporting.provenance import fact_groups, protocol_text, submissions
from evaluate.reporting.quantities import QUANTITIES, clipped
from evaluate.reporting.rendering import render
from evaluate.reporting.robustness import Certainty, read_certainty
from evaluate.reporting.round_charts import round_figures
from evaluate.reporting.run_sources import Sources, read_sources
from evaluate.reporting.standings import heat_tables, leaderboard, macro, modalities
from evaluate.reporting.svg import number
from evaluate.reporting.team_pages import modality_pages, write_modality_pages, write_team_pages
from evaluate.reporting.words import scheme, verdict
from evaluate.store import RunDirectory
from evaluate.store.origin import data_of

_MOST_ON_FIRST_SCREEN = 10


def write_report(run: RunDirectory, *, data_root: Path | None, progress: Progress = silent) -> Path:
    """Write `report/index.html`: one file that opens anywhere, without a network.

    Beside it stand the figures as SVG, the tables as CSV, LaTeX and Markdown, a page for each
    team, to be sent to that team alone, and the case browser with its images.

    Without the data set's folder the report has no pictures, and says why.

    Returns:
        The report's path.

    Raises:
        RunDirectoryError: run.json is missing or of another schema.
        ProtocolError: the protocol in it is not valid.
        TableError: a table is missing, damaged, or does not belong to the others.
    """
    sources = read_sources(run)
    alone = len(sources.teams) == 1
    certainty = None if alone else read_certainty(sources.ranking, sources.teams)
    gallery = make_gallery(sources, run, data_root)
    standing, runtime = _standing(sources, certainty), _runtime(sources)
    drawn = [*spreads(sources), *podiums(sources)]
    figures, pages = ranking_figures(sources), modality_pages(sources)
    by_round = round_figures(sources)
    # An older report may hold pages of teams that are gone, and those must not be handed on.
    run.clear_documents("report")
    drawings = {"standing": standing} | ({"runtime": runtime} if runtime else {})
    drawings |= {figure.name: figure.drawing for figure in drawn}
    drawings |= {figure.name: figure.drawing for figure in (*by_round, *figures)}
    for page in pages:
        drawings |= {f"{page.name}/{name}": drawing for name, drawing in page.drawings.items()}
    write_figures(run, drawings)
    items, paragraphs = checklist(sources), methods_paragraphs(sources)
    write_tables(run, [*data_tables(sources, certainty), checklist_table(items)])
    write_methods(run, paragraphs)
    failed = failures(sources, run)
    write_team_pages(run, sources, certainty, failed, gallery)
    write_modality_pages(run, sources, pages)
    write_case_browser(run, sources, data_root, problem=gallery.problem, progress=progress)
    text = render(
        "report.html.j2",
        title=sources.protocol.title,
        data_name=_data_name(sources),
        verdict=verdict(sources, certainty),
        banners=banners(sources),
        scheme=scheme(sources),
        certainty=certainty,
        standing=standing,
        standing_left_out=max(0, len(sources.places) - _MOST_ON_FIRST_SCREEN),
        leaderboard=leaderboard(sources, certainty),
        modalities=modalities(sources),
        heat_tables=heat_tables(sources),
        over_cases=[row for row in sources.cohort if not row.modality],
        runtime=runtime,
        pages=pages,
        teams=sources.teams,
        spreads=[figure for figure in drawn if figure.kind == "spread"],
        podiums=[figure for figure in drawn if figure.kind == "podium"],
        dots_are_thinned=len(sources.cases) > MOST_DOTS,
        results=len(sources.case_scores),
        figures=figures,
        by_round=by_round,
        failures=failed,
        gallery=gallery,
        methods=paragraphs,
        checklist=items,
        submissions=submissions(sources),
        fact_groups=fact_groups(sources),
        protocol_text=protocol_text(sources),
        quantities=QUANTITIES,
        warnings=sources.warnings,
    )
    return run.write_document("report/index.html", text.encode("utf-8"))


def _data_name(sources: Sources) -> str:
    return clipped(sources.document.manifest.name, 80) or "unnamed data"


def _standing(sources: Sources, certainty: Certainty | None) -> Markup:
    rows = [
        PlaceRow(
            team=place.team,
            rank=place.rank,
            mean_rank=place.mean_rank,
            interval=certainty.intervals[place.team] if certainty else None,
            shares=certainty.shares.get(place.team, {}) if certainty else {},
        )
        for place in sources.places[:_MOST_ON_FIRST_SCREEN]
    ]
    words = "; ".join(
        f"{clipped(row.team, 60)} place {number(row.rank)}, mean rank {row.mean_rank:.2f}"
        + (
            f", interval {number(row.interval[0])} to {number(row.interval[1])}"
            if row.interval
            else ""
        )
        for row in rows
    )
    return standing_chart(rows, description=words)


def _runtime(sources: Sources) -> Markup | None:
    score, time = QUANTITIES["dsc"], QUANTITIES["wall_s"]
    points = []
    for place in sources.places:
        dsc = macro(sources, place.team, score.name)[0]
        seconds = macro(sources, place.team, time.name)[0]
        if dsc is not None and seconds is not None:
            points.append(
                RuntimePoint(
                    team=place.team, rank_text=number(place.rank), score=dsc, seconds=seconds
                )
            )
    if not points:
        return None
    front = ", ".join(clipped(point.team, 60) for point in pareto_front(points))
    return runtime_chart(
        points, score=score, time=time, description=f"On the Pareto front, from fast: {front}."
    )


def report_run(
    root: Path, *, manifest_path: Path | None = None, progress: Progress = silent
) -> Path:
    """Write the report of a scored and ranked run; returns its path."""
    run = RunDirectory.open(root)
    with run.locked():
        _, data_root = data_of(run, manifest_path)
        scores = run.table_path(CaseScore)
        if not scores.is_file() or run.document().ranked_from != sha256_of(scores):
            raise RunDirectoryError(
                where=str(root),
                found="scores that were made since it was ranked, or no ranking yet",
                expected="a ranking of these scores",
                mend=f"`segjudge rank {root}`",
            )
        data = data_root if data_root.is_dir() else None
        return write_report(run, data_root=data, progress=progress)
