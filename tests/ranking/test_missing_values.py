"""A missing or infinite value gains nothing: it is last in its case, counted, and said."""

import csv
import json
from pathlib import Path

import pytest

from evaluate.cli import main

Ranked = tuple[dict[str, dict[str, str]], dict[str, object]]


def rank(folder: Path, table: str, *metrics: str, more: tuple[str, ...] = ()) -> Ranked:
    """ranking.csv by team, and ranking.json."""
    (folder / "theirs.csv").write_text(table, encoding="utf-8")
    chosen = [part for metric in metrics for part in ("--metric", metric)]
    arguments = ["rank", "--scores", str(folder / "theirs.csv"), "--protocol", "segjudge"]
    out = folder / "out"
    assert main([*arguments, "--out", str(out), "--bootstrap", "10", *chosen, *more]) == 0
    with (out / "ranking.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["team"]: row for row in csv.DictReader(stream)}
    return rows, json.loads((out / "ranking.json").read_text("utf-8"))


# a is better by DSC, and has one value of warp less than b.
WARP = """team,case,modality,dsc,warp
a,1,MR,0.9,
a,2,MR,0.8,4
b,1,MR,0.8,5
b,2,MR,0.7,3
"""


def test_a_value_that_others_have_is_a_failure_where_it_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, document = rank(tmp_path, WARP, "dsc", "warp:1:lower")
    assert (rows["a"]["mean_rank"], rows["b"]["mean_rank"]) == ("1.5", "1.5")
    assert (rows["a"]["missing"], rows["b"]["missing"]) == ("1", "0")
    said = "warp: a is last in 1 case (1), where it has no value and others have one"
    assert said in document["warnings"]  # type: ignore[operator]
    assert said in capsys.readouterr().err
    # In averages it counts as the worst in the table.
    means = document["methods"]["mean_then_rank"]["warp"]["ALL"]  # type: ignore[index]
    assert means["a"]["value"] == (5 + 4) / 2


def test_an_outcome_or_an_option_says_otherwise(tmp_path: Path) -> None:
    told = WARP.replace("modality,", "modality,outcome,").replace("MR,", "MR,ok,")
    for folder, table, more in (
        (tmp_path / "a", told, ()),
        (tmp_path / "b", WARP, ("--missing", "leave-out")),
    ):
        folder.mkdir()
        rows, document = rank(folder, table, "dsc", "warp:1:lower", more=more)
        assert "missing" not in rows["a"]
        assert document["failures"]["left_out"] == {"dsc": [], "warp": ["1"]}  # type: ignore[index]
        assert any(
            "warp: 1 case (1) left out for all teams, as a has" in warning
            for warning in document["warnings"]  # type: ignore[attr-defined]
        )
        assert rows["a"]["left_out"] == "1"


def test_a_case_without_a_value_of_any_team_is_left_out_and_said(tmp_path: Path) -> None:
    table = WARP.replace("0.8,5", "0.8,")
    rows, document = rank(tmp_path, table, "warp:1:lower")
    assert document["failures"]["left_out"] == {"warp": ["1"]}  # type: ignore[index]
    assert any("as all teams have no value" in w for w in document["warnings"])  # type: ignore[attr-defined]
    assert rows["b"]["rank"] == "1"


@pytest.mark.parametrize("infinite", ["inf", "Infinity", "+inf"])
def test_an_infinite_distance_is_last_and_not_refused(tmp_path: Path, infinite: str) -> None:
    rows, document = rank(tmp_path, WARP.replace("0.9,", f"0.9,{infinite}"), "warp:1:lower")
    assert (rows["a"]["mean_rank"], rows["a"]["infinite"]) == ("2.0", "1")
    assert "warp: a is last in 1 case (1), where its value is infinite" in document["warnings"]  # type: ignore[operator]


def test_a_value_that_is_infinitely_good_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError):
        rank(tmp_path, WARP.replace("0.9,", "0.9,-inf"), "warp:1:lower")
    assert "team a case 1 with a value that is not finite" in capsys.readouterr().err


def test_a_case_that_was_missed_does_not_win_a_modality(tmp_path: Path) -> None:
    table = """team,case,modality,dsc,nsd
A,c1,CT,.9,.8
A,c2,CT,.8,.7
A,c3,MR,.7,.6
B,c1,CT,.85,.9
B,c2,CT,.75,.6
B,c3,MR,,
"""
    rows, _ = rank(tmp_path, table, "dsc", "nsd")
    assert (rows["A"]["rank"], rows["B"]["missing"]) == ("1", "2")
    whole = table.replace("B,c3,MR,,", "B,c3,MR,.9,.9")
    (tmp_path / "whole").mkdir()
    rows, _ = rank(tmp_path / "whole", whole, "dsc", "nsd")
    assert rows["B"]["rank"] == "1"
