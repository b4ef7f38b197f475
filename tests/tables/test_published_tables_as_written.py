"""`segjudge published` reads a table as anyone wrote it down, or says what can not be told."""

from pathlib import Path

import pytest

from evaluate.cli import main

TABLE = """team;DSC;NSD;Time
nnU-Net 2.1;{0};0,922;{1}
B;0,871;0,902;999,5
C;0,861;0,882;35,5
"""


def said(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["published", str(path)])
    found = capsys.readouterr()
    return code, found.out + found.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_decimal_commas_are_read_although_a_name_has_a_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(TABLE.format("0,912", "12,5").replace("B", "Bé").encode(encoding))
    assert said(path, capsys)[0] == 0


@pytest.mark.parametrize(
    ("dsc", "time", "words"),
    [
        ("0.912", "12,5", "'0.912'"),
        ("91,2", "12,5", "DSC"),
        ("abc", "12,5", "'abc' is no number"),
    ],
)
def test_a_cell_that_can_not_be_meant_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dsc: str, time: str, words: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(TABLE.format(dsc, time), encoding="utf-8")
    code, text = said(path, capsys)
    assert code and words in text and "line 2" in text


def test_a_fraction_in_a_column_of_percent_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("team,DSC\nA,91.2\nB,0.88\nC,85.1\n", encoding="utf-8")
    code, text = said(path, capsys)
    assert code == 1 and "0.88" in text and "line 3" in text


def test_two_teams_that_look_the_same_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("team,DSC\nTeam A,0.91\nTeam  A,0.88\n", encoding="utf-8")
    code, text = said(path, capsys)
    assert code == 2 and "'Team A' (line 2), 'Team  A' (line 3)" in text


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("team,rank,DSC\nA,1st,.9\nB,2nd,.8\n", 0, "column rank: not looked at"),
        ("team,rank,DSC\nA,1=,.9\nB,1=,.9\n", 0, "column rank: not looked at"),
        ("team,rank,DSC\nA,1,.9\nB,3,.8\n", 0, "ranks: 3, and 1 before it: are all teams in"),
        ("team,rank,DSC\nA,0,.9\nB,1,.8\n", 0, "ranks: 0, and 0 before it"),
        ("team,DSC\nA,.9\nB,.7\nA,.8\n", 2, "lines 2, 4: 'A' 2 times; expected a row for each"),
    ],
)
def test_a_column_that_is_no_number_and_a_place_that_is_missing_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, words: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    answer = said(path, capsys)
    assert answer[0] == code and words in answer[1]


@pytest.mark.parametrize("places", ["1,2,3", "1,1,3", "1,1,2", "1.5,1.5,3", "2,2,3"])
def test_places_of_every_way_to_part_a_tie_are_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], places: str
) -> None:
    path = tmp_path / "table.csv"
    rows = zip("ABC", places.split(","), strict=True)
    path.write_text(
        "team,rank,DSC\n" + "".join(f"{team},{place},.9\n" for team, place in rows),
        encoding="utf-8",
    )
    assert "before it" not in said(path, capsys)[1]
