"""A comparison of two submissions, in lines."""

from data_manifest.errors import printable
from data_manifest.findings import listed
from evaluate.cli.terminal import number, say, table
from evaluate.documents.team_comparison import CaseChange, ResampledInterval, TeamComparison

_MOST_CASES = 5
_DIGITS = {"dsc": 3, "nsd": 3, "wall_s": 2, "cpu_s": 2, "peak_memory_mib": 0}
_HEADS = {
    "dsc": "DSC",
    "nsd": "NSD",
    "wall_s": "time s",
    "cpu_s": "CPU s",
    "peak_memory_mib": "MiB",
}


def say_comparison(comparison: TeamComparison) -> None:
    """The answer, differences overall and by modality, and the cases that changed most."""
    say(printable(comparison.answer))
    say()
    _say_overall(comparison)
    say("macro: every modality alike; micro: every case alike; p: Wilcoxon, not adjusted")
    _say_modalities(comparison)
    _say_cases("better", comparison.better)
    _say_cases("worse", comparison.worse)
    _say_cases("failures fewer", comparison.failures_lost)
    _say_cases("failures new", comparison.failures_gained)
    say()


def _say_overall(comparison: TeamComparison) -> None:
    table(
        f"B ({printable(comparison.b.label)}) less A ({printable(comparison.a.label)})",
        ["", "cases", "A", "B", "B − A", "95 % interval", "p"],
        [
            [
                f"{_HEADS[d.metric]} {d.where}",
                str(d.n),
                number(d.mean_a, _DIGITS[d.metric]),
                number(d.mean_b, _DIGITS[d.metric]),
                f"{d.mean:+.{_DIGITS[d.metric]}f}",
                _ends(d.interval, _DIGITS[d.metric]),
                "–" if d.p_value is None else f"{d.p_value:.2g}",
            ]
            for place in ("macro", "micro")
            for d in comparison.differences
            if d.where == place
        ],
    )


def _say_modalities(comparison: TeamComparison) -> None:
    ratios = {ratio.where: ratio for ratio in comparison.ratios}
    rows = []
    for modality in comparison.modalities:
        dsc, nsd = (comparison.difference(metric, modality) for metric in ("dsc", "nsd"))
        ratio = ratios.get(modality)
        rows.append(
            [
                modality,
                str(max(d.n for d in comparison.differences if d.where == modality)),
                "–" if dsc is None else f"{dsc.mean:+.3f}",
                "–" if dsc is None else _ends(dsc.interval, 3),
                "–" if nsd is None else f"{nsd.mean:+.3f}",
                "–" if ratio is None else f"× {ratio.ratio:.2f}",
            ]
        )
    heads = ["modality", "cases", "DSC", "95 % interval", "NSD", "time"]
    table("B less A, by modality", heads, rows)


def _ends(interval: ResampledInterval | None, digits: int) -> str:
    if interval is None:
        return "–"
    return f"{interval.low:+.{digits}f} to {interval.high:+.{digits}f}"


def _say_cases(title: str, changes: tuple[CaseChange, ...]) -> None:
    if changes:
        named = listed((f"{printable(c.case)} ({_scores(c)})" for c in changes), most=_MOST_CASES)
        say(f"{title}: {len(changes)}: {named}")


def _scores(change: CaseChange) -> str:
    if "ok" not in (change.outcome_a, change.outcome_b) or change.outcome_a != change.outcome_b:
        return f"{change.outcome_a} to {change.outcome_b}"
    return f"DSC {number(change.dsc_a)} to {number(change.dsc_b)}"
