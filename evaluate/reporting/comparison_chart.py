"""Accuracy against runtime of two submissions, each with the cloud of its resamples."""

from markupsafe import Markup

from evaluate.documents.team_comparison import TeamComparison, Trade
from evaluate.reporting.charts import time_and_score_plane
from evaluate.reporting.quantities import QUANTITIES, clipped, percent
from evaluate.reporting.svg import Axis, circle, drawing, element, text


def trade_chart(comparison: TeamComparison, trade: Trade, *, name: str) -> Markup:
    """Mean DSC over mean time (log axis): A hollow, B full, a dot for each of the resamples."""
    width, height = 560.0, 380.0
    seconds = [trade.wall_s_a, trade.wall_s_b, *(t for t, _ in (*trade.cloud_a, *trade.cloud_b))]
    scores = [trade.dsc_a, trade.dsc_b, *(d for _, d in (*trade.cloud_a, *trade.cloud_b))]
    x = Axis.around(seconds, start=58, end=width - 24, is_log=True, is_score=False)
    y = Axis.around(scores, start=height - 56, end=32, is_log=False, is_score=True)
    dsc, time = QUANTITIES["dsc"], QUANTITIES["wall_s"]
    parts = time_and_score_plane(x, y, height=height, score=dsc, time=time)
    parts += [circle(x(t), y(d), 2.2, "dot hollow") for t, d in trade.cloud_a]
    parts += [circle(x(t), y(d), 2.2, "cell share-8") for t, d in trade.cloud_b]
    for letter, label, t, d, kind in (
        ("A", comparison.a.label, trade.wall_s_a, trade.dsc_a, "hollow"),
        ("B", comparison.b.label, trade.wall_s_b, trade.dsc_b, ""),
    ):
        words = f"{letter}, {clipped(label, 60)}: {dsc.title} {dsc.text(d)}, "
        mark = element(
            "g",
            element("title", words + time.text_with_unit(t)),
            circle(x(t), y(d), 10, f"mark {kind}".strip()),
            text(x(t), y(d) + 4, letter, "in-hollow" if kind else "in-mark", "middle"),
        )
        parts.append(mark)
    return drawing(
        *parts,
        name=name,
        title="Accuracy against runtime",
        description=(
            f"A, {clipped(comparison.a.label, 60)}: {dsc.text(trade.dsc_a)} in"
            f" {time.text_with_unit(trade.wall_s_a)}; B, {clipped(comparison.b.label, 60)}:"
            f" {dsc.text(trade.dsc_b)} in {time.text_with_unit(trade.wall_s_b)}. B is at least as"
            f" good in both in {percent(trade.b_dominates)} of the resamples, A in"
            f" {percent(trade.a_dominates)}."
        ),
        width=width,
        height=height,
    )
