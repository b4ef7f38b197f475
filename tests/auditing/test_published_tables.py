"""A paper's table is read as it is printed, and what does not follow in it is found by itself.

Two tables are real: the validation scores in the README of the CVPR 2024 challenge's
automlfreiburg team, whose average is the mean of the modalities, and a comparison on the
BiomedParse data in a public model card, whose row of all is weighted by the cases it counts.
"""

import json
from pathlib import Path

import pytest

from evaluate.auditing.published_tables import TableVerdict, check_alone, read_published
from evaluate.auditing.published_tables.printed_numbers import read_printed
from evaluate.cli import main
from evaluate.facts.errors import TableError

FREIBURG = """Target;DSC(%);NSD(%)
CT;93.14;95.48
MR;88.21;91.73
PET;71.46;56.31
US;94.77;96.81
X-Ray;77.07;82.83
Dermoscopy;94.97;96.41
Endoscopy;96.60;98.61
Fundus;95.59;97.16
Microscopy;80.86;87.14
**Average**;**88.07**;**89.16**
"""
BIOMEDPARSE = """Modality,n,MKB Dice (%),BiomedParse Dice (%),MedSAM Dice (%),SAM Dice (%)
**All**,"102,855",**91.20**,90.73,83.55,71.29
CT,"45,306",93.36,92.25,83.87,74.10
MRI,"30,990",85.29,85.25,75.90,68.34
OCT,283,85.31,86.63,56.26,55.99
X-ray,"13,840",98.02,98.28,97.75,81.35
Dermoscopy,65,98.08,97.11,97.35,88.23
Endoscopy,410,97.39,96.77,97.05,92.88
Fundus,800,91.33,91.50,88.06,57.16
Pathology,977,87.29,81.57,43.44,42.06
Ultrasound,"10,184",90.54,91.03,89.76,57.47
"""


def checked(tmp_path: Path, text: str) -> TableVerdict:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return check_alone(read_published(path))


def test_the_average_of_a_real_table_is_named_macro(tmp_path: Path) -> None:
    found = checked(tmp_path, FREIBURG)
    assert found.passed
    assert any("macro" in words for words in found.holds)


def test_the_average_of_a_real_table_that_counts_its_cases_is_named_micro(tmp_path: Path) -> None:
    found = checked(tmp_path, BIOMEDPARSE)
    assert found.passed
    assert any("micro" in words for words in found.holds)


@pytest.mark.parametrize(
    ("text", "right", "wrong", "line"),
    [
        (BIOMEDPARSE, "93.36", "93.63", 2),
        (BIOMEDPARSE, "71.29", "72.19", 2),
    ],
)
def test_two_swapped_digits_of_a_real_table_are_found_at_their_average(
    tmp_path: Path, text: str, right: str, wrong: str, line: int
) -> None:
    found = checked(tmp_path, text.replace(right, wrong))
    assert [finding.code for finding in found.findings] == ["average"]
    assert found.findings[0].where.startswith(f"line {line},")


def test_what_one_team_alone_can_not_tell_is_a_note_that_names_the_cell(tmp_path: Path) -> None:
    found = checked(tmp_path, FREIBURG.replace("89.16", "89.61"))
    assert found.passed
    assert any("line 11, NSD(%)" in note and "weighted" in note for note in found.notes)


def test_an_average_outside_of_its_values_is_found_whatever_the_weights(tmp_path: Path) -> None:
    found = checked(tmp_path, FREIBURG.replace("89.16", "98.89"))
    assert [(f.code, f.where) for f in found.findings] == [
        ("average", "line 11, NSD(%): average DSC and NSD over 9 modalities")
    ]


@pytest.mark.parametrize(
    ("printed", "low", "high"),
    [
        ("0.91", 0.905, 0.915),
        ("0,91", 0.905, 0.915),
        ("91.3 %", 91.25, 91.35),
        ("**0.91 ± 0.02**", 0.905, 0.915),
        ("0.91 (0.88–0.93)", 0.905, 0.915),
        ("\N{MINUS SIGN}0.5", -0.55, -0.45),
        ("1,234.5", 1234.45, 1234.55),
        ("1.234,5", 1234.45, 1234.55),
        ("12 345", 12344.5, 12345.5),
        ("2nd", 1.5, 2.5),
        ("1.2e-3", 0.00115, 0.00125),
        ("<b>0.7</b>", 0.65, 0.75),
    ],
)
def test_a_number_stands_for_all_that_rounds_to_it(printed: str, low: float, high: float) -> None:
    found = read_printed(printed, comma_is_decimal=False)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_a_table_with_decimal_commas_is_read_as_one_with_points(tmp_path: Path) -> None:
    found = checked(tmp_path, FREIBURG.replace(".", ","))
    assert found.passed
    assert any("macro" in words for words in found.holds)


@pytest.mark.parametrize("wrong", ["1.021", "-0.100"])
def test_a_score_out_of_range_is_found(tmp_path: Path, wrong: str) -> None:
    found = checked(tmp_path, f"Team,DSC,NSD\na,0.912,0.931\nb,{wrong},0.902\nc,0.871,0.885\n")
    assert [(f.code, f.where) for f in found.findings] == [("range", "line 3, DSC")]


def test_a_perfect_score_and_one_over_by_rounding_are_not_out_of_range(tmp_path: Path) -> None:
    assert checked(tmp_path, "Team,DSC (%),Time (s)\na,100.0,0.00\nb,99.9,12\nc,0,600\n").passed


def test_a_row_that_is_a_copy_of_another_is_found(tmp_path: Path) -> None:
    rows = ["a,0.912,0.931,3.21", "b,0.874,0.902,1.87", "c,0.912,0.931,3.21", "d,0.801,0.855,9.4"]
    found = checked(tmp_path, "\n".join(["Team,DSC,NSD,Time (s)", *rows]))
    assert [(f.code, f.where) for f in found.findings] == [("copy", "line 4")]
    assert "line 2" in found.findings[0].found


def test_a_column_that_is_a_copy_of_another_is_found(tmp_path: Path) -> None:
    rows = ["a,0.912,0.912,3.21", "b,0.874,0.874,1.87", "c,0.711,0.711,2.2", "d,0.801,0.801,9.4"]
    found = checked(tmp_path, "\n".join(["Team,DSC,NSD,Time (s)", *rows]))
    assert [(f.code, f.where) for f in found.findings] == [("copy", "column NSD")]


def test_teams_that_failed_everything_alike_are_no_copies(tmp_path: Path) -> None:
    rows = ["a,0.912,0.931,3.21", "b,0.000,0.000,600", "c,0.000,0.000,600", "d,0.801,0.855,9.4"]
    assert checked(tmp_path, "\n".join(["Team,DSC,NSD,Time (s)", *rows])).passed


def test_a_rank_that_does_not_follow_from_the_values_is_found(tmp_path: Path) -> None:
    right = "Rank,Team,DSC\n1,a,0.912\n2,b,0.874\n3,c,0.801\n"
    assert checked(tmp_path, right).passed
    found = checked(tmp_path, right.replace("1,a", "2,a").replace("2,b", "1,b"))
    assert [(f.code, f.where) for f in found.findings] == [("rank", "ranks: b before a")]


def test_a_rank_of_equal_printed_values_may_be_either(tmp_path: Path) -> None:
    assert checked(tmp_path, "Team,DSC,Rank\na,0.91,2\nb,0.91,1\nc,0.80,3\n").passed


def test_a_rank_against_two_printed_values_that_touch_is_found(tmp_path: Path) -> None:
    """0.91 may be up to 0.915 and 0.92 from there on: that is no tie."""
    found = checked(tmp_path, "Team,DSC,HD95,Rank\na,0.91,5.0,1\nb,0.92,4.0,2\n")
    assert [(f.code, f.where) for f in found.findings] == [("rank", "ranks: a before b")]


def test_a_metric_of_several_definitions_is_told_to_be_one(tmp_path: Path) -> None:
    found = checked(tmp_path, "Team,DSC,HD95\na,0.91,5.0\nb,0.92,4.0\n")
    (note,) = found.notes
    assert note.startswith("HD95: of which definition is not known. ") and "`pooled`" in note


def test_ranks_from_several_metrics_are_tried_each_and_by_mean_rank(tmp_path: Path) -> None:
    rows = ["a,0.90,0.90,9.0,2", "b,0.85,0.85,1.0,1", "c,0.70,0.72,5.0,4"]
    found = checked(tmp_path, "\n".join(["Team,DSC,NSD,Time,Rank", *rows, "d,0.75,0.71,2.0,3"]))
    assert found.passed
    assert any("mean of the ranks" in words for words in found.holds)


def test_a_team_that_is_worse_in_everything_can_not_be_ranked_better(tmp_path: Path) -> None:
    rows = ["a,0.90,0.95,1.0,3", "b,0.89,0.94,2.0,2", "c,0.70,0.72,5.0,1"]
    found = checked(tmp_path, "\n".join(["Team,DSC,NSD,Time,Rank", *rows]))
    assert {f.code for f in found.findings} == {"rank"}
    assert "ranks: c before a" in {f.where for f in found.findings}


def test_ranks_follow_the_printed_mean_rank(tmp_path: Path) -> None:
    text = "Team,DSC,Mean rank,Rank\na,0.90,1.50,1\nb,0.95,1.75,2\nc,0.80,2.75,3\n"
    assert checked(tmp_path, text).passed
    found = checked(tmp_path, text.replace("1.50", "1.90"))
    assert [f.where for f in found.findings] == ["ranks: a before b"]


def test_an_average_row_over_the_teams_is_checked_too(tmp_path: Path) -> None:
    text = (
        "Team,DSC,NSD,Time (s)\na,0.912,0.931,3.21\nb,0.874,0.902,1.87\nc,0.711,0.735,2.20\n"
        "Mean,0.832,0.856,2.43\n"
    )
    assert checked(tmp_path, text).passed
    found = checked(tmp_path, text.replace("0.856", "0.865"))
    assert [(f.code, f.where.split(":")[0]) for f in found.findings] == [("average", "line 5, NSD")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (b"Team,DSC\n", "no row below the names"),
        (b"Team,DSC\na,0.9\nb,0.8,0.7\n", "line 3: 3 cells"),
        (b"Team,DSC\na,0.9\nb,0.8\nc,good\n", "line 4, column DSC: 'good' is no number"),
        (b"Team,DSC\n\xc3\xa9,0.9\n\xff,0.8\n", "not UTF-8"),
        (b"Team,Colour\na,red\nb,blue\n", "no column of numbers"),
        (b"1,2\n3,4\n", "no column of names"),
        (b"Team,DSC\n\"a,0.9\n", "close every quote"),
        (b"Team,DSC\na,1e99\nb,0.9\nc,0.8\n", "larger than any"),
    ],
)  # fmt: skip
def test_a_bad_table_is_one_clear_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    with pytest.raises(TableError) as caught:
        read_published(path)
    assert len(caught.value.problems) == 1
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_score_that_is_never_printed_as_perfect_may_be_anything_up_to_it() -> None:
    almost, below = (read_printed(t, comma_is_decimal=False) for t in ("0.999", "0.998"))
    assert almost.with_top(1.0).high == 1.0
    assert below.with_top(1.0) == below


def test_passed_says_what_was_checked_and_what_could_not_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("team,DSC,NSD\na,0.9,0.8\nb,0.7,0.6\n", encoding="utf-8")
    assert main(["published", str(path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("passed: range; the table has no averages and no ranks to check; no run")
    path.write_text("team,Colour depth\na,8\nb,16\n", encoding="utf-8")
    found = tmp_path / "found.json"
    assert main(["published", str(path), "--json", str(found)]) == 1
    assert json.loads(found.read_text(encoding="utf-8"))["passed"] is False
    assert capsys.readouterr().out.splitlines()[-1].startswith("nothing could be checked")
