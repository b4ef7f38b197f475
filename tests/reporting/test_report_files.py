"""The files beside the page: complete, readable by other programs, and harmless."""

import csv
import io
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from markupsafe import Markup
from synthetic_run import TEAMS, Synthetic

from evaluate.facts.scores import CaseScore
from evaluate.reporting.companions import as_csv, as_latex, as_markdown, as_svg_file, markdown_text
from evaluate.reporting.data_tables import DataColumn, DataTable
from evaluate.reporting.svg import drawing, text

HOSTILE_NAMES = [
    "=HYPERLINK(\"http://x\",\"y\")", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1",
    "a;=1+1", 'a,",b', 'a,"",b', 'b";=1', "\\input{/etc/passwd}", "\\write18{rm}",
    "a & b \\\\ c", "$x$ %", "[2cm]", "mailto:a@b.org",
    "*", "^^5cinput", "{", "}", "x~y_z#", "a|b", "[l](javascript:alert(1))", "<script>1</script>",
    "![i](http://x/i.png)", "http://x.org", "www.x.org", "`code`", "**bold**", "\x1b[31m", "\u202e",
]  # fmt: skip


def _table(name: str) -> DataTable:
    return DataTable(
        name="t",
        title=name,
        columns=(DataColumn(head=name), DataColumn(head="Score")),
        rows=((name, 0.1 + 0.2), (name, None)),
    )


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_cell_of_a_csv_is_a_formula_whichever_mark_parts_the_cells(name: str) -> None:
    data = as_csv(_table(name)).decode()
    for delimiter in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter):
            for cell in row:
                assert not cell.strip(" \n").startswith(("=", "+", "-", "@", "\t", "\r"))
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert rows[1][0].removeprefix("'") == name.removeprefix("'")
    assert [float(rows[1][1]), rows[2][1]] == [0.1 + 0.2, ""]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_cell_of_a_latex_table_is_a_command(name: str) -> None:
    body = as_latex(_table(name)).decode()
    rows = [line for line in body.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 3
    for line in rows:
        first = line.removesuffix(r" \\").rpartition(" & ")[0]
        ours = r"\\text(backslash|asciitilde|asciicircum|less|greater|bar|asciigrave)\{\}"
        left = re.sub(ours + r"|\\[{}$&#_%]|\{\\char34\}|\{[\[\]*]\}", "", first)
        assert not set(left) & set('\\{}$&#_%~^<>|`"[]*')
        assert not set(left) & {"\x1b", "\u202e", "\t", "\r"}


@pytest.mark.latex
def test_latex_accepts_the_tables(tmp_path: Path) -> None:
    document = "".join(as_latex(_table(name)).decode() for name in HOSTILE_NAMES)
    head = r"\documentclass{article}\usepackage{booktabs,longtable}\begin{document}"
    (tmp_path / "t.tex").write_text(head + document + r"\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@pytest.mark.latex
def test_latex_accepts_every_file_of_a_report(ranked_report: Path, tmp_path: Path) -> None:
    files = [*sorted((ranked_report.parent / "tables").glob("*.tex"))]
    files.append(ranked_report.parent / "methods.tex")
    head = r"\documentclass{article}\usepackage{booktabs,longtable}\begin{document}"
    body = "".join(f"{file.read_text('utf-8')}\n\n" for file in files)
    (tmp_path / "t.tex").write_text(f"{head}\n{body}\\end{{document}}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-800:].decode("utf-8", "replace")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_in_markdown_stays_in_its_cell_and_is_no_markup(name: str) -> None:
    lines = as_markdown(_table(name)).decode().splitlines()
    assert len(lines) == 6
    for line in lines[2:]:
        assert len(re.findall(r"(?<!\\)\|", line)) == 3
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", markdown_text(name))
    assert not set(bare) & set("<>[]*_`|~!\\")
    assert not re.search(r":\S", bare)
    assert "www." not in bare


def test_a_svg_file_is_xml_with_its_styles_and_no_variable() -> None:
    made = drawing(
        text(1, 2, "<b>&\x00\x1b", "team"), name="n", title='">', description="d",
        width=10, height=20,
    )  # fmt: skip
    root = ET.fromstring(as_svg_file(made))  # noqa: S314  # our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == ("10", "20")
    style = next(e for e in root if e.tag.endswith("style"))
    assert "var(" not in (style.text or "")
    assert ".blob { fill: #0072b233; }" in (style.text or "")
    assert next(e for e in root if e.tag.endswith("}text")).text == "<b>&\ufffd\ufffd"


def test_a_drawing_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match="no view box"):
        as_svg_file(Markup("<svg></svg>"))


def test_every_figure_and_table_of_the_page_is_a_file(
    ranked: Synthetic, ranked_report: Path
) -> None:
    figures = {path.stem for path in (ranked_report.parent / "figures").glob("*.svg")}
    tables = {path.name for path in (ranked_report.parent / "tables").iterdir()}
    assert figures == set(re.findall(r'class="chart ([a-z_-]+)"', ranked_report.read_text("utf-8")))
    names = ("leaderboard", "modalities-dsc", "failures", "submissions", "methods", "tests-nsd")
    assert {f"{n}.{e}" for n in names for e in ("csv", "tex", "md")} <= tables
    for page in (ranked_report.parent / "modalities").iterdir():
        own = set(re.findall(r'class="chart ([a-z_-]+)"', page.read_text("utf-8")))
        folder = ranked_report.parent / "figures" / page.stem
        assert own == {path.stem for path in folder.iterdir()} != set()
    for path in (ranked_report.parent / "figures").rglob("*.svg"):
        root = ET.fromstring(path.read_bytes())  # noqa: S314  # our own
        assert not [e for e in root.iter() if e.tag.endswith(("script", "img"))]


def test_the_failures_table_is_that_of_the_run(ranked: Synthetic, ranked_report: Path) -> None:
    with (ranked_report.parent / "tables" / "failures.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    failed = [s for s in ranked.run.read_rows(CaseScore) if s.outcome.is_failure]
    assert {(r["Team"], r["Case"], r["Outcome"]) for r in rows} == {
        (s.team, s.case, s.outcome.value) for s in failed
    }
    assert {r["Team"] for r in rows} <= set(TEAMS)
