"""`rank --scores` reads spreadsheets, Parquet, JSON lines, and tables in Markdown and LaTeX.

They are written by pandas, whose numbers have to arrive to the last digit; what can be read in two
ways is refused in one line that names the cell.
"""

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from evaluate.cli import main

TEAMS = {"A": 0.91, "B_2": 0.82, "Café": 0.75}
FRAME = pd.DataFrame(
    [
        {"team": team, "case": f"c{case}", "modality": "CT", "dsc": dsc + case / 70}
        for team, dsc in TEAMS.items()
        for case in range(2)
    ]
)
PLACES = {"A": 1, "B_2": 2, "Café": 3}


@pytest.fixture
def rank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], object]:
    """The places and the first team's mean, or what the command says of a table it refuses."""

    def call(table: Path) -> object:
        fixed = ["--protocol", "segjudge", "--out", str(tmp_path / "out"), "--bootstrap", "0"]
        code = main(["rank", "--scores", str(table), *fixed, "--metric", "dsc"])
        said = capsys.readouterr().err
        if code:
            assert code == 2
            assert len(said.splitlines()) == 1
            return said
        rows = pd.read_csv(tmp_path / "out" / "ranking.csv").set_index("team")
        assert rows["dsc"]["A"] == pytest.approx(FRAME["dsc"][:2].mean(), rel=1e-15)
        return rows["rank"].to_dict()

    return call


def to_latex(frame: pd.DataFrame, path: Path) -> None:
    text = frame.astype(object).map(lambda v: repr(v) if isinstance(v, float) else v)
    text.loc[0, "dsc"] = rf"\textbf{{${text.loc[0, 'dsc']}$}}"
    text["team"] = text["team"].str.replace("_", r"\_")
    styled = text.to_latex(index=False).replace(r"\midrule", "\\midrule % best in bold")
    path.write_text(f"\\begin{{table}}\n{styled}\\end{{table}}\n", encoding="utf-8")


def to_markdown(frame: pd.DataFrame, path: Path) -> None:
    text = frame.astype(object).map(lambda v: repr(v) if isinstance(v, float) else v)
    text.loc[0, "dsc"] = f"**{text.loc[0, 'dsc']}**"
    rows = [list(frame.columns), ["---", ":--", ":-:", "--:"], *text.values.tolist()]
    lines = "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
    path.write_text(f"# Results\n\n{lines}\n\nBest in bold.\n", encoding="utf-8")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "tsv": lambda frame, path: frame.to_csv(path, sep="\t", index=False),
    "xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "jsonl": lambda frame, path: frame.to_json(
        path, orient="records", lines=True, double_precision=15
    ),
    "md": to_markdown,
    "tex": to_latex,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_every_form_gives_the_same_places(
    rank: Callable[[Path], object], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"table.{ending}"
    WRITERS[ending](FRAME, path)
    assert rank(path) == PLACES


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "jsonl"])
def test_a_cell_without_a_value_is_a_missing_one(
    rank: Callable[[Path], object], tmp_path: Path, ending: str
) -> None:
    frame = FRAME.copy()
    frame.loc[5, "dsc"] = None
    path = tmp_path / f"table.{ending}"
    WRITERS[ending](frame, path)
    assert rank(path) == PLACES


def workbook(path: Path, change: Callable[[openpyxl.Workbook], object]) -> Path:
    FRAME.to_excel(path, index=False)
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda book: book.create_sheet("Old").append(["a"]), "2 sheets with cells: 'Sheet1', 'O"),
        (lambda book: book.active.__setitem__("D3", "=D2/2"), "cell D3: =D2/2 without its value"),
        (
            lambda book: book.active.__setitem__("B3", pd.Timestamp("2026-01-02")),
            "cell B3: a date (2026-01-02 00:00:00); expected text or a number; write it as text",
        ),
        (lambda book: book.active.__setitem__("D3", True), "cell D3: True; expected text or"),
        (lambda book: book.active.merge_cells("A2:A3"), "A2:A3: merged cells"),
        (lambda book: book.active.__setitem__("D3", "0.9 ± 0.1"), "line 3, column 'dsc': '0.9"),
        (lambda book: setattr(book.active.row_dimensions[3], "hidden", True), "row 3 is hidden"),
        (lambda book: setattr(book.active.column_dimensions["D"], "hidden", True), "column D is"),
        (lambda book: book.active.__setitem__("Z9", "a note"), "remove what stands beside the"),
    ],
)  # fmt: skip
def test_a_spreadsheets_cell_that_can_mean_two_things_is_refused(
    rank: Callable[[Path], object],
    tmp_path: Path,
    change: Callable[[openpyxl.Workbook], object],
    said: str,
) -> None:
    answer = rank(workbook(tmp_path / "table.xlsx", change))
    assert isinstance(answer, str)
    assert said in answer


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"team": "A", "team": "B"}', "line 1: a key that is there twice"),
        ("a.jsonl", '{"team": "A"}\n[1]', "line 2: [1]; expected a JSON object"),
        ("a.jsonl", '{"team": "A", "dsc": [1]}', "line 1, key 'dsc': [1]; expected text or a"),
        ("a.md", "| team |\n| A |\n", "line 2: no line of dashes"),
        ("a.md", "|team|\n|-|\n|A|\n\n|team|\n|-|\n", "another one begins in line 5"),
        ("a.tex", r"\begin{tabular}{l}a\\\end{tabular}\begin{tabular}{l}\end{tabular}", "2 tables"),
        (
            "a.tex",
            "\\begin{tabular}{l}\nteam\\\\\n\\multirow{2}{*}{A}\\\\\n\\end{tabular}",
            "line 3: \\multirow{2}",
        ),
    ],
)  # fmt: skip
def test_a_text_that_can_be_read_in_two_ways_is_refused_by_its_line(
    rank: Callable[[Path], object], tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    answer = rank(tmp_path / name)
    assert isinstance(answer, str)
    assert said in answer


def test_a_papers_table_is_checked_as_it_stands_in_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ranks that its values contradict."""
    path = tmp_path / "table.tex"
    rows = ["Team & Rank & DSC", r"A & 1 & \textbf{0.80}", "B & 2 & 0.90", "C & 3 & 0.70"]
    lines = " \\\\\n".join(rows)
    path.write_text(f"\\begin{{tabular}}{{lrr}}\n{lines} \\\\\n\\end{{tabular}}\n")
    assert main(["published", str(path)]) == 1
    assert "ranks: A before B" in capsys.readouterr().out
