"""The protocol's own scheme: rank by each metric, average the ranks, rank the averages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluate.ranking.places import break_ties, rank_columns, weighted_median
from evaluate.ranking.score_table import Column, Floats
from evaluate.ranking.settings import RankSettings, Ties


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Mean ranks and places of all teams; one column for each replicate of the cases.

    Attributes:
        micro, macro: mean ranks, (teams, replicates): every case alike, every modality alike.
        rank_micro, rank_macro: their places.
        mean, rank: the protocol's choice of the two, and its places, ties broken as declared.
        by_modality: mean ranks, (modalities, teams, replicates).
        values: by metric, where values of several cases are ranked: their mean over the modalities,
            or that of all cases, (teams, replicates).
        by_metric: by metric, micro and macro mean ranks, each (teams, replicates).
    """

    micro: Floats
    macro: Floats
    rank_micro: Floats
    rank_macro: Floats
    mean: Floats
    rank: Floats
    by_modality: Floats
    by_metric: Mapping[str, tuple[Floats, Floats]]
    values: Mapping[str, Floats]


class Scheme:
    """One way of making places out of a table, ready to be applied to resampled cases."""

    def __init__(
        self,
        columns: Sequence[Column],
        settings: RankSettings,
        modalities: Sequence[slice],
        tie_breaks: Sequence[Column] = (),
    ) -> None:
        self._columns = {column.name: column for column in columns}
        self.tie_breaks = tie_breaks
        self._settings = settings
        self._modalities = modalities
        self._ranks = {c.name: case_ranks(c, settings.ties) for c in columns}

    def apply(self, counts: Floats) -> Standing:
        """The standing when each case counts so many times.

        Counts are (cases, replicates), 0 or more.
        """
        chosen = self._settings
        parts = [self._metric(column, counts) for column in self._columns.values()]
        by_modality, micro, macro = (
            self._over_metrics([part[i] for part in parts]) for i in range(3)
        )
        mean = micro if chosen.across_modalities == "micro" else macro
        levels = [mean]
        for column in self.tie_breaks:
            sign = -1.0 if column.higher_is_better else 1.0
            levels.append(sign * mean_over(self._values(column, counts)))
        return Standing(
            micro=micro,
            macro=macro,
            rank_micro=rank_columns(micro, higher_is_better=False, ties=chosen.ties),
            rank_macro=rank_columns(macro, higher_is_better=False, ties=chosen.ties),
            mean=mean,
            rank=break_ties(levels, ties=chosen.ties),
            by_modality=by_modality,
            by_metric={
                name: (part[1], part[2]) for name, part in zip(self._columns, parts, strict=True)
            },
            values={}
            if chosen.by_case
            else {n: mean_over(self._values(c, counts)) for n, c in self._columns.items()},
        )

    def contributions(self) -> Floats:
        """What each case adds to each team's mean rank, (teams, cases); their sum is the mean rank.

        Always of ranks within cases, also where the rules rank the means of modalities.
        """
        total = sum(column.weight for column in self._columns.values())
        added = np.zeros_like(next(iter(self._ranks.values())))
        for name, column in self._columns.items():
            usable, share = column.usable, column.weight / total
            groups = [m for m in self._modalities if usable[m].any()]
            for m in groups:
                n = usable[m].sum() * len(groups)
                if self._settings.across_modalities == "micro":
                    n = usable.sum()
                added[:, m] += share / n * self._ranks[name][:, m]
        return added

    def _metric(self, column: Column, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """One metric's mean ranks: by modality, micro and macro."""
        if self._settings.by_case:
            ranks, drawn = modality_means(
                self._ranks[column.name], column.usable, counts, self._modalities
            )
            return ranks, mean_over(ranks, drawn[:, np.newaxis]), mean_over(ranks)
        ranks = self._ranked(column, group_values(column, counts, self._modalities))
        if self._settings.rank_level == "cohort":
            place = self._ranked(column, self._values(column, counts))[0]
            return ranks, place, place
        _, drawn = modality_means(column.values, column.usable, counts, self._modalities)
        return ranks, mean_over(ranks, drawn[:, np.newaxis]), mean_over(ranks)

    def _over_metrics(self, ranks: Sequence[Floats]) -> Floats:
        """The mean over metrics by weight; those of one group are averaged and ranked first."""
        groups: dict[str, list[int]] = {}
        for at, metric in enumerate(self._settings.metrics[: len(ranks)]):
            groups.setdefault(metric.group or f" {at}", []).append(at)
        weights = np.array([column.weight for column in self._columns.values()])
        parts = [weighted_mean([ranks[at] for at in g], weights[g]) for g in groups.values()]
        parts = [
            part if len(g) == 1 else self._places(part)
            for part, g in zip(parts, groups.values(), strict=True)
        ]
        return weighted_mean(parts, np.array([weights[g].mean() for g in groups.values()]))

    def _places(self, means: Floats) -> Floats:
        """Places of mean ranks, (..., teams, replicates)."""
        flat = means.reshape(-1, *means.shape[-2:])
        ties = self._settings.ties
        ranked = [rank_columns(m, higher_is_better=False, ties=ties) for m in flat]
        return np.stack(ranked).reshape(means.shape)

    def _ranked(self, column: Column, values: Floats) -> Floats:
        """The ranks of each group's values, (groups, teams, replicates)."""
        higher, ties = column.higher_is_better, self._settings.ties
        return np.stack([rank_columns(v, higher_is_better=higher, ties=ties) for v in values])

    def _values(self, column: Column, counts: Floats) -> Floats:
        """What the teams are ranked by, or parted, (groups, teams, replicates)."""
        everything = [slice(0, len(counts))]
        pooled = self._settings.rank_level == "cohort"
        return group_values(column, counts, everything if pooled else self._modalities)


def group_values(column: Column, counts: Floats, groups: Sequence[slice]) -> Floats:
    """A metric's statistic of the usable cases of each group, for every replicate at once.

    Args:
        column: the metric.
        counts: (cases, replicates).
        groups: slices of the cases.

    Returns:
        (groups, teams, replicates), nan where there is none.
    """
    statistic, usable = column.statistic, column.usable
    if statistic in ("mean", "rmse"):
        values = column.values**2 if statistic == "rmse" else column.values
        means = modality_means(values, usable, counts, groups)[0]
        return np.sqrt(means) if statistic == "rmse" else means

    def of_group(g: slice) -> Floats:
        if statistic == "median":
            return weighted_median(column.values[:, g], usable[g], counts[g].astype(np.int32))
        sums = {name: values[:, g] for name, values in column.sums.items()}
        if statistic == "aggregated":
            of_ratio = [{n: sums[n] @ counts[g] for n in r.columns} for r in column.ratios]
            made = [r.of(totals) for r, totals in zip(column.ratios, of_ratio, strict=True)]
        else:
            variants = [[sums[name] for name in names] for names in column.variants]
            made = [_balanced_accuracy(parts, counts[g]) for parts in variants]
        return mean_over(np.stack(made))

    return np.stack([of_group(g) for g in groups])


def _balanced_accuracy(parts: Sequence[Floats], counts: Floats) -> Floats:
    """The mean recall of the variants that references have, (teams, replicates).

    Parts are the reference's variants, the predicted ones, and of a topology 1 where it matches.
    """
    true, predicted, *matches = parts
    right = (true == predicted) & np.all([match == 1 for match in matches], axis=0)
    shares = []
    for variant in np.unique(true):
        of_variant = true == variant
        with np.errstate(invalid="ignore", divide="ignore"):
            shares.append(((right & of_variant) @ counts) / (of_variant @ counts))
    return mean_over(np.stack(shares))


def case_ranks(column: Column, ties: Ties) -> Floats:
    """Ranks within each case, (teams, cases), failures strictly last; 0 outside `usable`."""
    ranks = np.zeros_like(column.values)
    usable = column.usable
    ranks[:, usable] = rank_columns(
        column.values[:, usable],
        higher_is_better=column.higher_is_better,
        ties=ties,
        failed=column.failed[:, usable],
    )
    return ranks


def modality_means(
    values: Floats, usable: np.typing.NDArray[np.bool_], counts: Floats, modalities: Sequence[slice]
) -> tuple[Floats, Floats]:
    """Means over the usable cases of each modality, for every replicate at once.

    Returns:
        Means, (modalities, teams, replicates), nan where nothing usable was drawn, and how many
        usable cases were drawn, (modalities, replicates).
    """
    kept = np.where(usable, values, 0.0)
    sums = np.stack([kept[:, m] @ counts[m] for m in modalities])
    drawn = np.stack([usable[m].astype(np.float64) @ counts[m] for m in modalities])
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums / drawn[:, np.newaxis], drawn


def mean_over(stacked: Floats, weights: Floats | None = None) -> Floats:
    """Mean over the first axis of what is defined there, nan where nothing is."""
    defined = ~np.isnan(stacked)
    shares = defined * (1.0 if weights is None else weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = (np.where(defined, stacked, 0.0) * shares).sum(axis=0) / shares.sum(axis=0)
    return mean


def weighted_mean(parts: Sequence[Floats], weights: Floats) -> Floats:
    """Mean of equally shaped arrays by weight, of what is defined."""
    stacked = np.stack(parts)
    return mean_over(stacked, weights.reshape(-1, *[1] * (stacked.ndim - 1)))
