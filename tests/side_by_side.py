"""Which tests may run at the same time, in two processes.

Tests that use the container engine count what is in it and measure what a container needs: they go
one after the other, with the rest of their files. Of the others, those go together that share what
they set up.
"""

import functools
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling


class SideBySide(LoadScopeScheduling):
    """Hands out whole groups of tests, large ones first."""

    def _split_scope(self, nodeid: str) -> str:
        return group(self.config.rootpath / nodeid.partition("::")[0])


@functools.cache
def group(file: Path) -> str:
    """The name of the group that the tests of a file are in."""
    if "mark.engine" in file.read_text(encoding="utf-8"):
        return "engine"
    return str(file.parent if (file.parent / "conftest.py").exists() else file)
