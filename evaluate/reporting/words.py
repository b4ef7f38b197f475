"""The report in sentences: who won, by how much, how sure, and what a reader must know first."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluate.facts.rules import RankedMetric, Rules, ScoredMetric
from evaluate.reporting.quantities import QUANTITIES, clipped, count_of, percent
from evaluate.reporting.robustness import Certainty, tied_with_first
from evaluate.reporting.run_sources import Place, Sources
from evaluate.reporting.standings import macro
from evaluate.reporting.svg import number

_FEW_CASES = 50
_NAME = 48
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer on the first screen."""

    who: str
    does_what: str
    by_how_much: str
    how_sure: str

    @property
    def headline(self) -> str:
        """The first sentence, without its full stop."""
        return f"{self.who} {self.does_what}"


def verdict(sources: Sources, certainty: Certainty | None) -> Headline:
    """Who won, by how much, and how sure that is."""
    places = sources.places
    winners = [place for place in places if place.rank == places[0].rank]
    rest = places[len(winners) :]
    names = listed_names([clipped(place.team, _NAME) for place in winners])
    if len(places) == 1:
        does_what = "is the only team"
    elif len(winners) > 1:
        does_what = "share the first place"
    else:
        does_what = f"ranks first of {len(places)} teams"
    return Headline(
        who=names,
        does_what=does_what,
        by_how_much=_by_how_much(sources, winners[0], rest[0] if rest else None),
        how_sure=_how_sure(sources, certainty),
    )


def _by_how_much(sources: Sources, winner: Place, second: Place | None) -> str:
    dsc, nsd, time = (QUANTITIES[name] for name in ("dsc", "nsd", "wall_s"))
    mine = {q.name: macro(sources, winner.team, q.name)[0] for q in (dsc, nsd, time)}
    if second is None:
        return (
            f"Its mean DSC is {dsc.text(mine['dsc'])}, its mean NSD {nsd.text(mine['nsd'])}, at"
            f" {time.text_with_unit(mine['wall_s'])} a case."
        )
    other = clipped(second.team, _NAME)
    theirs = {q.name: macro(sources, second.team, q.name)[0] for q in (dsc, nsd, time)}
    failed = ""
    if any(s.outcome.is_failure for t in (winner.team, second.team) for s in sources.scores_of(t)):
        failed = ", failures counted in all three"
    whose = "Their" if sum(place.rank == winner.rank for place in sources.places) > 1 else "Its"
    return (
        f"{whose} mean rank is {winner.mean_rank:.2f}; {other} follows with {second.mean_rank:.2f}"
        f" (1 would be best in everything). Mean DSC is {dsc.text(mine['dsc'])} against"
        f" {dsc.text(theirs['dsc'])}, mean NSD {nsd.text(mine['nsd'])} against"
        f" {nsd.text(theirs['nsd'])}, at {time.text_with_unit(mine['wall_s'])} a case against"
        f" {time.text_with_unit(theirs['wall_s'])}{failed}."
    )


def _how_sure(sources: Sources, certainty: Certainty | None) -> str:
    cases = len(sources.cases)
    parts = []
    if len(sources.places) > 1:
        parts.append(_resampled(sources, certainty))
        parts.append(_tested(sources))
        parts.append(_head_to_head(sources))
        parts.append(_weighed_otherwise(sources))
    if cases < _FEW_CASES:
        parts.append(
            f"All of it rests on {count_of(cases, 'case')}: with so few, small differences may not"
            " repeat on others."
        )
    return " ".join(part for part in parts if part)


def _resampled(sources: Sources, certainty: Certainty | None) -> str:
    if certainty is None:
        return "How far the places depend on the choice of cases was not computed."
    team = sources.places[0].team
    first, (low, high) = certainty.first[team], certainty.intervals[team]
    interval = f"place {number(low)}" if low == high else f"places {number(low)} to {number(high)}"
    often = "all" if first == 1 else percent(first)
    text = (
        f"In {often} of {certainty.replicates:,} resamples of the cases"
        f" {clipped(team, _NAME)} comes first; its 95\N{NO-BREAK SPACE}% interval is {interval}."
    )
    if first < 0.95:
        text += " Another choice of cases could well have given another winner."
    return text


def _tested(sources: Sources) -> str:
    """What the test of the mean ranks says of the others."""
    tied = tied_with_first(sources.ranking)
    winners = {place.team for place in sources.places if place.rank == sources.places[0].rank}
    if tied is None or len(winners) > 1:
        return ""
    others = [
        clipped(team, _NAME) for team in sources.teams if team in tied and team not in winners
    ]
    if not others:
        return "A test of the mean ranks tells it apart from every other team."
    if len(others) > _MOST_NAMED:
        others = [*others[:_MOST_NAMED], f"{len(others) - _MOST_NAMED} more"]
    return f"A test of the mean ranks can not tell it apart from {listed_names(others)}."


def _head_to_head(sources: Sources) -> str:
    """A count that anyone can check: in how many cases the first has the higher DSC."""
    if sources.places[0].rank == sources.places[1].rank:
        return ""
    first, second = sources.places[0].team, sources.places[1].team
    pairs = [
        (one, other)
        for case in sources.cases
        if (mine := sources.case_scores.get((first, case)))
        and (theirs := sources.case_scores.get((second, case)))
        and (one := mine.value("dsc")) is not None
        and (other := theirs.value("dsc")) is not None
    ]
    if not pairs:
        return ""
    wins = sum(one > other for one, other in pairs)
    return (
        f"{clipped(first, _NAME)} has the higher DSC in {wins} of {count_of(len(pairs), 'case')}."
    )


def _weighed_otherwise(sources: Sources) -> str:
    """Whether another way to average would have another winner."""
    first = {place.team for place in sources.places if place.rank == sources.places[0].rank}
    ways = {
        "every case weighs alike": [place.rank_micro for place in sources.places],
        "every modality weighs alike": [place.rank_macro for place in sources.places],
    }
    texts = []
    for way, ranks in ways.items():
        known = [rank for rank in ranks if rank is not None]
        if len(known) == len(ranks):
            best = [
                place.team
                for place, rank in zip(sources.places, ranks, strict=True)
                if rank == min(known)
            ]
            if set(best) != first:
                names = listed_names([clipped(team, _NAME) for team in best])
                texts.append(f"Where {way}, {names} would be first.")
    return " ".join(texts)


def listed_names(names: Sequence[str]) -> str:
    """Names in a sentence, with `and` before the last.

    >>> listed_names(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])


LEVELS = {
    "case": "in every case",
    "label": "in every case, in each label or region",
    "modality": "on the teams' means of every modality",
    "stratum": "on the teams' means of every stratum",
    "cohort": "on the teams' means of all cases",
}


def scheme(sources: Sources) -> str:
    """How places are made, in a sentence."""
    ranking = sources.protocol.ranking
    names = [sources.quantities[m.name].word + _how(m, sources) for m in ranking.metrics]
    level = LEVELS[ranking.rank_level]
    if ranking.rank_level in ("case", "label"):
        alike = "case" if ranking.across_modalities == "micro" else "modality"
        alike = "stratum" if ranking.strata and alike == "modality" else alike
        level += f", and the ranks are averaged so that every {alike} weighs alike"
    else:
        level += ", and the ranks are averaged"
    if ranking.tie_breaks:
        breaks = listed_names([sources.quantities[name].word for name in ranking.tie_breaks])
        level += f"; teams of equal mean rank are parted by mean {breaks}"
    return (
        f"Teams are ranked by {listed_names(names)} {level}. A failed case stays in every mean:"
        f" {costs_of_failure(sources.protocol)}, and the"
        f" time limit of {sources.protocol.limits.timeout_s:g}\N{NO-BREAK SPACE}s as its time."
    )


_RULES = {"diagonal": "the case’s diagonal", "skip": "nothing", "undefined": "nothing"}


def costs_of_failure(protocol: Rules) -> str:
    """What a failed case counts by each metric of masks."""
    costs = []
    for metric in protocol.scoring.metrics:
        rule = metric.rules.failed
        cost = metric.definition.worst if rule == "worst" else rule
        text = _RULES.get(cost, str(cost)) if isinstance(cost, str) else f"{cost:g}"
        costs.append(f"{metric_title(metric)} {text}")
    return ", ".join(costs)


def metric_title(metric: ScoredMetric) -> str:
    """A metric's title; under a name of its own, that name."""
    return metric.definition.title if metric.metric in (None, metric.name) else metric.name


def _how(metric: RankedMetric, sources: Sources) -> str:
    """Weight and tolerance of a ranked metric, where they are not the ordinary ones."""
    said = [f"weight {metric.weight:g}"] if metric.weight != 1 else []
    said += [f"{metric.statistic} instead of mean"] if metric.statistic != "mean" else []
    if metric.tolerance is not None:
        limit = sources.quantities[metric.name].text_with_unit(metric.tolerance)
        said.append(f"nothing counts as better than {limit}")
    return f" ({', '.join(said)})" if said else ""
