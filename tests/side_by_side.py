"""Which tests go to which process, and in which order, with `pytest -n 3`.

Those go together that share what they set up. Many tests wait rather than compute, for containers,
browsers, workers and time limits: one process more than there are cores keeps the cores busy.
"""

import functools
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# What takes longest begins first, so that no process is left with it when the others are done.
LONGEST = (
    "sandbox", "cluster", "checking", "data_manifest", "auditing", "reporting", "exporting",
    "participants",
)  # fmt: skip
HARNESS = Path(__file__).parent / "harness"


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
    return str(file.parent if (file.parent / "conftest.py").exists() else file)


def turn(file: Path) -> int:
    """When the tests of a file begin: a sort key."""
    room = file.parent.name
    return LONGEST.index(room) if room in LONGEST else len(LONGEST) + (file.parent != HARNESS)
