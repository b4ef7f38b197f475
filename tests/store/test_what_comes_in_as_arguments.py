"""Below the command line nothing reads the process's environment or home: both are arguments."""

import re
from pathlib import Path

_EVALUATE = Path(__file__).parents[2] / "evaluate"
_READS = re.compile(r"os\.environ|os\.getenv|Path\.home|expanduser")


def test_only_the_command_line_reads_the_environment_and_the_home() -> None:
    reading = {
        path.relative_to(_EVALUATE).as_posix()
        for path in _EVALUATE.rglob("*.py")
        if _READS.search(path.read_text("utf-8"))
    }
    assert reading == {"cli/__init__.py"}
