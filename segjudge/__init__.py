"""The command `segjudge`: makes sure that the packages it is about to run are segjudge's own.

The import names `evaluate` and `metrics` also belong to other distributions. Where one of those
comes first, this module still starts and can say so.
"""

import gc
import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path

__all__ = ["main"]

_OURS = {"evaluate": "pipeline", "metrics": "registry.py", "data_manifest": "manifest.py"}


def _foreign_package() -> str | None:
    """What is found in place of one of our packages, as a sentence; None if all are ours."""
    for name, part in _OURS.items():
        spec = importlib.util.find_spec(name)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not any((Path(folder) / part).exists() for folder in folders):
            return f"package `{name}`: found {folders[0] if folders else 'none'}"
    return None


def main() -> int:
    """Run the command line; returns the exit code."""
    # A stream that was closed before the start is None: what is said into it is lost, no more.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    foreign = _foreign_package()
    if foreign is not None:
        sys.stderr.write(
            f"segjudge: {foreign}; expected segjudge's own, not another distribution's; install"
            " segjudge in a virtual environment of its own (`pipx install segjudge`)\n"
        )
        return 2
    # What is imported stays: looking through it for garbage, again and again while it grows, is an
    # eighth of a cold start. The command line turns it on again.
    gc.disable()
    command_line = importlib.import_module("evaluate.cli")
    # A polite end is an end like Ctrl-C's: containers are removed, what was done is kept.
    # So is that of a closed terminal, unless `nohup` has asked for the contrary.
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    code: int = command_line.main()
    return code
