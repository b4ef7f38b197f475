"""Commands of segjudge, one after another, where what only this system has is missing.

    python elsewhere.py win32|darwin COMMANDS.json

COMMANDS.json is a list of command lines; printed is a list of code, output and complaints of each.
What other packages need of this system was imported before; what Windows refuses is refused: a file
that is open is neither renamed, replaced nor removed, a name that is taken is not renamed to, and
there are names that no file can have.
"""

# It replaces what pathlib stands on, prints its answer, and reports whatever a command raises.
# ruff: noqa: BLE001, C901, PTH112, PTH115, PTH119, PTH208, T201
import contextlib
import importlib
import io
import json
import os
import pkgutil
import shutil
import signal
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

_OTHERS = """
asyncio concurrent.futures.process cryptography.hazmat.primitives.asymmetric.ed25519
distributed docker http.server importlib.metadata jinja2 multiprocessing.synchronize
nibabel openpyxl pandas PIL.Image platform psutil pyarrow.parquet pydicom rich.console
rich.progress scipy.ndimage scipy.spatial scipy.stats securesystemslib.signer SimpleITK
sqlite3 starlette.applications subprocess sysconfig tempfile urllib.request uuid uvicorn
zoneinfo zstandard
"""
_POSIX = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty")
_ONLY_HERE = {
    "win32": (
        *("getuid", "geteuid", "getgid", "getegid", "fork", "setsid", "killpg", "getpgid", "chown"),
        *("fchmod", "wait4", "WNOHANG", "statvfs", "mkfifo", "uname", "getloadavg", "sysconf"),
        *("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "sched_getaffinity"),
    ),
    "darwin": ("sched_getaffinity", "sched_setaffinity", "O_PATH", "memfd_create", "pidfd_open"),
}
_SIGNALS = ("SIGKILL", "SIGHUP", "SIGQUIT", "SIGSTOP", "SIGUSR1", "SIGALRM")
_OURS = ("evaluate", "metrics", "data_manifest", "segjudge")
_NO_NAMES = {"CON", "PRN", "AUX", "NUL", *(f"{n}{k}" for n in ("COM", "LPT") for k in range(10))}


def pretend(system: str) -> None:
    """Take away what the system has not, and refuse what it refuses."""
    for name in _OTHERS.split():  # while the system is what it is
        importlib.import_module(name)
    if system == "win32":
        _refuse_as_windows()
    for name in _ONLY_HERE[system]:
        if hasattr(os, name):
            delattr(os, name)
    if system == "win32":
        for name in _POSIX:
            sys.modules[name] = None  # type: ignore[assignment]  # so that to import it fails
        for name in _SIGNALS:
            delattr(signal, name)
        locks = types.SimpleNamespace(LK_NBLCK=1, locking=lambda *_: None)
        sys.modules["msvcrt"] = locks  # type: ignore[assignment]
    _hide_kernel_files()
    sys.platform = system


def _refuse_as_windows() -> None:
    replace, rename, remove, make, opened = os.replace, os.rename, os.unlink, os.mkdir, io.open
    low_open, disk_usage = os.open, shutil.disk_usage(".")

    def refuse_open(*paths: Any) -> None:
        held = set()
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                held.add(os.readlink(f"/proc/self/fd/{number}"))
        for path in paths:
            whole = os.path.realpath(path)
            if any(one == whole or one.startswith(f"{whole}/") for one in held):
                raise PermissionError(13, "being used by another process", str(path))

    def refuse_name(path: Any) -> None:
        name = os.path.basename(os.fspath(path)) if not isinstance(path, int) else ""
        plain = name.partition(".")[0].upper() in _NO_NAMES
        if plain or set(name) & set('<>:"|?*\\') or name.endswith((" ", ".")):
            raise OSError(22, "no name of a file on Windows", str(path))

    def renaming(old: Any, new: Any, **_: Any) -> None:
        if os.path.lexists(new):
            raise FileExistsError(17, "there already", str(new))
        refuse_open(old)
        refuse_name(new)
        rename(old, new)

    def replacing(old: Any, new: Any, **_: Any) -> None:
        refuse_open(old, new)
        refuse_name(new)
        replace(old, new)

    def removing(path: Any, *, dir_fd: int | None = None) -> None:
        refuse_descriptors(dir_fd)
        refuse_open(path)
        remove(path)

    def opening_low(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        refuse_descriptors(dir_fd)
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return low_open(path, flags, mode)

    def refuse_descriptors(number: int | None) -> None:
        if number is not None:
            raise NotImplementedError("dir_fd unavailable on this platform")

    def making(path: Any, mode: int = 0o777, **options: Any) -> None:
        refuse_name(path)
        make(path, mode, **options)

    def opening(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        if set(mode) & set("wax"):
            refuse_name(file)
        return opened(file, mode, *more, **options)

    os.rename, os.replace, os.mkdir = renaming, replacing, making
    os.unlink = os.remove = removing
    os.open = opening_low
    shutil.disk_usage = lambda _: disk_usage  # Windows has another way
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    io.open = opening  # type: ignore[assignment]
    __builtins__.open = opening


def _hide_kernel_files() -> None:
    """From us alone: the packages that read them here have other ways there."""
    opened, stat = io.open, os.stat

    def looking(path: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(("/proc/", "/sys/")) and _asked_by_us():
            raise FileNotFoundError(2, "no such file", str(path))
        return stat(path, **options)

    os.stat = looking

    def opening(file: Any, *more: Any, **options: Any) -> Any:
        if str(file).startswith(("/proc/", "/sys/")) and _asked_by_us():
            raise FileNotFoundError(2, "no such file", str(file))
        return opened(file, *more, **options)

    io.open = opening  # type: ignore[assignment]
    __builtins__.open = opening


def _asked_by_us() -> bool:
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in (
        "pathlib",
        "io",
        "os",
    ):
        frame = frame.f_back  # type: ignore[assignment]
    return frame.f_globals.get("__name__", "").partition(".")[0] in _OURS


def called(main: Callable[[list[str]], int], line: list[str]) -> tuple[int, str, str]:
    """One command's code, output and complaints."""
    out, complaints = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
        try:
            code = main(line)
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException:
            traceback.print_exc()
            code = 1
    return code, out.getvalue(), complaints.getvalue()


def import_everything() -> list[str]:
    """Modules of ours that can't be imported here, and why."""
    broken = []
    for name in _OURS:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name.endswith(("__main__", "._kernel")):  # a library, no module
                continue
            try:
                importlib.import_module(module.name)
            except Exception as error:
                broken.append(f"{module.name}: {type(error).__name__}: {error}")
    return broken


if __name__ == "__main__":
    pretend(sys.argv[1])
    from evaluate.cli import main

    lines = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    made = [called(main, line) for line in lines]
    print(json.dumps({"commands": made, "broken": import_everything()}))
