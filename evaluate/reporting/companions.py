"""The files beside the page: every figure as SVG, every table as CSV, LaTeX and Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from markupsafe import Markup, escape

from evaluate.reporting.data_tables import DataTable
from evaluate.reporting.table_files import as_csv, as_latex, as_markdown, latex_text, markdown_text
from evaluate.store import RunDirectory

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
