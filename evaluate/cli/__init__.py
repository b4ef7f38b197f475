"""The command line: the only place that prints, exits, and reads the environment."""

import gc
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from data_manifest.errors import Finding, SegjudgeError
from data_manifest.findings import grouped
from evaluate.cli.commands import parse

__all__ = ["main"]

_APART = 3
"""Problems of one kind that have a line each; more are one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; None for the process's own.

    Returns:
        0 done; 1 a submission or an audit did not pass; 2 wrong use or bad input; 3 no engine;
        130 stopped by Ctrl-C.
    """
    try:
        options = parse(arguments)
        # Whatever is called gets what it is to know of the process from here.
        options.environment, options.cache = os.environ, _cache_folder()
        gc.freeze()
        gc.enable()
        code: int = options.call(options)
    except SegjudgeError as error:
        for problem in grouped(error.problems, above=_APART):
            _complain(problem)
        return error.exit_code
    except KeyboardInterrupt:
        mend = "nothing is lost: the same command continues where it was"
        _complain(Finding(where="this command", found="stopped", mend=mend))
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, as `segjudge ... | head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain(
            Finding(
                where=str(error.filename or "the system"),
                found=str(error.strerror or error),
                mend="look at its path, its rights and the room on its disk",
            )
        )
        return 2
    except UnicodeEncodeError:
        # Documents and tables keep names in UTF-8; a disk keeps any bytes.
        words = [str(word) for word in (sys.argv[1:] if arguments is None else arguments)]
        named = [word for word in words if any("\udc80" <= c <= "\udcff" for c in word)]
        _complain(
            Finding(
                where=next(iter(named), "the system"),
                found="a name that is not in UTF-8",
                expected="names that a document can keep",
                mend="rename the file or folder",
            )
        )
        return 2
    except Exception as error:  # noqa: BLE001  # the last resort: a line instead of a traceback
        if os.environ.get("SEGJUDGE_DEBUG"):
            import traceback

            traceback.print_exc()
        from metrics import KernelError  # not for every command: it brings numpy

        if isinstance(error, KernelError):
            where, fault = error.where, error.found
            _complain(Finding(where=where, found=fault, expected=error.expected, mend=error.mend))
            return 2
        _complain(
            Finding(
                where="a defect of segjudge",
                found=f"{type(error).__name__}: {error}",
                mend="please report it, with the output of the same command under SEGJUDGE_DEBUG=1",
            )
        )
        return 2
    return code


def _cache_folder() -> Path:
    """Where what was found out about images is kept; a folder of this user's."""
    said = os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(said) if said else Path.home() / ".cache"
    except RuntimeError:  # a user without a name and a home
        root = Path(tempfile.gettempdir()) / f"segjudge-cache-{getattr(os, 'getuid', int)()}"
    return root / "segjudge"


def _complain(finding: Finding) -> None:
    with suppress(OSError):  # the exit code says it, too
        said = re.sub(r"^segjudge(: | )", "", str(finding))
        sys.stderr.write(f"segjudge: {said}\n")
