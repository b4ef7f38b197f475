"""Which tests go to which process, and in which order, with `pytest -n 3`.

Tests that use the container engine count what is in it: they go one after the other, which takes
longest of all. Of the others, those go together that share what they set up. Many tests wait rather
than compute, for containers, browsers, workers and time limits: one process more than there are
cores keeps the cores busy.
"""

import ast
import functools
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent
# What takes longest begins first, so that no process is left with it when the others are done.
LONGEST = (
    "engine",
    *(str(TESTS / room) for room in ("cluster", "auditing", "checking", "participants")),
    str(TESTS / "board" / "test_board.py"),
    *(str(path) for path in sorted(TESTS.glob("harness/test_*.py"))),
    *(str(TESTS / "docs" / f"test_{name}.py") for name in ("guides", "recipes")),
    *(str(TESTS / room) for room in ("sandbox", "data_manifest", "reporting")),
)


class SideBySide(LoadScopeScheduling):
    """Hands out whole groups of tests, in the order in which they were collected."""

    def __init__(self, config: object, log: object) -> None:
        super().__init__(config, log)
        self.config.option.loadscopereorder = False  # by the number of tests, which says little

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        return group(self.config.rootpath / file, test)


def group(file: Path, test: str) -> str:
    """The name of the group that a test of a file is in."""
    marked, (name, _, parameters) = with_engine(file), test.partition("[")
    if marked & {name, ""} or (marked and "docker" in parameters):
        return "engine"
    return str(file.parent if (file.parent / "conftest.py").exists() else file)


@functools.cache
def with_engine(file: Path) -> set[str]:
    """The tests of a file that use the engine; "" among them where all may."""
    text = file.read_text(encoding="utf-8")
    if "mark.engine" not in text:
        return set()
    found = set()
    for part in ast.parse(text).body:
        is_test = isinstance(part, ast.FunctionDef) and part.name.startswith("test_")
        marks = part.decorator_list if is_test else [part]
        if any("mark.engine" in ast.unparse(mark) for mark in marks):
            found.add(part.name if is_test else "")
    return found


def turn(file: Path, test: str) -> int:
    """When a test begins: a sort key."""
    name = group(file, test)
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)
