"""The files beside the page: every figure as SVG, every table as CSV, LaTeX and Markdown.

A team, a case or a reason may hold whatever its author liked: a formula that a spreadsheet would
run, a command of LaTeX, a link, a tag. No cell of a table is anything but text or a number.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from markupsafe import Markup, escape

from data_manifest.errors import printable
from evaluate.reporting.data_tables import DataColumn, DataTable, Value
from evaluate.reporting.quantities import DASH, clipped
from evaluate.store import RunDirectory

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 120
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
    '"': r"{\char34}", "[": "{[}", "]": "{]}", "*": "{*}", DASH: "--", "…": r"\ldots{}",
}  # fmt: skip
_MARKDOWN = {
    **{mark: f"\\{mark}" for mark in "\\`*_[]|~$#@.!"},
    "&": "&amp;", "<": "&lt;", ">": "&gt;",
}  # fmt: skip


def csv_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run.

    >>> csv_cell("=1+1"), csv_cell("team-a")
    ("'=1+1", 'team-a')
    """
    return f"'{text}" if text.lstrip(" \n")[:1] in _FORMULA and text.strip() else text


def latex_text(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> latex_text(r"a_b \input{x}")
    'a\\_b \\textbackslash{}input\\{x\\}'
    """
    escaped = "".join(_LATEX.get(character, character) for character in printable(text))
    return escaped.replace("?'", "?{}'").replace("!'", "!{}'")


def markdown_text(text: str) -> str:
    r"""Text that Markdown, with tables and automatic links, shows as it is.

    >>> markdown_text("a|b <b> www.x.org")
    'a\\|b &lt;b&gt; www\\.x\\.org'
    """
    escaped = "".join(_MARKDOWN.get(character, character) for character in printable(text))
    return re.sub(r":(?=\S)", r"\\:", escaped)  # no address becomes a link


def as_csv(table: DataTable) -> bytes:
    """Full precision, an empty cell where there is no value; text always in quotes.

    Quotes keep a cell whole for a spreadsheet that parts cells at semicolons.
    """
    rows = [tuple(column.head for column in table.columns), *table.rows]
    lines = [",".join(map(_csv_field, row)) + "\n" for row in rows]
    return "".join(lines).encode("utf-8")


def _csv_field(value: Value) -> str:
    if isinstance(value, str):
        quoted = csv_cell(value).replace('"', '""')
        return f'"{quoted}"'
    return "" if value is None else repr(value)


def as_latex(table: DataTable) -> bytes:
    """A long table with rules, rounded as on the page."""
    numeric = [_is_numeric(table, i) for i in range(len(table.columns))]
    heads = [latex_text(column.head) for column in table.columns]
    lines = [
        r"% \usepackage{booktabs,longtable}",
        rf"\begin{{longtable}}{{{''.join('r' if right else 'l' for right in numeric)}}}",
        rf"\caption{{{latex_text(table.title)}}}\\",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        r"\endhead",
        *(" & ".join(map(latex_text, _texts(table, row))) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{longtable}",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def as_markdown(table: DataTable) -> bytes:
    """A table of GitHub's Markdown, rounded as on the page."""
    sides = ["---:" if _is_numeric(table, i) else "---" for i in range(len(table.columns))]
    lines = [
        f"**{markdown_text(table.title)}**",
        "",
        _row([markdown_text(column.head) for column in table.columns]),
        _row(sides),
    ]
    for row in table.rows:
        texts = _texts(table, row)
        # Numbers are ours: an escaped point in each would only be hard to read.
        cells = [
            markdown_text(text) if isinstance(value, str) else text
            for text, value in zip(texts, row, strict=True)
        ]
        lines.append(_row(cells))
    return ("\n".join(lines) + "\n").encode("utf-8")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_numeric(table: DataTable, column: int) -> bool:
    values = [row[column] for row in table.rows if row[column] is not None]
    return bool(values) and not any(isinstance(value, str) for value in values)


def _texts(table: DataTable, row: tuple[Value, ...]) -> list[str]:
    return [_text(column, value) for column, value in zip(table.columns, row, strict=True)]


def _text(column: DataColumn, value: Value) -> str:
    if value is None:
        return DASH
    if isinstance(value, str):
        return clipped(value, _WIDEST)
    return column.as_text(value).replace("\N{NO-BREAK SPACE}", " ")


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VIEW_BOX = re.compile(r'viewBox="0 0 (\S+) (\S+)"')


def as_svg_file(drawing: Markup) -> bytes:
    """The drawing with its styles in it; colours are plain, since few programs know variables."""
    head, _, rest = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(drawing)).partition(">")
    size = _VIEW_BOX.search(head)
    if size is None:
        raise ValueError("the drawing has no view box")
    width, height = size.groups()
    head = head.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}"'
                        f' height="{height}"', 1)  # fmt: skip
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    style = f"<style>{escape(_styles())}</style>"
    return f"{head}>{style}{paper}{rest}\n".encode()


def _styles() -> str:
    """The charts' style sheet with the values of the light theme."""
    templates = resources.files("evaluate.reporting") / "templates"
    page = (templates / "style.css").read_text(encoding="utf-8")
    light = page[page.index(":root {") : page.index("}")]
    values = dict(re.findall(r"--([a-z-]+): ([^;]+);", light))
    charts = (templates / "charts.css").read_text(encoding="utf-8")
    return re.sub(r"var\(--([a-z-]+)\)", lambda match: values[match[1]], charts)


def write_figures(run: RunDirectory, drawings: Mapping[str, Markup]) -> None:
    """Write `report/figures/NAME.svg` of each drawing; the names are ours."""
    files = ((f"{name}.svg", as_svg_file(drawing)) for name, drawing in drawings.items())
    run.write_folder("report/figures", files)


def write_tables(run: RunDirectory, tables: Iterable[DataTable]) -> None:
    """Write `report/tables/NAME.csv`, `.tex` and `.md` of each table; the names are ours."""
    for table in tables:
        for ending, write in (("csv", as_csv), ("tex", as_latex), ("md", as_markdown)):
            run.write_document(f"report/tables/{table.name}.{ending}", write(table))


def write_methods(run: RunDirectory, paragraphs: Sequence[str]) -> None:
    """Write the methods section as `report/methods.tex` and `.md`."""
    for ending, escaped in (("tex", latex_text), ("md", markdown_text)):
        plain = [text.replace("\N{NO-BREAK SPACE}", " ") for text in paragraphs]
        text = "\n\n".join(map(escaped, plain)) + "\n"
        run.write_document(f"report/methods.{ending}", text.encode("utf-8"))
