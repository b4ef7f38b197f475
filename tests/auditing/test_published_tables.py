"""A paper's table is read as it is printed, and what does not follow in it is found by itself.

Two tables are real: the validation scores in the README of the CVPR 2024 challenge's
automlfreiburg team, whose average is the mean of the modalities, and a comparison on the
BiomedParse data in a public model card, whose row of all is weighted by the cases it counts.
"""

import json
from pathlib import Path

import pytest

from evaluate.auditing.published_tables import check_alone, read_published
from evaluate.cli import main
from evaluate.documents.published import TableVerdict
from evaluate.facts.errors import TableError

FREIBURG = """\
Team;CT DSC (%);MR DSC (%);PET DSC (%);US DSC (%);X-Ray DSC (%);Dermoscopy DSC (%);\
Endoscopy DSC (%);Fundus DSC (%);Microscopy DSC (%);Average DSC (%);CT NSD (%);MR NSD (%);\
PET NSD (%);US NSD (%);X-Ray NSD (%);Dermoscopy NSD (%);Endoscopy NSD (%);Fundus NSD (%);\
Microscopy NSD (%);Average NSD (%)
automlfreiburg;93.14;88.21;71.46;94.77;77.07;94.97;96.60;95.59;80.86;**88.07**;95.48;91.73;\
56.31;96.81;82.83;96.41;98.61;97.16;87.14;**89.16**
"""
BIOMEDPARSE = """\
Method,All Dice (%),CT Dice (%),MRI Dice (%),OCT Dice (%),X-ray Dice (%),Dermoscopy Dice (%),\
Endoscopy Dice (%),Fundus Dice (%),Pathology Dice (%),Ultrasound Dice (%)
n,"102,855","45,306","30,990",283,"13,840",65,410,800,977,"10,184"
MKB,**91.20**,93.36,85.29,85.31,98.02,98.08,97.39,91.33,87.29,90.54
BiomedParse,90.73,92.25,85.25,86.63,98.28,97.11,96.77,91.50,81.57,91.03
MedSAM,83.55,83.87,75.90,56.26,97.75,97.35,97.05,88.06,43.44,89.76
SAM,71.29,74.10,68.34,55.99,81.35,88.23,92.88,57.16,42.06,57.47
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
        (BIOMEDPARSE, "93.36", "93.63", 3),
        (BIOMEDPARSE, "71.29", "72.19", 6),
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
    assert any("line 2, Average NSD (%)" in note and "weighted" in note for note in found.notes)


def test_an_average_outside_of_its_values_is_found_whatever_the_weights(tmp_path: Path) -> None:
    found = checked(tmp_path, FREIBURG.replace("89.16", "98.89"))
    assert [(f.code, f.where) for f in found.findings] == [
        ("average", "line 2, Average NSD (%): average DSC and NSD over 9 modalities")
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
        ("1.2e-3", 0.00115, 0.00125),
    ],
)
def test_a_number_stands_for_all_that_rounds_to_it(
    tmp_path: Path, printed: str, low: float, high: float
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"Team;Time\na;{printed}\n", encoding="utf-8")
    (cell,) = read_published(path).cells
    assert (cell.low, cell.high) == pytest.approx((low, high), rel=1e-6)


def test_a_table_whose_rows_are_modalities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="turn the table round"):
        checked(tmp_path, "Modality,a DSC,b DSC\nCT,0.9,0.8\nMR,0.7,0.6\nAll,0.85,0.75\n")


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


@pytest.mark.parametrize("name", ["HD (cm)", "Memory (GB)", "NSD rank", "Parameters"])
def test_a_column_in_another_unit_or_of_no_metric_is_not_looked_at(
    tmp_path: Path, name: str
) -> None:
    found = checked(tmp_path, f"Team,DSC,{name}\na,0.91,5\nb,0.92,4\n")
    assert found.passed
    assert f"column {name}: not looked at" in found.notes


def test_a_row_of_averages_over_the_teams_is_no_team(tmp_path: Path) -> None:
    found = checked(tmp_path, "Team,DSC,NSD\na,0.912,0.931\nb,0.874,0.902\nMean,0.7,0.7\n")
    assert found.passed
    assert "row Mean: not looked at" in found.notes


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (b"Team,DSC\n", "no row below the names"),
        (b"Team,DSC\na,0.9\nb,0.8,0.7\n", "line 3: 3 cells"),
        (b"Team,DSC\na,0.9\nb,0.8\nc,good\n", "line 4, column 'DSC': 'good' is no number"),
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


def test_a_score_that_is_never_printed_as_perfect_may_be_anything_up_to_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Team,DSC\na,0.999\nb,0.998\n", encoding="utf-8")
    almost, below = read_published(path).cells
    assert almost.high == 1.0
    assert below.high == pytest.approx(0.9985)


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
