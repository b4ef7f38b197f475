"""What must hold for every table: names and scales decide nothing, and nobody gains by failing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.facts.rules import RankedMetric
from evaluate.ranking import rank
from tests.ranking.score_rows import dsc_rows, protocol

DSC = [RankedMetric(name="dsc")]
RULES = st.fixed_dictionaries(
    {
        "ties": st.sampled_from(["min", "average", "max"]),
        "across_modalities": st.sampled_from(["micro", "macro"]),
    }
)
Grid = dict[str, list[float | None]]


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """DSC on a coarse grid, so that there are ties, with failures; 2 to 4 teams, 1 to 6 cases."""
    cases = draw(st.integers(1, 6))
    value = st.one_of(st.none(), st.integers(1, 8).map(lambda v: v / 8))
    teams = draw(st.integers(2, 4))
    column = st.lists(value, min_size=cases, max_size=cases)
    return {f"t{i}": draw(column) for i in range(teams)}


def ranked(grid: Grid, rules: dict[str, Any], **options: Any) -> dict[str, Any]:
    cases = len(next(iter(grid.values())))
    scores = dsc_rows(grid, modalities=["CT" if i % 3 else "MR" for i in range(cases)])
    return rank(scores, protocol(**rules), metrics=DSC, bootstrap=0, **options).to_json()


def mean_ranks(ranking: dict[str, Any]) -> dict[str, float]:
    return {team: found["mean_rank"] for team, found in ranking["overall"].items()}


@given(grids(), RULES)
@settings(max_examples=40, deadline=None)
def test_a_rising_transformation_of_the_metric_changes_no_rank_based_place(
    grid: Grid, rules: dict[str, Any]
) -> None:
    bent: Grid = {
        team: [None if v is None else v**3 / 2 for v in values] for team, values in grid.items()
    }
    before, after = ranked(grid, rules), ranked(bent, rules)
    assert before["overall"] == after["overall"]
    for method in ("rank_then_mean", "rank_then_median"):
        assert before["methods"][method] == after["methods"][method]


@given(grids(), RULES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_new_names_for_the_teams_change_only_the_names(
    grid: Grid, rules: dict[str, Any], random: Any
) -> None:
    names = [f"n{i}" for i in range(len(grid))]
    random.shuffle(names)
    renamed = dict(zip(grid, names, strict=True))
    before = ranked(grid, rules)
    after = ranked({renamed[team]: values for team, values in grid.items()}, rules)
    for team, name in renamed.items():
        for method, by_metric in before["methods"].items():
            for modality, entries in by_metric["dsc"].items():
                other = after["methods"][method]["dsc"][modality][name]
                assert other["rank"] == entries[team]["rank"]
        assert after["overall"][name] == before["overall"][team]


@given(grids(), RULES)
@settings(max_examples=40, deadline=None)
def test_a_copy_of_a_team_shares_its_place(grid: Grid, rules: dict[str, Any]) -> None:
    found = ranked(grid | {"copy": grid["t0"]}, rules)
    assert found["overall"]["copy"] == found["overall"]["t0"]
    for by_metric in found["methods"].values():
        for entries in by_metric["dsc"].values():
            assert entries["copy"] == entries["t0"]


@given(grids(), RULES, st.data())
@settings(max_examples=60, deadline=None)
def test_nobody_gains_by_failing(grid: Grid, rules: dict[str, Any], data: st.DataObject) -> None:
    case = data.draw(st.integers(0, len(grid["t0"]) - 1))
    failing = grid | {"t0": [None if i == case else v for i, v in enumerate(grid["t0"])]}
    old, new = ranked(grid, rules), ranked(failing, rules)
    before, after = mean_ranks(old), mean_ranks(new)
    assert after["t0"] >= before["t0"] - 1e-12
    for other in grid.keys() - {"t0"}:
        assert after["t0"] - after[other] >= before["t0"] - before[other] - 1e-12 or (
            # Another team that failed there shares the last place, which begins one place earlier.
            grid[other][case] is None
        )
    for method in ("mean_then_rank", "median_then_rank"):
        was, now = (made["methods"][method]["dsc"]["ALL"]["t0"] for made in (old, new))
        assert now["value"] <= was["value"] + 1e-12
        assert now["rank"] >= was["rank"]


@given(grids(), RULES)
@settings(max_examples=40, deadline=None)
def test_a_team_that_always_fails_is_last_and_parts_nobody_else(
    grid: Grid, rules: dict[str, Any]
) -> None:
    failed: list[float | None] = [None] * len(grid["t0"])
    finished: Grid = {
        team: [0.5 if v is None else v for v in values] for team, values in grid.items()
    }
    before = ranked(finished, rules)["overall"]
    after = ranked(finished | {"failed": failed}, rules)["overall"]
    assert after["failed"]["rank"] == len(grid) + 1
    assert {team: after[team]["rank"] for team in grid} == {
        team: before[team]["rank"] for team in grid
    }


@given(grids(), RULES)
@settings(max_examples=40, deadline=None)
def test_a_team_that_is_nowhere_worse_has_no_worse_place(grid: Grid, rules: dict[str, Any]) -> None:
    better: list[float | None] = [None if v is None else v + 0.01 for v in grid["t0"]]
    found = ranked(grid | {"better": better}, rules)
    for entry in ("rank", "mean_rank", "rank_micro", "rank_macro"):
        assert found["overall"]["better"][entry] <= found["overall"]["t0"][entry]
    for method in ("rank_then_mean", "mean_then_rank", "median_then_rank"):
        entries = found["methods"][method]["dsc"]["ALL"]
        assert entries["better"]["rank"] <= entries["t0"]["rank"]


@pytest.mark.parametrize("ties", ["min", "average", "max"])
def test_places_of_a_field_add_up_as_their_tie_rule_says(ties: str) -> None:
    grid: Grid = {"a": [0.5], "b": [0.5], "c": [0.9], "d": [None]}
    places = [found["rank"] for found in ranked(grid, {"ties": ties})["overall"].values()]
    assert sum(places) == {"min": 1 + 2 + 2 + 4, "average": 10, "max": 1 + 3 + 3 + 4}[ties]
