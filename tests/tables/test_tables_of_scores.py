"""`rank --scores` reads tables as spreadsheets and tools write them, in all countries.

A table that could be read in two ways is refused, with file, line, column and the quoted cell.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evaluate.cli import main

TEAMS = {"A": 0.91, "B": 0.82, "Café": 0.75}
FRAME = pd.DataFrame(
    [
        {"team": team, "case": f"c{case}", "modality": "CT", "dsc": dsc + case / 100, "nsd": dsc}
        for team, dsc in TEAMS.items()
        for case in range(3)
    ]
)

Ranked = Callable[..., dict[str, float]]
Refused = Callable[..., str]


@pytest.fixture
def ranked(tmp_path: Path) -> Ranked:
    """Ranks a table and gives every team's place."""

    def rank(table: Path, *options: str) -> dict[str, float]:
        metrics = options or ("--metric", "dsc", "--metric", "nsd")
        assert main(["rank", "--scores", str(table), *_fixed(tmp_path), *metrics]) == 0
        with (tmp_path / "out" / "ranking.csv").open(encoding="utf-8") as stream:
            return {row["team"]: float(row["rank"]) for row in csv.DictReader(stream)}

    return rank


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """What the command says of a table that it refuses; every line names the file."""

    def rank(table: Path, *options: str) -> str:
        metrics = options or ("--metric", "dsc")
        assert main(["rank", "--scores", str(table), *_fixed(tmp_path), *metrics]) == 2
        said = capsys.readouterr().err
        assert all(line.startswith(f"segjudge: {table}") for line in said.splitlines())
        assert "segjudge score" not in said  # that makes our own tables, not this one
        return said

    return rank


def _fixed(folder: Path) -> list[str]:
    return ["--protocol", "segjudge", "--out", str(folder / "out"), "--bootstrap", "0"]


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


PLACES = {"A": 1.0, "B": 2.0, "Café": 3.0}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_table_of_pandas_is_read_in_every_encoding_and_with_every_separator(
    ranked: Ranked, tmp_path: Path, separator: str, encoding: str
) -> None:
    path = tmp_path / "table.csv"
    FRAME.to_csv(path, sep=separator, encoding=encoding, decimal="." if separator == "," else ",")
    assert ranked(path) == PLACES


def test_a_spreadsheets_own_ways_are_read(ranked: Ranked, tmp_path: Path) -> None:
    body = FRAME.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n").splitlines()
    lines = ["sep=;", *(f"{line};;" for line in body), ";;;;;;", ""]
    assert ranked(write(tmp_path, "\r\n".join(lines), "utf-8-sig")) == PLACES


def test_what_was_assumed_of_the_encoding_is_said(
    ranked: Ranked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    FRAME.to_csv(path, index=False, encoding="cp1252")
    ranked(path)
    assert f"{path}: not in UTF-8; it was read as Windows-1252" in capsys.readouterr().err
    document = json.loads((tmp_path / "out" / "ranking.json").read_text("utf-8"))
    assert any("Windows-1252" in warning for warning in document["warnings"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (b"\n\n\n", "an empty file"),
        (b"PK\x03\x04xlsx", "a zip file that is no spreadsheet; expected a CSV file; save it as"),
        (b"\x1f\x8b\x08gz", "a compressed file"),
        (b"team,case,modality,dsc\nA,c\xc3\xa9,CT,1\nB,c\xe9,CT,1\n", "line 3: byte 0xE9 is not"),
        (b"team,case,modality,dsc\nA,c\x81,CT,1\n", "line 2: byte 0x81 is neither"),
        (b"team,case,modality,dsc\nA,c\0,CT,1\n", "a zero byte in line 2"),
        (b'team,case,modality,dsc\n\nA,"c1,CT,1\n', "line 3: unexpected end of data"),
        (b"team,case,modality,dsc\n", "no row"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(
    refused: Refused, tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    assert said in refused(path)


HEAD = "team,case,modality,dsc\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "A,c1,CT,.9\nA,c1,CT,.8\n",
            "1 rows that are there twice: team 'A' case 'c1' in lines 2, 3",
        ),
        ("A,c1,CT,.9\nB,c1,MR,.8\n", "case 'c1': 'CT' in line 2, 'MR' in line 3"),
        ("A,c1,CT,.9\nA,c2,CT,.9\nB,c1,CT,.8\n", "rows that are missing: team 'B' case 'c2'"),
        ('"A\nx",c1,CT,.9\n', r"column 'team': 'A\nx'; expected a name in one line"),
        ("\x1b[31mA,c1,CT,.9\n", r"column 'team': '\x1b[31mA'; expected a name in one line"),
        (f"{'A' * 201},c1,CT,.9\n", "at most 200 printable characters"),
    ],
)
def test_teams_of_unlike_cases_are_told_by_row(
    refused: Refused, tmp_path: Path, rows: str, said: str
) -> None:
    assert said in refused(write(tmp_path, HEAD + rows))


def test_a_metric_that_the_protocol_wants_and_the_table_lacks_names_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    FRAME.rename(columns={"nsd": "Surface Dice"}).to_csv(path, index=False)
    assert main(["rank", "--scores", str(path), *_fixed(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "no column 'nsd', 'wall_s'; the columns are 'team', 'case', 'modality', 'dsc'," in said
    assert "`--metric NAME:WEIGHT:higher`" in said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("A,c1,CT,abc\n", "line 2, column 'dsc': 'abc' is no number"),
        ("\nA,c1,CT,0.9 ± 0.1\n", "line 3, column 'dsc': '0.9 ± 0.1' is no number"),
        ("A,c1,CT,#DIV/0!\n", "line 2, column 'dsc': '#DIV/0!' is no number"),
        ("A,c1,CT,.9\nC,c1\n", "line 3: 2 cells ('C', 'c1'); expected 4, as the first row has"),
        ("A,c1,CT,0,9\n", "line 2: 5 cells"),
        ("A,c1,,.9\nB,c1,CT,.9\n,c2,CT,.9\n", "column 'modality': nothing in line 2; expected"),
        (",c1,CT,.9\n", "column 'team': nothing in line 2"),
        ('A,c1,CT,"0,9"\nA,c2,CT,0.8\n', "'0.8', and '0,9' in line 2: a decimal point in one"),
        ('A,c1,CT,"1,234"\n', "'1,234', which may be 1234 or 1.234"),
        ("A,c1,CT,93\nB,c1,CT,0.93\n", "1 values ('0.93' in line 3) from 0 to 1, and 1 values"),
        ("A,c1,CT,93 %\nB,c1,CT,0.93\n", "without a percent sign, and 1 values ('93 %' in"),
        ("A,c1,CT,930\nB,c1,CT,0.93\n", "'930'; 1 such cells; expected a score from 0 to 1"),
    ],
)
def test_a_cell_that_can_not_be_meant_is_told_with_line_and_column(
    refused: Refused, tmp_path: Path, rows: str, said: str
) -> None:
    assert said in refused(write(tmp_path, HEAD + rows))


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("A", "A ", "'A' (line 2), 'A ' (line 3)"),
        ("A", "a", "'A' (line 2), 'a' (line 3)"),
        ("B C", "B\N{NO-BREAK SPACE}C", r"'B C' (line 2), 'B\xa0C' (line 3)"),
        ("Café", "Cafe\N{COMBINING ACUTE ACCENT}", r"'Café' (line 2), 'Cafe\u0301' (line 3)"),
    ],
)
@pytest.mark.parametrize("column", ["team", "case"])
def test_names_that_look_the_same_are_shown_so_that_they_do_not(
    refused: Refused, tmp_path: Path, one: str, other: str, shown: str, column: str
) -> None:
    frame = pd.DataFrame({"team": "T", "case": "c", "modality": "CT", "dsc": [0.9, 0.8]})
    frame[column] = [one, other]
    frame.to_csv(tmp_path / "table.csv", index=False)
    assert f"column '{column}': {shown}: names that" in refused(tmp_path / "table.csv")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("team,case,modality,dsc,dsc", "columns 4, 5 are all named 'dsc'; expected one column"),
        ("team,case,modality,DSC,Dsc", "columns 4, 5 are all named 'DSC', 'Dsc'"),
        ("team,case,modality,Dice,x", "no column 'dsc'; the columns are 'team', 'case',"),
        ("Mannschaft,Fall,modality,dsc,x", "no column 'team', 'case'; the columns are"),
    ],
)
def test_columns_that_are_missing_or_doubled_are_told_with_those_that_are_there(
    refused: Refused, tmp_path: Path, head: str, said: str
) -> None:
    assert said in refused(write(tmp_path, f"{head}\nA,c1,CT,0.9,0.8\n"))


def test_names_of_columns_match_whatever_their_capitals(ranked: Ranked, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    FRAME.rename(columns=str.upper).to_csv(path, index=False)
    assert ranked(path) == PLACES
    FRAME.rename(columns=str.capitalize).to_csv(path, index=False)
    assert ranked(path, "--metric", "DSC", "--metric", "Nsd:2") == PLACES


def test_a_metric_of_any_name_is_ranked(ranked: Ranked, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    FRAME.assign(**{"Dice score (%)": FRAME.dsc * 100, "HD95: mm": 100 - FRAME.dsc}).to_csv(path)
    assert ranked(path, "--metric", "Dice score (%):1:higher") == PLACES
    assert ranked(path, "--metric", "HD95: mm:lower") == PLACES
    assert ranked(path, "--metric", "dice SCORE (%):0.5:lower")["A"] == 3.0


def test_the_leaderboard_shows_what_was_ranked(
    ranked: Ranked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    FRAME.assign(Dice=FRAME.dsc).to_csv(path, index=False)
    assert ranked(path, "--metric", "Dice:higher") == PLACES
    said = capsys.readouterr().out
    assert " Dice " in said and "0.92" in said and "NSD" not in said


def test_a_direction_of_a_metric_of_ours_is_taken_where_it_is_right(
    ranked: Ranked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    FRAME.assign(hd95=100 - FRAME.dsc).to_csv(path, index=False)
    assert ranked(path, "--metric", "dsc:1:higher", "--metric", "hd95:lower") == PLACES
    said = capsys.readouterr().out
    assert "HD95: By `reading`: `directed`, the greater of" in said and "DSC: " not in said
    wrong = ("--metric", "dsc:1:lower")
    assert main(["rank", "--scores", str(path), *_fixed(tmp_path), *wrong]) == 2
    said = capsys.readouterr().err
    assert "dsc with direction lower; expected higher" in said and "leave the direction out" in said


def test_a_score_in_percent_counts_as_one_and_is_said(
    ranked: Ranked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    FRAME.assign(dsc=FRAME.dsc * 100).to_csv(path, index=False)
    assert ranked(path) == PLACES
    assert "column 'dsc' is from 0 to 100: read as percent" in capsys.readouterr().err
    with (tmp_path / "out" / "ranking.csv").open(encoding="utf-8") as stream:
        assert float(next(csv.DictReader(stream))["dsc"]) == pytest.approx(0.92)


def test_two_scales_in_another_tools_score_are_refused(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    FRAME.assign(Dice=FRAME.dsc.where(FRAME.team != "B", FRAME.dsc * 100)).to_csv(path)
    said = refused(path, "--metric", "Dice:1:higher")
    assert "column 'Dice': values up to 1 of 'A', 'Café', and up to 84 of 'B'" in said


def test_two_scales_within_one_team_are_said(
    ranked: Ranked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    frame = FRAME.assign(Dice=FRAME.dsc * 100)
    frame.loc[1, "Dice"] = 0.92
    frame.to_csv(path, index=False)
    ranked(path, "--metric", "Dice:1:higher")
    assert "column 'Dice' is in percent but for 0.92 in line 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["Mean", "average", "Overall:", "MEAN ± SD", "Mittelwert", "std", "Total", "all"]
)
@pytest.mark.parametrize("column", ["team", "case"])
def test_a_row_that_sums_others_up_is_no_team_and_no_case(
    refused: Refused, tmp_path: Path, name: str, column: str
) -> None:
    """It would be ranked; here it stands for every case, or of every team, as the others do."""
    more = FRAME[FRAME.team == "A"] if column == "team" else FRAME[FRAME.case == "c1"]
    table = pd.concat([FRAME, more.assign(**{column: name})])
    table.to_csv(tmp_path / "table.csv", index=False)
    said = refused(tmp_path / "table.csv")
    assert f"column '{column}': '{name}' in line 11, 12, 13, which sums up other rows" in said


def test_a_team_whose_name_has_such_a_word_is_a_team(ranked: Ranked, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    FRAME.replace({"team": {"A": "Mean Teacher", "B": "all_in"}}).to_csv(path, index=False)
    assert ranked(path) == {"Mean Teacher": 1.0, "all_in": 2.0, "Café": 3.0}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("above", ["Results of 2026", "# made by a tool", ",,,Scores,"])
def test_a_title_above_the_names_of_the_columns_is_told(
    refused: Refused, tmp_path: Path, separator: str, above: str
) -> None:
    body = FRAME.to_csv(index=False, sep=separator)
    said = refused(write(tmp_path, above.replace(",", separator) + "\n" + body))
    assert "stands above the columns' names in line 2; expected the columns' names first" in said


def test_names_of_columns_that_are_repeated_further_down_are_told(
    refused: Refused, tmp_path: Path
) -> None:
    """Two tables that were put together by `cat`."""
    said = refused(write(tmp_path, FRAME.to_csv(index=False) * 2))
    assert "line 11: the columns' names once more; expected values; remove the row" in said


@pytest.mark.parametrize("word", ["", "NA", "N/A", "nan", "None", "null", "-", "–", "#N/A", " "])
def test_every_word_for_a_missing_value_means_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    """What a missing value costs is the ranking's to say; no word for it is `no number`."""
    said = {}
    for written in ("", word):
        path = tmp_path / "table.csv"
        frame = FRAME.assign(nsd=FRAME.nsd.astype(str))
        frame.loc[(frame.team == "B") & (frame.case == "c2"), "nsd"] = written
        frame.to_csv(path, index=False)
        code = main(["rank", "--scores", str(path), *_fixed(tmp_path), "--metric", "nsd"])
        out = capsys.readouterr()
        said[written] = (code, out.out, out.err)
    assert said[word] == said[""]


@pytest.mark.parametrize(
    ("cells", "best"),
    [
        (['"1,234.5"', "999.5"], "B"),
        (["1 234.5", "999.5"], "B"),
        (["1'234", "999"], "B"),
        (['"1.234,5"', '"999,5"'], "B"),
        (["\N{MINUS SIGN}3.5", "2"], "A"),
        (["1e3", "999"], "B"),
        (['"1,234"', "0.5"], "B"),
    ],
)
def test_thousands_are_read_where_they_can_be_nothing_else(
    ranked: Ranked, tmp_path: Path, cells: list[str], best: str
) -> None:
    rows = "".join(f"{team},c1,CT,{cell}\n" for team, cell in zip("AB", cells, strict=True))
    path = write(tmp_path, f"team,case,modality,err\n{rows}")
    assert ranked(path, "--metric", "err:lower")[best] == 1.0
