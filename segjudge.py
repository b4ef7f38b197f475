"""The command `segjudge`: makes sure that the packages it is about to run are segjudge's own.

The import names `evaluate` and `metrics` also belong to other distributions. Where one of those
comes first, this module still starts and can say so.
"""

import importlib
import signal
import sys
from pathlib import Path

__all__ = ["main"]

_PACKAGES = ("evaluate.pipeline", "metrics.records", "data_manifest.manifest")


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        for name in _PACKAGES:
            importlib.import_module(name)
        command_line = importlib.import_module("evaluate.cli")
    except ImportError as error:
        top = (error.name or "").partition(".")[0]
        package = sys.modules.get(top)
        if top not in {name.partition(".")[0] for name in _PACKAGES} or package is None:
            raise
        found = Path(package.__file__).parent if package.__file__ else "a folder without code"
        sys.stderr.write(
            f"segjudge: package `{top}`: found another distribution's, in {found}; expected"
            " segjudge's own; install segjudge in a virtual environment of its own"
            " (`pipx install segjudge`)\n"
        )
        return 2
    # A polite end is an end like Ctrl-C's: containers are removed, what was done is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code: int = command_line.main()
    return code


if __name__ == "__main__":
    sys.exit(main())
