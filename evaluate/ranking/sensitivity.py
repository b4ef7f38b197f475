"""Whether the order would be another one under other rules that could as well have been chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from evaluate.facts.ranking_record import OtherRanking, RankingSensitivity
from evaluate.ranking.agreement import tau_b
from evaluate.ranking.methods import METHODS, Method
from evaluate.ranking.places import rank_columns
from evaluate.ranking.result import plain, rank_value
from evaluate.ranking.scheme import Scheme, mean_over
from evaluate.ranking.score_table import Column, Floats, ScoreTable
from evaluate.ranking.settings import RankSettings


def sensitivity_of(
    table: ScoreTable,
    columns: Sequence[Column],
    settings: RankSettings,
    actual: Floats,
    method_places: Mapping[Method, Mapping[str, Sequence[Floats]]],
    tie_breaks: Sequence[Column],
) -> RankingSensitivity:
    """Places under each method, rule, metric weight and left-out modality.

    Places are (teams,).
    """
    modalities = list(table.modalities.values())
    everything = np.ones((len(table.cases), 1))

    def places(
        chosen: Sequence[Column], rules: RankSettings, counts: Floats = everything
    ) -> Floats:
        return Scheme(chosen, rules, modalities, tie_breaks).apply(counts).rank[:, 0]

    def entry(places: Floats) -> OtherRanking:
        return _compared(table.teams, places, actual)

    report: dict[str, dict[str, OtherRanking]] = {
        "methods": {
            method: entry(_places_by_method(columns, settings, method_places[method]))
            for method in METHODS
        },
        "rules": {
            name: entry(places(columns, rules)) for name, rules in _other_rules(settings).items()
        },
        "metric_weights": {
            name: entry(places(chosen, _without_others(settings, chosen)))
            for name, chosen in _other_weights(columns).items()
        },
        "left_out_modality": {},
    }
    if len(modalities) > 1:
        for name, m in table.modalities.items():
            without = everything.copy()
            without[m] = 0
            places_without = places(columns, settings, without)
            if not np.isnan(places_without).any():
                report["left_out_modality"][name] = entry(places_without)
    variants = [e for part in report.values() for e in part.values()]
    return RankingSensitivity(
        **report,
        variants=len(variants),
        variants_with_another_winner=sum(not e.same_winners for e in variants),
    )


def _compared(teams: Sequence[str], places: Floats, actual: Floats) -> OtherRanking:
    winners = tuple(t for t, place in zip(teams, places, strict=True) if place == places.min())
    before = tuple(t for t, place in zip(teams, actual, strict=True) if place == actual.min())
    return OtherRanking(
        winners=winners,
        same_winners=winners == before,
        tau=plain(tau_b(places[:, np.newaxis], actual)[0]),
        ranks={t: rank_value(place) for t, place in zip(teams, places, strict=True)},
    )


def _places_by_method(
    columns: Sequence[Column], settings: RankSettings, places: Mapping[str, Sequence[Floats]]
) -> Floats:
    """Mean place over the modalities of each metric, then over metrics by weight, then ranked."""
    weights = [column.weight for column in columns]
    by_metric = [mean_over(np.stack(places[column.name])) for column in columns]
    mean = np.average(np.stack(by_metric), axis=0, weights=weights)
    return rank_columns(mean[:, np.newaxis], higher_is_better=False, ties=settings.ties)[:, 0]


def _other_rules(settings: RankSettings) -> dict[str, RankSettings]:
    by_case = {
        f"rank in each case, {across} over modalities": replace(
            settings, rank_level="case", across_modalities=across
        )
        for across in ("micro", "macro")
    }
    variants = by_case | {
        "rank the means of each modality": replace(
            settings, rank_level="modality", across_modalities="macro"
        )
    }
    variants |= {
        f"ties at {ties}": replace(settings, ties=ties) for ties in ("min", "average", "max")
    }
    return {name: rules for name, rules in variants.items() if rules != settings}


def _other_weights(columns: Sequence[Column]) -> dict[str, list[Column]]:
    """Each metric left out, at half and twice its weight, and alone."""
    if len(columns) < 2:
        return {}
    variants: dict[str, list[Column]] = {}
    for changed in columns:
        others = [column for column in columns if column is not changed]
        variants[f"{changed.name} left out"] = others
        if len(others) > 1:
            variants[f"{changed.name} alone"] = [changed]
        for factor, word in ((0.5, "half"), (2.0, "twice")):
            variants[f"{changed.name} at {word} its weight"] = [
                replace(column, weight=column.weight * (factor if column is changed else 1.0))
                for column in columns
            ]
    return variants


def _without_others(settings: RankSettings, columns: Sequence[Column]) -> RankSettings:
    names = {column.name for column in columns}
    return replace(
        settings, metrics=tuple(metric for metric in settings.metrics if metric.name in names)
    )
