"""The command line: the only place that prints, exits, and reads the environment."""

import gc
import os
import sys
import traceback
from collections.abc import Sequence

from data_manifest.errors import SegjudgeError, printable
from evaluate.cli.commands import parse

__all__ = ["main"]


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
        gc.freeze()
        gc.enable()
        code: int = options.call(options)
    except SegjudgeError as error:
        for problem in error.problems:
            _complain(str(problem))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("stopped; nothing is lost: the same command continues where it was")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, as `segjudge ... | head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain(f"{error.filename or 'system'}: {error.strerror or error}")
        return 2
    except Exception as error:  # noqa: BLE001  # the last resort: a line instead of a traceback
        if os.environ.get("SEGJUDGE_DEBUG"):
            traceback.print_exc()
        from metrics import KernelError  # not for every command: it brings numpy

        if isinstance(error, KernelError):
            _complain(str(error))
            return 2
        _complain(
            f"a defect of segjudge: {type(error).__name__}: {printable(str(error))};"
            " please report it, with the output of the same command under SEGJUDGE_DEBUG=1"
        )
        return 2
    return code


def _complain(text: str) -> None:
    sys.stderr.write(f"segjudge: {text}\n")
