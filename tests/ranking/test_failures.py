"""A failure is never dropped and never gains: last in its case, in every denominator, counted.

What is not the teams' fault stops the ranking, with every case named.
"""

import pytest

from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import RankedMetric
from evaluate.facts.scores import CaseScore
from evaluate.ranking import places_of, rank
from evaluate.ranking.ranker import rank_table
from evaluate.ranking.score_table import table_of
from evaluate.ranking.settings import RankedColumn, RankSettings
from tests.ranking.score_rows import dsc_rows, protocol, row

DSC = [RankedMetric(name="dsc")]


def document(scores: list[CaseScore], **ranking: object) -> dict:  # type: ignore[type-arg]
    return rank(scores, protocol(**ranking), metrics=DSC, bootstrap=0).to_json()


def test_a_failure_ranks_behind_a_result_of_the_same_value() -> None:
    scores = dsc_rows({"crashed": [None], "useless": [0.0], "good": [0.9]})
    overall = document(scores)["overall"]
    assert {team: found["rank"] for team, found in overall.items()} == {
        "good": 1,
        "useless": 2,
        "crashed": 3,
    }


def test_places_alone_are_those_of_the_whole_ranking() -> None:
    grid = {"crashed": [None, 0.4], "useless": [0.0, 0.4], "good": [0.9, 0.9], "fair": [0.9, 0.2]}
    scores = dsc_rows(grid)
    rules = protocol(metrics=tuple(DSC))
    rows = rank(scores, rules, bootstrap=0).rows
    assert places_of(scores, rules) == {row.team: row.rank for row in rows}


def test_a_failure_behind_a_tie_counts_all_the_teams_ahead() -> None:
    # challengeR gives the failed team "max rank + 1", that is 2 of 4.
    overall = document(dsc_rows({"a": [0.9], "b": [0.9], "c": [0.9], "crashed": [None]}))["overall"]
    assert overall["crashed"]["rank"] == 4


def test_failures_of_several_teams_share_the_last_place() -> None:
    scores = dsc_rows({"a": [0.9], "x": [None], "y": [None]})
    assert [document(scores)["overall"][team]["rank"] for team in "axy"] == [1, 2, 2]
    scores = dsc_rows({"a": [0.9], "x": [None], "y": [None]})
    assert [document(scores, ties="max")["overall"][t]["rank"] for t in "axy"] == [1, 3, 3]


def test_a_team_that_fails_all_but_its_best_case_is_not_first() -> None:
    # With failures left out, as challengeR's na.rm does, `lucky` would have a mean rank of 1.
    grid = {"steady": [0.80] * 4, "weak": [0.70] * 4, "lucky": [0.99, None, None, None]}
    found = document(dsc_rows(grid))
    assert found["overall"]["lucky"]["mean_rank"] == (1 + 3 + 3 + 3) / 4
    assert found["overall"]["lucky"]["rank"] == 3
    assert found["methods"]["mean_then_rank"]["dsc"]["ALL"]["lucky"]["value"] == 0.99 / 4


def test_a_failure_costs_what_scoring_says_and_ranking_adds_nothing() -> None:
    scores = [
        row("quick", "c0", wall_s=60.0, outcome=Outcome.NONZERO_EXIT),
        row("slow", "c0", wall_s=50.0),
    ]
    result = rank(
        scores, protocol(timeout_s=999.0), metrics=[RankedMetric(name="wall_s")], bootstrap=0
    )
    methods = result.to_json()["methods"]
    assert methods["mean_then_rank"]["wall_s"]["ALL"]["quick"] == {"value": 60.0, "rank": 2}
    assert {r.team: r.value("wall_s") for r in result.rows} == {"quick": 60.0, "slow": 50.0}


def test_in_another_tools_table_a_failure_costs_the_worst_in_the_table() -> None:
    scores = [
        row("quick", "c0", cpu_s=0.1, outcome=Outcome.NONZERO_EXIT),
        row("slow", "c0", cpu_s=50.0),
        row("quick", "c1", cpu_s=1.0),
        row("slow", "c1", cpu_s=70.0),
    ]
    result = rank(
        scores, protocol(), metrics=[RankedMetric(name="cpu_s")], bootstrap=0, priced=False
    )
    found = result.to_json()
    mean = found["methods"]["mean_then_rank"]["cpu_s"]["ALL"]
    assert mean["quick"]["value"] == (70.0 + 1.0) / 2
    assert any("cpu_s: in averages" in warning for warning in found["warnings"])


def test_failures_are_counted_by_team_modality_and_outcome() -> None:
    scores = [
        row("a", "c0", dsc=0.0, outcome=Outcome.TIMEOUT),
        row("a", "c1", dsc=0.0, outcome=Outcome.TIMEOUT, modality="MR"),
        row("a", "c2", dsc=0.0, outcome=Outcome.BAD_OUTPUT, modality="MR"),
        *(row("b", f"c{i}", dsc=0.5, modality="MR" if i else "CT") for i in range(3)),
    ]
    failures = document(scores)["failures"]
    assert failures["cases"] == 3
    assert failures["by_team"]["a"] == {
        "failures": 3,
        "by_modality": {"CT": 1, "MR": 2},
        "by_outcome": {"bad_output": 1, "timeout": 2},
    }
    assert failures["by_team"]["b"]["failures"] == 0


def test_a_case_that_all_teams_fail_stays_in_the_denominator() -> None:
    found = document(dsc_rows({"a": [0.9, None], "b": [0.8, None]}))
    assert found["overall"]["a"]["mean_rank"] == 1.0
    assert found["overall"]["b"]["mean_rank"] == 1.5
    assert found["methods"]["mean_then_rank"]["dsc"]["ALL"]["a"]["value"] == 0.45


def test_a_field_in_which_everything_failed_is_one_great_tie() -> None:
    overall = document(dsc_rows({"a": [None, None], "b": [None, None]}))["overall"]
    assert [overall[team]["rank"] for team in "ab"] == [1, 1]


def test_an_undefined_value_leaves_the_case_out_for_all_teams_of_that_metric_alone() -> None:
    scores = [
        row("a", "c0", dsc=0.9, nsd=0.1),
        row("b", "c0", dsc=0.8, nsd=None),
        row("a", "c1", dsc=0.2, nsd=0.6),
        row("b", "c1", dsc=0.3, nsd=0.4),
        row("a", "c2", dsc=0.2, nsd=0.1),
        row("b", "c2", dsc=0.3, nsd=0.9),
    ]
    result = rank(
        scores,
        protocol(),
        metrics=[RankedMetric(name="dsc"), RankedMetric(name="nsd")],
        bootstrap=0,
    )
    found = result.to_json()
    assert found["failures"]["left_out"] == {"dsc": [], "nsd": ["c0"]}
    assert found["methods"]["mean_then_rank"]["nsd"]["ALL"]["a"]["value"] == 0.35
    # DSC: ranks 1, 2, 2; NSD: 1, 2; each metric weighs one half, however many cases it has.
    assert found["overall"]["a"]["mean_rank"] == pytest.approx((5 / 3 + 3 / 2) / 2)


def test_a_failed_team_without_a_value_does_not_take_the_case_from_the_others() -> None:
    scores = [
        row("a", "c0", dsc=0.9),
        row("b", "c0", dsc=None, outcome=Outcome.NO_OUTPUT),
    ]
    found = document(scores)
    assert found["failures"]["left_out"] == {"dsc": []}
    assert found["methods"]["mean_then_rank"]["dsc"]["ALL"]["b"] == {"value": 0.0, "rank": 2}


def test_an_error_of_the_harness_refuses_the_ranking_and_says_what_to_run() -> None:
    scores = dsc_rows({"a": [0.9, 0.8], "b": [0.7, 0.6]})
    scores[1] = row("a", "c1", outcome=Outcome.HARNESS_ERROR)
    with pytest.raises(RankingRefusedError, match=r"team a case c1.*`segjudge run` again"):
        document(scores)


def test_all_that_is_wrong_with_a_table_is_said_in_one_go() -> None:
    scores = [
        row("a", "c0", dsc=0.9),
        row("a", "c0", dsc=0.8),
        row("a", "c1", dsc=float("nan")),
        row("b", "c0", dsc=0.9, modality="MR"),
    ]
    with pytest.raises(RankingRefusedError) as refusal:
        document(scores)
    message = str(refusal.value)
    assert "team b case c1 missing" in message
    assert "team a case c0 in the table more than once" in message
    assert "another modality" in message
    assert "team a case c1 with a value that is not finite" in message


def test_a_long_list_of_missing_results_is_cut_with_its_length() -> None:
    scores = [*dsc_rows({"a": [0.5] * 12}), row("b", "c0", dsc=0.5)]
    with pytest.raises(RankingRefusedError, match="and 6 more missing"):
        document(scores)


def test_no_rows_are_refused() -> None:
    with pytest.raises(RankingRefusedError, match="no row"):
        document([])


def test_a_modality_that_is_called_like_the_pool_of_all_is_refused() -> None:
    with pytest.raises(RankingRefusedError, match="ALL"):
        document(dsc_rows({"a": [0.9]}, modalities=["ALL"]))


def test_a_ranked_column_without_values_is_refused_by_name() -> None:
    scores = [row(team, "c0", dsc=0.5, nsd=0.5) for team in "ab"]
    with pytest.raises(RankingRefusedError, match=r"column wall_s.*name the metrics to rank by"):
        rank(scores, protocol(), bootstrap=0)


def test_times_that_only_failures_have_are_no_times_to_rank_by() -> None:
    scores = [
        row("a", "c0", dsc=0.5, nsd=0.5),
        row("b", "c0", dsc=0.0, nsd=0.0, wall_s=60.0, outcome=Outcome.TIMEOUT),
    ]
    with pytest.raises(RankingRefusedError, match="column wall_s"):
        rank(scores, protocol(), bootstrap=0)


def test_cases_that_all_teams_failed_do_not_stand_in_for_missing_times() -> None:
    scores = [
        *(row(t, "c0", dsc=0.0, nsd=0.0, wall_s=60.0, outcome=Outcome.TIMEOUT) for t in "ab"),
        *(row(t, "c1", dsc=0.5, nsd=0.5) for t in "ab"),
    ]
    with pytest.raises(RankingRefusedError, match="column wall_s"):
        rank(scores, protocol(), bootstrap=0)


def test_unknown_or_repeated_metrics_are_refused() -> None:
    scores = dsc_rows({"a": [0.5]})
    with pytest.raises(RankingRefusedError, match="each named once"):
        rank(scores, protocol(), metrics=DSC * 2)
    with pytest.raises(RankingRefusedError, match="none"):
        rank(scores, protocol(), metrics=[])


def test_values_within_a_tolerance_are_as_good_as_each_other() -> None:
    # FLARE: memory below the tolerance is clipped before ranking, which makes ties.
    table = table_of(
        [
            row("a", "c0", peak_memory_mib=100.0),
            row("b", "c0", peak_memory_mib=2000.0),
            row("c", "c0", peak_memory_mib=4000.0),
        ],
        ["peak_memory_mib"],
    )
    memory = RankedColumn(name="peak_memory_mib", direction="lower", tolerance=2048.0)
    found = rank_table(table, RankSettings(metrics=(memory,)), bootstrap=0).to_json()
    assert [found["overall"][team]["rank"] for team in "abc"] == [1, 1, 3]
