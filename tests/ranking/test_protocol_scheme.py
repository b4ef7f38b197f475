"""The protocol's scheme on tables small enough to rank by hand, and what its settings change."""

import numpy as np
import pytest

from evaluate.facts.rules import RankedMetric
from evaluate.facts.scores import CaseScore
from evaluate.ranking import rank
from evaluate.ranking.ranker import rank_table
from evaluate.ranking.scheme import Scheme
from evaluate.ranking.score_table import column, table_of
from evaluate.ranking.settings import RankedColumn, RankSettings
from tests.ranking.score_rows import dsc_rows, protocol, row
from tests.ranking.test_resampling import random_scores

DSC = [RankedMetric(name="dsc")]

# a wins the three CT cases, b the only MR case; c is last everywhere.
UNEVEN = dsc_rows(
    {"a": [0.9, 0.9, 0.9, 0.5], "b": [0.8, 0.8, 0.8, 0.9], "c": [0.1, 0.1, 0.1, 0.1]},
    modalities=["CT", "CT", "CT", "MR"],
)


def overall(scores: list[CaseScore], **ranking: object) -> dict:  # type: ignore[type-arg]
    result = rank(scores, protocol(**ranking), metrics=DSC, bootstrap=0)
    found: dict = result.to_json()["overall"]  # type: ignore[type-arg]
    return found


def test_micro_weighs_cases_alike_and_macro_modalities() -> None:
    found = overall(UNEVEN)
    assert found["a"]["mean_rank_micro"] == (1 + 1 + 1 + 2) / 4
    assert found["b"]["mean_rank_micro"] == (2 + 2 + 2 + 1) / 4
    assert found["a"]["mean_rank_macro"] == found["b"]["mean_rank_macro"] == 1.5
    assert [found[team]["rank_micro"] for team in "abc"] == [1, 2, 3]
    assert [found[team]["rank_macro"] for team in "abc"] == [1, 1, 3]
    assert found["a"]["by_modality"] == {
        "CT": {"mean_rank": 1.0, "rank": 1},
        "MR": {"mean_rank": 2.0, "rank": 2},
    }


@pytest.mark.parametrize("across", ["micro", "macro"])
def test_the_protocol_chooses_which_of_the_two_decides(across: str) -> None:
    found = overall(UNEVEN, across_modalities=across)
    for team in "abc":
        assert found[team]["rank"] == found[team][f"rank_{across}"]
        assert found[team]["mean_rank"] == found[team][f"mean_rank_{across}"]


def test_ranking_by_modality_ranks_means_and_not_cases() -> None:
    # b wins two of three cases by a little, a has the better mean.
    scores = dsc_rows({"a": [0.9, 0.50, 0.50], "b": [0.1, 0.51, 0.51]})
    assert overall(scores)["b"]["rank"] == 1
    found = overall(scores, rank_level="modality")
    assert (found["a"]["rank"], found["a"]["mean_rank"]) == (1, 1.0)
    assert (found["b"]["rank"], found["b"]["mean_rank"]) == (2, 2.0)


def test_ranking_by_modality_weighs_modalities_alike_whatever_else_is_set() -> None:
    found = overall(UNEVEN, rank_level="modality", across_modalities="micro")
    assert found["a"]["mean_rank"] == found["b"]["mean_rank"] == 1.5
    assert found["a"]["mean_rank_micro"] == (1 * 3 + 2) / 4


def test_metrics_count_by_weight_and_in_their_own_direction() -> None:
    scores = [
        row("accurate", "c0", dsc=0.9, wall_s=50.0),
        row("quick", "c0", dsc=0.8, wall_s=2.0),
    ]
    half = [RankedMetric(name="dsc"), RankedMetric(name="wall_s", weight=0.5)]
    rows = rank(scores, protocol(), metrics=half, bootstrap=0).rows
    assert [(r.team, r.rank, r.mean_rank) for r in rows] == [
        ("accurate", 1, pytest.approx((1 + 0.5 * 2) / 1.5)),
        ("quick", 2, pytest.approx((2 + 0.5 * 1) / 1.5)),
    ]


def test_equal_mean_ranks_are_parted_by_a_declared_tie_break_only() -> None:
    scores = [
        row("a", "c0", dsc=0.9, wall_s=5.0),
        row("b", "c0", dsc=0.8, wall_s=2.0),
    ]
    table = table_of(scores, ["dsc", "wall_s"])
    metrics = (
        RankedColumn(name="dsc", direction="higher"),
        RankedColumn(name="wall_s", direction="lower"),
    )
    for breaks, expected in (((), [1, 1]), (("dsc",), [1, 2]), (("wall_s",), [2, 1])):
        parting = tuple(metric for metric in metrics if metric.name in breaks)
        settings = RankSettings(metrics=metrics, tie_breaks=parting)
        found = rank_table(table, settings, bootstrap=0).to_json()["overall"]
        assert [found[team]["rank"] for team in "ab"] == expected


def test_a_metric_of_another_tool_is_ranked_by_its_own_direction() -> None:
    # Hausdorff distance is no column of case_scores.csv; a table of arrays can hold any metric.
    base = table_of([row("a", "c0", dsc=3.0), row("b", "c0", dsc=9.0)], ["dsc"])
    table = type(base)(
        teams=base.teams,
        cases=base.cases,
        modalities=base.modalities,
        outcomes=base.outcomes,
        failed=base.failed,
        values={"hd95_mm": base.values["dsc"]},
    )
    settings = RankSettings(metrics=(RankedColumn(name="hd95_mm", direction="lower"),))
    result = rank_table(table, settings, bootstrap=10)
    assert [r.team for r in result.rows] == ["a", "b"]
    assert "hd95_mm" in result.to_json()["methods"]["mean_then_rank"]


def test_rows_hold_macro_means_and_leave_out_what_was_not_measured() -> None:
    rows = {r.team: r for r in rank(UNEVEN, protocol(), metrics=DSC, bootstrap=0).rows}
    assert rows["a"].value("dsc") == pytest.approx((0.9 + 0.5) / 2)
    assert rows["a"].value("nsd") is None
    assert rows["a"].value("wall_s") is None
    assert (rows["a"].failures, rows["a"].cases) == (0, 4)


def test_rows_are_sorted_by_place_then_name() -> None:
    scores = dsc_rows({"z": [0.9], "m": [0.9], "a": [0.1]})
    assert [r.team for r in rank(scores, protocol(), metrics=DSC, bootstrap=0).rows] == [
        "m",
        "z",
        "a",
    ]


@pytest.mark.parametrize("across", ["micro", "macro"])
def test_what_the_cases_contribute_adds_up_to_the_mean_rank(across: str) -> None:
    scores = random_scores(6)
    settings = RankSettings.from_protocol(protocol(across_modalities=across))
    table = table_of(scores, ["dsc", "nsd", "wall_s"])
    columns = [column(table, metric) for metric in settings.metrics]
    scheme = Scheme(columns, settings, list(table.modalities.values()))
    mean = scheme.apply(np.ones((len(table.cases), 1))).mean[:, 0]
    np.testing.assert_allclose(scheme.contributions().sum(axis=1), mean, rtol=1e-12)


def test_a_protocols_tie_break_parts_teams_of_equal_mean_rank() -> None:
    scores = [row("a", "c0", dsc=0.9, wall_s=5.0), row("b", "c0", dsc=0.8, wall_s=2.0)]
    metrics = (RankedMetric(name="dsc"), RankedMetric(name="wall_s"))
    for breaks, expected in (((), [1, 1]), (("dsc",), [1, 2]), (("wall_s",), [2, 1])):
        rules = protocol(metrics=metrics, tie_breaks=breaks)
        document = rank(scores, rules, bootstrap=0).to_json()
        assert [document["overall"][team]["rank"] for team in "ab"] == expected
        assert document["settings"]["tie_breaks"] == list(breaks)


def test_a_protocols_tolerance_makes_ties_of_what_is_good_enough() -> None:
    scores = [
        row("small", "c0", peak_memory_mib=900.0),
        row("middle", "c0", peak_memory_mib=1900.0),
        row("large", "c0", peak_memory_mib=4000.0),
    ]
    for tolerance, expected in ((None, [1, 2, 3]), (2000.0, [1, 1, 3]), (8000.0, [1, 1, 1])):
        metrics = (RankedMetric(name="peak_memory_mib", tolerance=tolerance),)
        document = rank(scores, protocol(metrics=metrics), bootstrap=0).to_json()
        found = [document["overall"][team]["rank"] for team in ("small", "middle", "large")]
        assert found == expected
        assert document["settings"]["metrics"][0]["tolerance"] == tolerance


def test_a_protocols_alpha_and_adjustment_decide_who_wins() -> None:
    scores = random_scores(5)
    wins = {}
    for alpha, adjustment in ((0.05, "holm"), (0.05, "none"), (0.5, "none")):
        rules = protocol(alpha=alpha, adjustment=adjustment)
        document = rank(scores, rules, bootstrap=0).to_json()
        assert document["settings"]["alpha"] == alpha
        assert document["settings"]["adjustment"] == adjustment
        tests = document["tests"]["wilcoxon"]["dsc"]["ALL"]
        p = tests["p_adjusted" if adjustment == "holm" else "p"]
        for team, beaten in tests["wins"].items():
            assert sorted(beaten) == sorted(o for o, value in p[team].items() if value <= alpha)
        wins[alpha, adjustment] = sum(map(len, tests["wins"].values()))
    assert wins[0.5, "none"] > wins[0.05, "none"] >= wins[0.05, "holm"]
