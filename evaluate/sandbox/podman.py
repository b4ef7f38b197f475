"""Podman's service, which speaks Docker's protocol: started for one sandbox, and ended with it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_manifest.errors import printable
from evaluate.facts.errors import EngineMissingError
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch, remove_stale_scratch

_START_S = 30.0
_END_S = 20.0
_SOCKET, _LONGEST_PATH = "podman.sock", 107  # bytes that the kernel takes
_SHORT = Path("/tmp")  # noqa: S108 - the folder in it is new, and this user's alone
# Whoever holds the other end of its input may be killed: then the service ends, too, and whatever
# it has started (an ordinary user's is two processes, of which one may outlive the other).
_KEEPER = (
    'exec 3<&0; "$@" 3<&- & service=$!; (read -r _ <&3; kill $service) >&- 2>&- & wait $service;'
    " kill -9 0"
)


@contextlib.contextmanager
def podman_service(environment: Mapping[str, str], runtime: str | None) -> Iterator[dict[str, str]]:
    """The environment with `DOCKER_HOST`, where Podman answers on a private socket.

    Args:
        environment: the command's variables, by which Podman finds its settings.
        runtime: what is to run its containers; None for its own choice.

    Raises:
        EngineMissingError: it is not installed, or does not start.
    """
    program = shutil.which("podman", path=environment.get("PATH"))
    if program is None:
        raise EngineMissingError(
            where="--sandbox podman",
            found="no podman is installed",
            mend="install podman, or name a service of it that runs in DOCKER_HOST",
        )
    folder = _folder_of_a_socket()
    chosen = () if runtime is None else ("--runtime", runtime)
    address = f"unix://{folder / _SOCKET}"
    command = [program, *chosen, "system", "service", "--time=0", address]
    try:
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(  # noqa: S603 - a fixed script; all else are its arguments
                ["/bin/sh", "-c", _KEEPER, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,  # where conmon leaves a file when memory runs out
                env=dict(environment),
                start_new_session=True,  # Ctrl-C is the harness's to handle
            ) as keeper,
        ):
            try:
                _await(keeper, folder)
                yield {**environment, "DOCKER_HOST": address}
            finally:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    keeper.communicate(timeout=_END_S)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(keeper.pid, signal.SIGKILL)
    finally:
        remove_tree(folder)


def _folder_of_a_socket() -> Path:
    """Below /tmp where that of temporary files is too deep, as a cluster's worker's is."""
    folder = make_scratch("podman")
    if len(os.fsencode(folder / _SOCKET)) <= _LONGEST_PATH:
        return folder
    remove_tree(folder)
    remove_stale_scratch(_SHORT)
    return make_scratch("podman", within=_SHORT)


def _answers(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(str(where)) == 0


def _await(keeper: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + _START_S
    while not _answers(folder / _SOCKET):
        if keeper.poll() is not None or time.monotonic() > until:
            said = (folder / "log").read_text("utf-8", "replace").strip().splitlines()
            raise EngineMissingError(
                where="--sandbox podman",
                found=f"its service does not start: {printable(said[-1]) if said else 'no word'}",
                mend="see whether `podman info` works for this user",
            )
        time.sleep(0.02)
