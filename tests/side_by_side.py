"""Which tests go to which process, and in which order, with `pytest -n 3`.

Tests that use the container engine count what is in it: they go one after the other, with the rest
of their files. Of the others, those go together that share what they set up. Many tests wait rather
than compute, for containers, browsers, workers and time limits: one process more than there are
cores keeps the cores busy.
"""

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
        return group(self.config.rootpath / nodeid.partition("::")[0])


@functools.cache
def group(file: Path) -> str:
    """The name of the group that the tests of a file are in."""
    if "mark.engine" in file.read_text(encoding="utf-8"):
        return "engine"
    return str(file.parent if (file.parent / "conftest.py").exists() else file)


def turn(file: Path) -> int:
    """When the tests of a file begin: a sort key."""
    return LONGEST.index(group(file)) if group(file) in LONGEST else len(LONGEST)
