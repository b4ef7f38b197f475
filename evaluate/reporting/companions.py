"""The files beside the page: every figure as SVG, every table as CSV, LaTeX and Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from evaluate.reporting.data_tables import DataTable
from evaluate.reporting.figure_files import as_svg_file
from evaluate.reporting.table_files import as_csv, as_latex, as_markdown, latex_text, markdown_text
from evaluate.store import RunDirectory


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
