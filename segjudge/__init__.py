"""The command `segjudge`, and what people call from Python (docs/api.md).

The import names `evaluate` and `metrics` also belong to other distributions. Where one of those
comes first, this module still starts and can say so. What is called from Python is loaded when it
is asked for first: importing segjudge stays cheap.
"""

import gc
import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluate.facts.errors import SegjudgeError
    from evaluate.facts.rules import Rules, load_protocol
    from segjudge.data_frames import FolderTables, RankedTable, RunTables
    from segjudge.in_python import compare, open_run, rank, score_folder

__all__ = [
    "FolderTables",
    "RankedTable",
    "Rules",
    "RunTables",
    "SegjudgeError",
    "compare",
    "load_protocol",
    "main",
    "open_run",
    "rank",
    "score_folder",
]

_MEND = (
    "expected segjudge's own, not another distribution's; install segjudge in a virtual environment"
    " of its own (`pipx install segjudge`)"
)
_OURS = {"evaluate": "pipeline", "metrics": "registry.py", "data_manifest": "manifest.py"}


def _foreign_package() -> str | None:
    """What is found in place of one of our packages, as a sentence; None if all are ours."""
    for name, part in _OURS.items():
        spec = importlib.util.find_spec(name)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not any((Path(folder) / part).exists() for folder in folders):
            return f"package `{name}`: found {folders[0] if folders else 'none'}"
    return None


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    foreign = _foreign_package()
    if foreign is not None:
        raise ImportError(f"{foreign}; {_MEND}")
    homes = {
        "SegjudgeError": "evaluate.facts.errors",
        "Rules": "evaluate.facts.rules",
        "load_protocol": "evaluate.facts.rules",
    }
    value: object = getattr(importlib.import_module(homes.get(name, "segjudge.in_python")), name)
    globals()[name] = value
    return value


def main() -> int:
    """Run the command line; returns the exit code."""
    # A stream that was closed before the start is None: what is said into it is lost, no more.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    foreign = _foreign_package()
    if foreign is not None:
        sys.stderr.write(f"segjudge: {foreign}; {_MEND}\n")
        return 2
    # What is imported stays: looking through it for garbage, again and again while it grows, is an
    # eighth of a cold start. The command line turns it on again.
    gc.disable()
    command_line = importlib.import_module("evaluate.cli")
    # A polite end is an end like Ctrl-C's: containers are removed, what was done is kept.
    # So is that of a closed terminal, unless `nohup` has asked for the contrary, and what a batch
    # system sends ahead of its time limit.
    for name in ("TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "XCPU", "PWR"):
        number = getattr(signal, f"SIG{name}", None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    code: int = command_line.main()
    return code
