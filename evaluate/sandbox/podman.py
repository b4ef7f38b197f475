"""Podman's service, which speaks Docker's protocol: started for one sandbox, and ended with it."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_manifest.errors import printable
from evaluate.facts.errors import EngineMissingError
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch

_START_S = 30.0
_END_S = 20.0
# Whoever holds the other end of its input may be killed: then the service ends, too.
_KEEPER = (
    'exec 3<&0; "$@" 3<&- & service=$!; (read -r _ <&3; kill $service) >&- 2>&- & wait $service'
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
    folder = make_scratch("podman")
    chosen = () if runtime is None else ("--runtime", runtime)
    address = f"unix://{folder / 'podman.sock'}"
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
                keeper.kill()
    finally:
        remove_tree(folder)


def _answers(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(str(where)) == 0


def _await(keeper: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + _START_S
    while not _answers(folder / "podman.sock"):
        if keeper.poll() is not None or time.monotonic() > until:
            said = (folder / "log").read_text("utf-8", "replace").strip().splitlines()
            raise EngineMissingError(
                where="--sandbox podman",
                found=f"its service does not start: {printable(said[-1]) if said else 'no word'}",
                mend="see whether `podman info` works for this user",
            )
        time.sleep(0.02)
