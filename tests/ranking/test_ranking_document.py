"""ranking.json holds what the design promises, strictly, for the smallest and oddest tables too."""

import json

import pytest

from evaluate.facts.rules import RankedMetric
from evaluate.ranking import rank
from evaluate.ranking.methods import METHODS
from tests.ranking.score_rows import dsc_rows, protocol, row
from tests.ranking.test_resampling import TEAMS, random_scores

DSC = [RankedMetric(name="dsc")]


def test_the_document_has_the_designs_sections_and_nesting() -> None:
    found = rank(random_scores(1), protocol(), bootstrap=20).to_json()
    first = {"settings", "overall", "methods", "bootstrap"}
    second = {"tests", "groups", "sensitivity", "failures"}
    assert first | second <= found.keys()
    assert set(found["methods"]) == set(METHODS)
    for by_metric in found["methods"].values():
        assert set(by_metric) == {"dsc", "nsd", "wall_s"}
        for by_modality in by_metric.values():
            assert set(by_modality) == {"CT", "MR", "PET", "ALL"}
            for by_team in by_modality.values():
                assert set(by_team) == set(TEAMS)
                assert all(set(entry) == {"value", "rank"} for entry in by_team.values())
    settings = found["settings"]
    assert [metric["name"] for metric in settings["metrics"]] == ["dsc", "nsd", "wall_s"]
    assert {"seed", "bootstrap", "versions", "ties", "alpha", "adjustment"} <= settings.keys()


def test_a_round_trip_through_strict_json_changes_nothing() -> None:
    found = rank(random_scores(2), protocol(), bootstrap=20).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("bootstrap", [0, 10])
@pytest.mark.parametrize(
    "grid",
    [
        {"only": [0.5]},
        {"only": [None]},
        {"only": [0.5, 0.6, 0.7]},
        {"a": [0.5], "b": [0.5]},
        {"a": [0.0, 0.0], "b": [0.0, 0.0], "c": [None, None]},
    ],
)
def test_single_teams_single_cases_and_equal_values_make_a_ranking(
    grid: dict[str, list[float | None]], bootstrap: int
) -> None:
    result = rank(dsc_rows(grid), protocol(), metrics=DSC, bootstrap=bootstrap)
    json.dumps(result.to_json(), allow_nan=False)
    assert result.rows[0].rank == 1
    assert len(result.rows) == len(grid)


def test_methods_can_be_kept_out_of_the_resampling_but_not_out_of_the_document() -> None:
    found = rank(random_scores(3), protocol(), bootstrap=10, resampled=["rank_then_mean"]).to_json()
    assert set(found["methods"]) == set(METHODS)
    assert found["bootstrap"]["methods"]["rank_then_mean"]["dsc"]["CT"]["tau"]["n"] == 10
    assert set(found["bootstrap"]["methods"]) == {"rank_then_mean"}


def test_the_order_of_the_rows_in_the_table_does_not_matter() -> None:
    scores = random_scores(4)
    first = rank(scores, protocol(), bootstrap=10).to_json()
    assert rank(scores[::-1], protocol(), bootstrap=10).to_json() == first


def test_mean_differences_have_the_metrics_units_and_an_interval_around_them() -> None:
    scores = dsc_rows({"a": [0.9, 0.7, 0.8, 0.6] * 5, "b": [0.5, 0.6, 0.4, 0.5] * 5})
    found = rank(scores, protocol(), metrics=DSC, bootstrap=200).to_json()
    tests = found["tests"]["wilcoxon"]["dsc"]["CT"]
    assert tests["mean_difference"]["a"]["b"] == pytest.approx(0.25)
    low, high = (tests[f"mean_difference_{end}"]["a"]["b"] for end in ("low", "high"))
    assert 0.15 < low < 0.25 < high < 0.35
    assert tests["mean_difference_low"]["b"]["a"] == -high
    assert tests["rank_biserial"]["a"]["b"] == -tests["rank_biserial"]["b"]["a"] == 1.0
    assert tests["wins"] == {"a": ["b"], "b": []}


def test_a_lower_time_wins_its_tests() -> None:
    scores = [row(t, f"c{i}", wall_s=s + i) for t, s in (("q", 1.0), ("s", 30.0)) for i in range(9)]
    found = rank(scores, protocol(), metrics=[RankedMetric(name="wall_s")], bootstrap=0).to_json()
    tests = found["tests"]["wilcoxon"]["wall_s"]["ALL"]
    assert tests["wins"] == {"q": ["s"], "s": []}
    assert tests["mean_difference"]["q"]["s"] == pytest.approx(-29.0)


def test_rounding_is_no_difference_to_a_test() -> None:
    grid: dict[str, list[float | None]] = {"a": [0.1 + 0.2] * 12, "b": [0.3] * 12}
    found = rank(dsc_rows(grid), protocol(), metrics=DSC, bootstrap=0).to_json()
    tests = found["tests"]["wilcoxon"]["dsc"]["CT"]
    assert grid["a"] != grid["b"]
    assert tests["p"] == {"a": {"b": 1.0}, "b": {"a": 1.0}}


def test_intervals_of_means_are_students() -> None:
    # n = 4, mean 0.5, standard deviation 0.1: t(0.975, 3) = 3.182446.
    values = [0.5 - 0.0866025403784, 0.5 + 0.0866025403784] * 2
    found = rank(dsc_rows({"a": values}), protocol(), metrics=DSC, bootstrap=50).to_json()
    interval = found["intervals"]["dsc"]["CT"]["a"]
    assert interval["n"] == 4
    assert interval["mean_high"] - 0.5 == pytest.approx(3.182446 * 0.1 / 2, rel=1e-6)
    assert interval["median_low"] <= interval["median"] <= interval["median_high"]


def test_few_cases_are_warned_of_with_their_number() -> None:
    grid = {"a": [0.5] * 53, "b": [0.6] * 53}
    scores = dsc_rows(grid, modalities=["CT"] * 50 + ["PET"] * 3)
    (warning,) = rank(scores, protocol(), metrics=DSC, bootstrap=0).to_json()["warnings"]
    assert "PET (3)" in warning
    assert "CT" not in warning
    enough = rank(dsc_rows({"a": [0.5] * 50}), protocol(), metrics=DSC, bootstrap=0).to_json()
    assert enough["warnings"] == []


def test_sensitivity_names_the_rules_that_change_the_winner() -> None:
    scores = [
        row(team, f"c{i}", dsc=dsc, nsd=dsc, wall_s=wall_s)
        for team, dsc, wall_s in (("accurate", 0.9, 50.0), ("quick", 0.8, 2.0))
        for i in range(4)
    ]
    found = rank(scores, protocol(), bootstrap=0).to_json()["sensitivity"]
    weights = found["metric_weights"]
    assert weights["wall_s alone"]["winners"] == ["quick"]
    assert weights["wall_s alone"]["tau"] == -1.0
    assert weights["wall_s left out"]["winners"] == ["accurate"]
    assert not weights["wall_s at twice its weight"]["same_winners"]  # a tie for the first place
    assert weights["wall_s at half its weight"]["same_winners"]
    assert found["left_out_modality"] == {}
    changed = [e for part in found.values() if isinstance(part, dict) for e in part.values()]
    assert found["variants"] == len(changed)
    assert found["variants_with_another_winner"] == sum(not e["same_winners"] for e in changed)


def test_sensitivity_leaves_out_each_modality_in_turn() -> None:
    scores = dsc_rows({"a": [0.9, 0.9, 0.1], "b": [0.8, 0.8, 0.9]}, modalities=["CT", "CT", "MR"])
    chosen = protocol(across_modalities="micro")
    found = rank(scores, chosen, metrics=DSC, bootstrap=0).to_json()["sensitivity"]
    assert found["left_out_modality"]["CT"]["winners"] == ["b"]
    assert found["left_out_modality"]["MR"]["winners"] == ["a"]


@pytest.mark.parametrize(("across", "winners"), [("micro", ["a"]), ("macro", ["a", "b"])])
def test_sensitivity_to_the_method_weighs_modalities_as_the_protocol_does(
    across: str, winners: list[str]
) -> None:
    scores = dsc_rows(
        {"a": [0.9, 0.9, 0.9, 0.5], "b": [0.8, 0.8, 0.8, 0.9]}, modalities=["CT"] * 3 + ["MR"]
    )
    chosen = protocol(across_modalities=across)
    found = rank(scores, chosen, metrics=DSC, bootstrap=0).to_json()["sensitivity"]
    assert found["methods"]["rank_then_mean"]["winners"] == winners


def test_a_consensus_that_is_not_unique_says_so() -> None:
    scores = dsc_rows({"a": [0.9, 0.1], "b": [0.1, 0.9]}, modalities=["CT", "MR"])
    found = rank(scores, protocol(), metrics=DSC, bootstrap=0).to_json()["consensus"]
    assert found["euclidean"] == {"a": 1.5, "b": 1.5}
    assert found["kemeny"]["unique"] is False
    assert found["kemeny"]["optima"] == 2


def test_groups_are_runs_of_neighbours_that_no_test_parts() -> None:
    generator_free = [0.01 * (i * 7 % 13) for i in range(40)]
    scores = dsc_rows(
        {
            "first": [0.80 + x for x in generator_free],
            "second": [0.80 + x for x in generator_free[1:] + generator_free[:1]],
            "last": [0.10 + x for x in generator_free],
        }
    )
    found = rank(scores, protocol(), metrics=DSC, bootstrap=0).to_json()["groups"]
    assert sorted(found["overall"]["groups"][0]) == ["first", "second"]
    assert found["overall"]["groups"][1] == ["last"]
    assert sorted(found["metrics"]["dsc"]["CT"]["tied_with_first"]) == ["first", "second"]
