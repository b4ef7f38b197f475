"""The protocol's own scheme: rank by each metric, average the ranks, rank the averages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluate.ranking.places import break_ties, rank_columns
from evaluate.ranking.score_table import Column, Floats
from evaluate.ranking.settings import RankSettings, Ties

__all__ = ["Scheme", "Standing", "case_ranks", "mean_over", "modality_means", "weighted_mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Mean ranks and places of all teams; one column for each replicate of the cases.

    Attributes:
        micro, macro: mean ranks, (teams, replicates): every case alike, every modality alike.
        rank_micro, rank_macro: their places.
        mean, rank: the protocol's choice of the two, and its places, ties broken as declared.
        by_modality: mean ranks, (modalities, teams, replicates).
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


class Scheme:
    """One way of making places out of a table, ready to be applied to resampled cases."""

    def __init__(
        self, columns: Sequence[Column], settings: RankSettings, modalities: Sequence[slice]
    ) -> None:
        self._columns = {column.name: column for column in columns}
        self._settings = settings
        self._modalities = modalities
        self._ranks = {c.name: case_ranks(c, settings.ties) for c in columns}

    def apply(self, counts: Floats) -> Standing:
        """The standing when each case counts so many times.

        Counts are (cases, replicates), 0 or more.
        """
        chosen = self._settings
        parts = [self._metric(column, counts) for column in self._columns.values()]
        weights = np.array([column.weight for column in self._columns.values()])
        by_modality = weighted_mean([part[0] for part in parts], weights)
        micro = weighted_mean([part[1] for part in parts], weights)
        macro = weighted_mean([part[2] for part in parts], weights)
        mean = micro if chosen.across_modalities == "micro" else macro
        levels = [mean]
        for name in chosen.tie_breaks:
            column = self._columns[name]
            means, _ = modality_means(column.values, column.usable, counts, self._modalities)
            sign = -1.0 if column.higher_is_better else 1.0
            levels.append(sign * mean_over(means))
        return Standing(
            micro=micro,
            macro=macro,
            rank_micro=rank_columns(micro, higher_is_better=False, ties=chosen.ties),
            rank_macro=rank_columns(macro, higher_is_better=False, ties=chosen.ties),
            mean=mean,
            rank=break_ties(levels, ties=chosen.ties),
            by_modality=by_modality,
            by_metric={
                c.name: (part[1], part[2])
                for c, part in zip(self._columns.values(), parts, strict=True)
            },
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
        source, ties = self._ranks[column.name], self._settings.ties
        if self._settings.rank_level == "modality":
            source = column.values
        means, drawn = modality_means(source, column.usable, counts, self._modalities)
        if self._settings.rank_level == "modality":
            means = np.stack(
                [
                    rank_columns(m, higher_is_better=column.higher_is_better, ties=ties)
                    for m in means
                ]
            )
        return means, mean_over(means, drawn[:, np.newaxis]), mean_over(means)


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
