"""From scores to a ranking: the one place that puts the parts together."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

import msgspec
import numpy as np
import scipy

from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.ranking_record import (
    ConsensusPlaces,
    KemenyOrder,
    RankedTests,
    RankingDocument,
    RankingGroups,
    RankingSettings,
    ResampledPlaces,
    SettingsMetric,
)
from evaluate.facts.rules import RankedMetric, Rules
from evaluate.facts.scores import CaseScore, LabelScore
from evaluate.pairing import Counts, draw_counts
from evaluate.ranking.agreement import borda, euclidean, kemeny
from evaluate.ranking.analysis import Analysis, analyse, tied_groups
from evaluate.ranking.bootstrap import (
    case_count_warnings,
    certainty_of,
    chances,
    draws_of,
    group_warnings,
)
from evaluate.ranking.label_columns import in_strata, with_label_columns
from evaluate.ranking.methods import METHODS, Method
from evaluate.ranking.overall import failures_of, overall_of, rows_of, value_warnings
from evaluate.ranking.own_places import permutation_tests, scheme_of
from evaluate.ranking.places import rank_columns, shared_places
from evaluate.ranking.result import Result, by_team
from evaluate.ranking.scheme import Scheme, Standing
from evaluate.ranking.score_table import ALL, Column, Floats, Missing, ScoreTable, column, table_of
from evaluate.ranking.sensitivity import sensitivity_of
from evaluate.ranking.settings import Adjustment, Compat, RankedColumn, RankSettings, ranked_column


def rank(
    scores: Sequence[CaseScore],
    protocol: Rules,
    *,
    seed: int = 0,
    bootstrap: int = 1000,
    metrics: Sequence[RankedMetric] | None = None,
    adjustment: Adjustment | None = None,
    compat: Compat | None = None,
    resampled: Collection[Method] = METHODS,
    priced: bool = True,
    missing: Missing = "undefined",
    labels: Iterable[LabelScore] = (),
) -> Result:
    """Rank the teams of a table of case scores by a protocol.

    Args:
        scores: one row for each team and case, in any order.
        protocol: the rules.
        seed: of the resampling; the same seed gives the same result.
        bootstrap: replicates; 0 for none.
        metrics: to rank by, instead of the protocol's.
        adjustment: of the tests' p-values, instead of the protocol's.
        compat: `challenger` repeats known errors of challengeR, for comparison.
        resampled: methods whose places are resampled; `test_then_rank` takes the longest.
        priced: whether the values of failed cases are their prices, as scoring makes them.
        missing: whether an empty cell is a value that is not defined, or a failure.
        labels: rows of labels and regions, where the rules rank by such.

    Raises:
        RankingRefusedError: the table is not complete, or has no values to rank by.
    """
    settings = RankSettings.from_protocol(
        protocol, metrics=metrics, adjustment=adjustment, compat=compat
    )
    scores = with_label_columns(scores, labels, settings.columns)
    scores = in_strata(scores, settings.strata)
    chosen = [metric.name for metric in (*settings.metrics, *settings.tie_breaks)]
    names = list(dict.fromkeys((*protocol.scoring.case_names, *MEASURED, *chosen)))
    _refuse_absent(scores, settings.columns)
    every = list(dict.fromkeys((*names, *settings.columns)))
    way = {metric.name: metric.direction for metric in settings.metrics}
    result = rank_table(
        table_of(scores, every, priced=priced, missing=missing),
        settings,
        seed=seed,
        bootstrap=bootstrap,
        shown=[ranked_column(protocol, name, direction=way.get(name)) for name in names],
        resampled=resampled,
    )
    made = result.document.settings
    if made:
        made = msgspec.structs.replace(
            made, protocol=protocol.name, protocol_version=protocol.version
        )
    return replace(result, document=msgspec.structs.replace(result.document, settings=made))


def _refuse_absent(scores: Sequence[CaseScore], ranked: Sequence[str]) -> None:
    """Refuse to rank by what the table has no column of."""
    absent = [n for n in ranked if scores and not any(n in score.values for score in scores)]
    if absent:
        raise RankingRefusedError(
            where=f"case scores, column {', '.join(absent)}",
            found="no such column",
            expected="a column of each metric that is ranked by",
            mend=(
                "times and memory are known only after `segjudge run`; to rank a table without"
                " them, name the metrics to rank by"
            ),
        )


def rank_table(
    table: ScoreTable,
    settings: RankSettings,
    *,
    seed: int = 0,
    bootstrap: int = 1000,
    shown: Sequence[RankedColumn] = (),
    resampled: Collection[Method] = METHODS,
) -> Result:
    """Rank the teams of any table of scores.

    The same seed gives the same result; 0 replicates make no bootstrap.

    Raises:
        RankingRefusedError: a ranked metric has no values.
    """
    columns, scheme = scheme_of(table, settings)
    modalities = list(table.modalities.values())
    standing = scheme.apply(np.ones((len(table.cases), 1)))
    # Two streams, so that the permutation test does not depend on the number of replicates.
    draws, exchanges = np.random.default_rng(seed).spawn(2)
    groups = table.groups if settings.resample == "group" else ()
    counts = draw_counts(modalities, bootstrap, draws, groups=groups)
    everywhere = {**table.modalities, ALL: slice(0, len(table.cases))}
    parts = {
        c.name: {
            name: analyse(table.teams, c, settings, where, counts, resampled=resampled)
            for name, where in everywhere.items()
        }
        for c in columns
    }
    permutation, parted = permutation_tests(table, scheme, settings, exchanges)
    if settings.equal == "significance":
        standing = replace(standing, rank=shared_places(standing.rank, parted))
    overall_groups = tied_groups(table.teams, standing.rank[:, 0], parted, test="permutation")
    notes = value_warnings(table, columns)
    document = RankingDocument(
        settings=RankingSettings(
            **asdict(settings)
            | {
                "metrics": tuple(SettingsMetric(**asdict(metric)) for metric in settings.metrics),
                "tie_breaks": tuple(metric.name for metric in settings.tie_breaks),
            },
            seed=seed,
            bootstrap=bootstrap,
            resampled_methods=tuple(method for method in METHODS if method in resampled),
            all=f"{ALL} pools the cases of all modalities",
            versions={"numpy": np.__version__, "scipy": scipy.__version__},
        ),
        overall=overall_of(table, standing, settings),
        methods=_by_method(parts, lambda part: part.methods),
        bootstrap=msgspec.structs.replace(
            _bootstrap(table, scheme, settings, counts, standing),
            methods=_by_method(parts, lambda part: part.bootstrap),
        ),
        tests=RankedTests(
            wilcoxon=_by_metric(parts, lambda part: part.wilcoxon),
            friedman=_by_metric(parts, lambda part: part.friedman),
            permutation=permutation,
        ),
        groups=RankingGroups(
            overall=overall_groups, metrics=_by_metric(parts, lambda part: part.groups)
        ),
        consensus=_consensus(table, standing),
        sensitivity=sensitivity_of(
            table,
            columns,
            settings,
            standing.rank[:, 0],
            _method_places(parts, settings),
            scheme.tie_breaks,
        ),
        intervals=_by_metric(parts, lambda part: part.intervals),
        failures=failures_of(table, columns),
        warnings=(
            *case_count_warnings({n: m.stop - m.start for n, m in everywhere.items()}),
            *notes,
            *group_warnings(table.groups, settings.resample),
        ),
    )
    rows = rows_of(table, standing, _with_values(table, shown), columns)
    return Result(rows=rows, document=document, notes=tuple(notes))


_Part = TypeVar("_Part")
_Parts = Mapping[str, Mapping[str, Analysis]]


def _by_metric(parts: _Parts, of: Callable[[Analysis], _Part]) -> dict[str, dict[str, _Part]]:
    return {
        metric: {name: of(part) for name, part in by_modality.items()}
        for metric, by_modality in parts.items()
    }


def _by_method(
    parts: _Parts, of: Callable[[Analysis], Mapping[Method, _Part]]
) -> dict[str, dict[str, dict[str, _Part]]]:
    nested = _by_metric(parts, of)
    return {
        method: {
            metric: {name: part[method] for name, part in by_modality.items() if method in part}
            for metric, by_modality in nested.items()
        }
        for method in METHODS
        if any(method in part for by_modality in nested.values() for part in by_modality.values())
    }


def _method_places(parts: _Parts, settings: RankSettings) -> dict[Method, dict[str, list[Floats]]]:
    pooled = settings.across_modalities == "micro"
    return {
        method: {
            metric: [p.places[method] for name, p in by_modality.items() if (name == ALL) == pooled]
            for metric, by_modality in parts.items()
        }
        for method in METHODS
    }


def _bootstrap(
    table: ScoreTable, scheme: Scheme, settings: RankSettings, counts: Counts, standing: Standing
) -> ResampledPlaces:
    """The certainty of the protocol's own places."""
    if not counts.shape[1]:
        return ResampledPlaces(replicates=0)
    weights = counts.astype(np.float64)
    if settings.compat == "challenger" and settings.by_case:
        weights **= 2
    places = scheme.apply(weights).rank
    return ResampledPlaces(
        replicates=counts.shape[1],
        stratified_by="modality",
        **msgspec.structs.asdict(certainty_of(table.teams, places, standing.rank[:, 0])),
        p_beats=chances(table.teams, places),
        draws=draws_of(table.cases, counts),
    )


def _consensus(table: ScoreTable, standing: Standing) -> ConsensusPlaces:
    """One order for all modalities, each modality's own ranking counting alike."""
    defined = standing.by_modality[~np.isnan(standing.by_modality).any(axis=(1, 2))]
    places = rank_columns(defined[..., 0].T, higher_is_better=False, ties="min")
    best = kemeny(places)
    return ConsensusPlaces(
        euclidean=by_team(table.teams, euclidean(places)),
        borda=by_team(table.teams, borda(places)),
        kemeny=KemenyOrder(
            order=tuple(table.teams[i] for i in best.order),
            distance=best.distance,
            optima=best.optima,
            unique=None if best.optima is None else best.optima == 1,
            exact=best.exact,
        ),
    )


def _with_values(table: ScoreTable, metrics: Sequence[RankedColumn]) -> dict[str, Column | None]:
    known: dict[str, Column | None] = {}
    for metric in metrics:
        try:
            known[metric.name] = column(table, metric)
        except RankingRefusedError:  # nothing to show: only a metric that is ranked must be there
            known[metric.name] = None
    return known
