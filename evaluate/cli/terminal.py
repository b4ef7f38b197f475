"""Tables and progress on a terminal; plain lines where there is none."""

import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from data_manifest.findings import Finding, Severity, printable
from data_manifest.progress import Progress

# What is printed holds others' names and words: `[b]` and `:bug:` in them are no more than letters.
_OUT = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
_ERR = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
_PLAIN_EVERY_S = 10.0
_LONGEST = 96  # columns: longer lines are hard to read
_STYLES = {"problem": "bold red", "warning": "bold yellow", "note": "bold blue"}
_MOST_CELLS = 5
_CONTROLS = {n: repr(chr(n))[1:-1] for n in (*range(32), *range(127, 160)) if chr(n) not in "\t\n"}
_MARKS = {
    Severity.PROBLEM: "LOOK  ",
    Severity.WARNING: "LOOK  ",
    Severity.NOTE: "ok    ",
    Severity.OK: "ok    ",
}
BY_SEVERITY = {severity: f"{severity:8}" for severity in Severity}
"""Instead of `LOOK` and `ok`, where three kinds of trouble are told apart."""


def say(text: str = "") -> None:
    """A line, or lines, of the command's result; whoever named things in it moves no cursor."""
    _OUT.print(text.translate(_CONTROLS))


def say_next(command: str, run_dir: Path) -> None:
    """The command that comes after this one, to be copied whatever the run directory's name."""
    say(f"next: segjudge {command} {shlex.quote(str(run_dir))}")


def warn(finding: Finding) -> None:
    """A line that the reader must not miss."""
    with suppress(OSError):  # who reads no warnings gets the result all the same
        _ERR.print(Text(f"warning: {finding}", style="bold yellow"))


def number(value: float | None, digits: int = 3) -> str:
    """A number for people; a dash where there is no value."""
    return "–" if value is None else f"{value:.{digits}f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; all but the first column are right-aligned."""
    from rich.table import Table  # takes a while, and most commands print none

    made = Table(title=printable(title), title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    _OUT.print(made)


def say_finding(finding: Finding, *, names: Mapping[Severity, str] = _MARKS) -> None:
    """One finding: how grave and what about, and below it a line for each fact.

    On a terminal, long lines are wrapped inside their column.
    """
    title = (
        f"{finding.code}: {finding.where}" if finding.code else f"{finding.where}: {finding.found}"
    )
    if not finding.code and finding.why:
        title += f" ({finding.why})"
    head = Text(names[finding.severity], style=_STYLES.get(finding.severity, ""))
    head.append(printable(title), style="bold")
    _OUT.print(head)
    facts = [("mend", finding.mend)]
    if finding.code:
        facts = [
            ("expected", finding.expected),
            ("found", finding.found),
            ("why", finding.why),
            *facts,
            *_cells_of(finding),
        ]
    facts = [fact for fact in facts if fact[1]]
    if not facts:
        return
    if not _OUT.is_terminal:
        for name, text in facts:
            say(f"  {name:9} {printable(text)}")
        return
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style="dim", min_width=11, justify="left")
    grid.add_column(overflow="fold", max_width=_LONGEST)
    for name, text in facts:
        grid.add_row(f"  {name}", Text(printable(text)))
    _OUT.print(grid, soft_wrap=False)
    say()


def _cells_of(finding: Finding) -> list[tuple[str, str]]:
    """The cells that a finding explains; a single one is the finding itself."""
    if len(finding.cells) < 2:
        return []
    shown = [
        ("cell", f"{cell.where}: {cell.recorded} recorded, {cell.found} by what is there")
        for cell in finding.cells[:_MOST_CELLS]
    ]
    more = len(finding.cells) - _MOST_CELLS
    return shown + ([("cells", f"{more} more; audit.json has all")] if more > 0 else [])


@contextmanager
def show_progress(title: str) -> Iterator[Progress]:
    """A bar with an estimate; without a terminal, a line every few seconds and one at the end."""
    if not _ERR.is_terminal:
        yield _plain(title)
        return
    from rich import progress  # takes a while, and most have no terminal

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}", markup=False),
    )
    with progress.Progress(*columns, console=_ERR) as bars:
        task = bars.add_task(title, total=None, note="")

        def update(done: int, total: int, note: str) -> None:
            bars.update(task, completed=done, total=total, note=printable(note))

        yield update


def _plain(title: str) -> Progress:
    printed = -_PLAIN_EVERY_S
    first: tuple[float, int] | None = None  # when counting began, and what was done by then

    def update(done: int, total: int, note: str) -> None:
        nonlocal printed, first
        now = time.monotonic()
        if first is None or first[1] > done:
            first = (now, done)
        if now - printed < _PLAIN_EVERY_S and done < total:
            return
        printed = now
        since, before = first
        left = (now - since) / (done - before) * (total - done) if done > before else None
        estimate = f", about {left:.0f} s left" if left else ""
        with suppress(OSError):
            sys.stderr.write(f"{title}: {done} of {total} ({printable(note)}{estimate})\n")
            sys.stderr.flush()

    return update
