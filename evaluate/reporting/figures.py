"""The figures on how well the ranking holds, each with one sentence on how to read it."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from evaluate.reporting.quantities import count_of
from evaluate.reporting.robustness import (
    ALL,
    pair_tests,
    place_shares,
    ranks_by_method,
    tau_spreads,
)
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.shared_grids import (
    MANY_TEAMS,
    blob_chart,
    method_chart,
    place_heat_map,
    significance_map,
    tau_chart,
)

_ADJUSTMENTS = {
    "holm": "Holm’s adjustment",
    "bh": "the adjustment of Benjamini and Hochberg",
    "none": "no adjustment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure as page and files show it.

    Its name is the file's, too; a broad one keeps its width on a phone, and scrolls there.
    """

    name: str
    title: str
    drawing: Markup
    reading: str
    is_broad: bool


def ranking_figures(sources: Sources) -> tuple[Figure, ...]:
    """Every figure that ranking.json has the numbers for; none for a single team."""
    return tuple(_of_ranking(sources)) if len(sources.teams) > 1 else ()


def modality_figures(sources: Sources, modality: str) -> tuple[Figure, ...]:
    """Those of them that there are for one modality."""
    if len(sources.teams) < 2:
        return ()
    return (*_blobs(sources, sources.ranked, modality), *_significance(sources, modality))


def _of_ranking(sources: Sources) -> Iterator[Figure]:
    overall = place_shares(sources.ranking, sources.teams)
    if overall:
        yield Figure(
            name="rank-heat",
            title="Rank heat map",
            drawing=place_heat_map(overall),
            reading="Each cell says in how many of 100 resamples of the cases a team took a"
            " place; a row with one dark cell is a place that another choice of cases would"
            " hardly move.",
            is_broad=len(sources.teams) > MANY_TEAMS,
        )
    yield from _blobs(sources, ["", *sources.ranked], ALL)
    yield from _significance(sources, ALL)
    by_method = ranks_by_method(sources.ranking, sources.teams)
    if by_method:
        yield Figure(
            name="methods",
            title="Ranks under each method",
            drawing=method_chart({place.team: place.rank for place in sources.places}, by_method),
            reading="Each line is a team, with its place under each method to rank in the circle;"
            " where lines cross, the order hangs on the method.",
            is_broad=True,
        )
    spreads = tau_spreads(sources.ranking, sources.ranked)
    if spreads:
        yield Figure(
            name="tau",
            title="How alike the resamples’ rankings are",
            drawing=tau_chart(spreads),
            reading="Kendall’s tau is 1 where a resample of the cases gives the same order and 0"
            " where it has nothing to do with it (below 0, the order is turned round); each row"
            " spreads over all resamples, and the thick line is the median.",
            is_broad=True,
        )


def _blobs(sources: Sources, metrics: list[str], modality: str) -> Iterator[Figure]:
    for metric in metrics:
        shares = place_shares(sources.ranking, sources.teams, metric, modality)
        if not shares:
            continue
        name = f"blobs-{metric}" if metric else "blobs"
        what = sources.quantities[metric].title if metric else "all metrics"
        title, by_what = f"Places in the resamples, {what}", f"place by {what}"
        yield Figure(
            name=name,
            title=f"Places in the resamples: {what}",
            drawing=blob_chart(shares, name=name, title=title, by_what=by_what, of="resamples"),
            reading="The larger a circle, the more resamples of the cases put the team there;"
            " teams stand in the order of the leaderboard, so circles far from the diagonal"
            " contradict it.",
            is_broad=len(sources.teams) > MANY_TEAMS,
        )


def _significance(sources: Sources, modality: str) -> Iterator[Figure]:
    for metric in sources.ranked:
        tests = pair_tests(sources.ranking, sources.teams, metric, modality)
        if tests is None:
            continue
        name, title = f"significance-{metric}", f"Who beats whom in {metric}"
        how = _ADJUSTMENTS.get(tests.adjustment, "adjusted p-values")
        yield Figure(
            name=name,
            title=f"Who beats whom: {sources.quantities[metric].title}",
            drawing=significance_map(sources.teams, tests, name=name, title=title),
            reading="A filled square: the row’s team is better than the column’s, by a"
            f" one-sided Wilcoxon signed-rank test on {count_of(tests.cases, 'case')} with"
            f" {how} at {tests.alpha:g}; a dash: it is worse; nothing: the test can not tell.",
            is_broad=len(sources.teams) > MANY_TEAMS,
        )
