"""The figures on how well the ranking holds, each with one sentence on how to read it."""

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
    if len(sources.teams) < 2:
        return ()
    return (
        *_rank_heat(sources),
        *_blobs(sources, ["", *_ranked(sources)], ALL),
        *_significance(sources, ALL),
        *_methods(sources),
        *_tau(sources),
    )


def modality_figures(sources: Sources, modality: str) -> tuple[Figure, ...]:
    """Those of them that there are for one modality."""
    if len(sources.teams) < 2:
        return ()
    return (*_blobs(sources, _ranked(sources), modality), *_significance(sources, modality))


def _ranked(sources: Sources) -> list[str]:
    return sources.ranked


def _rank_heat(sources: Sources) -> list[Figure]:
    overall = place_shares(sources.ranking, sources.teams)
    if not overall:
        return []
    return [
        Figure(
            name="rank-heat",
            title="Rank heat map",
            drawing=place_heat_map(overall),
            reading="Each cell says in how many of 100 resamples of the cases a team took a"
            " place; a row with one dark cell is a place that another choice of cases would"
            " hardly move.",
            is_broad=len(sources.teams) > MANY_TEAMS,
        )
    ]


def _blobs(sources: Sources, metrics: list[str], modality: str) -> list[Figure]:
    figures = []
    for metric in metrics:
        shares = place_shares(sources.ranking, sources.teams, metric, modality)
        if not shares:
            continue
        name = sources.quantities[metric].title if metric else "all metrics"
        figures.append(
            Figure(
                name=f"blobs-{metric}" if metric else "blobs",
                title=f"Places in the resamples: {name}",
                drawing=blob_chart(
                    shares,
                    name=f"blobs-{metric}" if metric else "blobs",
                    title=f"Places in the resamples, {name}",
                    by_what=f"place by {name}",
                    of="resamples",
                ),
                reading="The larger a circle, the more resamples of the cases put the team there;"
                " teams stand in the order of the leaderboard, so circles far from the diagonal"
                " contradict it.",
                is_broad=len(sources.teams) > MANY_TEAMS,
            )
        )
    return figures


def _significance(sources: Sources, modality: str) -> list[Figure]:
    figures = []
    for metric in _ranked(sources):
        tests = pair_tests(sources.ranking, sources.teams, metric, modality)
        if tests is None:
            continue
        quantity = sources.quantities[metric]
        how = _ADJUSTMENTS.get(tests.adjustment, "adjusted p-values")
        drawn = significance_map(
            sources.teams, tests, name=f"significance-{metric}", title=f"Who beats whom in {metric}"
        )
        figures.append(
            Figure(
                name=f"significance-{metric}",
                title=f"Who beats whom: {quantity.title}",
                drawing=drawn,
                reading="A filled square: the row’s team is better than the column’s, by a"
                f" one-sided Wilcoxon signed-rank test on {count_of(tests.cases, 'case')} with"
                f" {how} at {tests.alpha:g}; a dash: it is worse; nothing: the test can not tell.",
                is_broad=len(sources.teams) > MANY_TEAMS,
            )
        )
    return figures


def _methods(sources: Sources) -> list[Figure]:
    by_method = ranks_by_method(sources.ranking, sources.teams)
    if not by_method:
        return []
    actual = {place.team: place.rank for place in sources.places}
    return [
        Figure(
            name="methods",
            title="Ranks under each method",
            drawing=method_chart(actual, by_method),
            reading="Each line is a team, with its place under each method to rank in the circle;"
            " where lines cross, the order hangs on the method.",
            is_broad=True,
        )
    ]


def _tau(sources: Sources) -> list[Figure]:
    spreads = tau_spreads(sources.ranking, _ranked(sources))
    if not spreads:
        return []
    return [
        Figure(
            name="tau",
            title="How alike the resamples’ rankings are",
            drawing=tau_chart(spreads),
            reading="Kendall’s tau is 1 where a resample of the cases gives the same order and 0"
            " where it has nothing to do with it (below 0, the order is turned round); each row"
            " spreads over all resamples, and the thick line is the median.",
            is_broad=True,
        )
    ]
