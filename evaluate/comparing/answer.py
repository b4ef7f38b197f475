"""Which is better, by how much, how sure: one sentence."""

from evaluate.documents.team_comparison import Difference, ResampledInterval, TeamComparison


def answer(comparison: TeamComparison) -> str:
    """The sentence that a reader came for. Accuracy is the mean over the modalities."""
    a, b = comparison.a.label, comparison.b.label
    count = f"{len(comparison.cases)} case{'s' if len(comparison.cases) > 1 else ''}"
    scores = [d for m in ("dsc", "nsd") if (d := comparison.difference(m, "macro")) is not None]
    how_much = ", ".join(map(_said, scores))
    if not scores:
        words = f"{b} and {a} have no common score in {count}"
    elif not comparison.better and not comparison.worse:
        words = f"{b} and {a} have the same scores in every one of {count}"
    else:
        words = f"{_verdict(b, a, scores)} on {count}: {how_much}"
        metric = scores[0].metric.upper()
        words += f"; ahead by {metric} in {_share(scores[0].b_ahead)} of the resamples"
    return f"{words}; {_time(comparison)}{_failures(comparison)}."


def _verdict(b: str, a: str, scores: list[Difference]) -> str:
    sure = [d for d in scores if d.interval is not None and d.interval.parts_from_zero]
    up = [d for d in sure if d.mean > 0]
    down = [d for d in sure if d.mean < 0]
    names = {"dsc": "DSC", "nsd": "NSD"}
    if up and down:
        return (
            f"{b} is better than {a} by {names[up[0].metric]} and worse by "
            + (names[down[0].metric])
        )
    if up or down:
        word = "better" if up else "worse"
        only = f" by {names[sure[0].metric]}" if len(sure) < len(scores) else ""
        return f"{b} is {word} than {a}{only}"
    return f"Neither {b} nor {a} is shown to be better"


def _said(d: Difference) -> str:
    words = f"{d.metric.upper()} {d.mean:+.3f}"
    if d.interval is not None:
        words += f" (95 % interval {_ends(d.interval)})"
    return words


def _ends(interval: ResampledInterval) -> str:
    return f"{interval.low:+.3f} to {interval.high:+.3f}"


def _share(share: float) -> str:
    if share in (0, 1):
        return "all" if share else "none"
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{share * 100:.1f} %"


def _time(comparison: TeamComparison) -> str:
    ratio = next((r for r in comparison.ratios if r.where == "micro"), None)
    if ratio is None:
        return "no case was timed for both"
    shown, interval, how = ratio.ratio, ratio.interval, ""
    if ratio.corrected is not None:
        shown, interval = ratio.corrected, ratio.corrected_interval
        how = f", corrected for the machines' speed (as measured {ratio.ratio:.2f})"
    ends = f" ({interval.low:.2f} to {interval.high:.2f})" if interval is not None else ""
    if interval is None or interval.low <= 1 <= interval.high:
        sure = "takes about as long"
    else:
        sure = "is faster" if shown < 1 else "is slower"
    where = f" on the {ratio.n} that both finished" if ratio.n < len(comparison.cases) else ""
    return f"{comparison.b.label} {sure}{where}, {shown:.2f} times the time{ends}{how}"


def _failures(comparison: TeamComparison) -> str:
    lost, gained = len(comparison.failures_lost), len(comparison.failures_gained)
    if not lost and not gained:
        return ""
    return f"; {lost} failures fewer and {gained} new"
