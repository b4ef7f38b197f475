"""A scheduler and workers as processes of their own, which a test may harm."""

import csv
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

# `2DBox_US_2` crashes: a failure that is the team's.
FILL_BOXES = """
import os, pathlib, sys, time
import numpy as np
inputs = pathlib.Path(os.environ.get('SEGJUDGE_INPUTS', '/workspace/inputs'))
outputs = pathlib.Path(os.environ.get('SEGJUDGE_OUTPUTS', '/workspace/outputs'))
for path in sorted(inputs.glob('*.npz')):
    case = np.load(path, allow_pickle=False)
    if path.stem.endswith('US_2'): sys.exit(3)
    volume = case['boxes'].shape[1] == 6
    segs = np.zeros(case['imgs'].shape if volume else case['imgs'].shape[:2], np.uint8)
    for label, box in enumerate(case['boxes'], start=1):
        low, high = np.split(box, 2)
        segs[tuple(slice(a, b + 1) for a, b in zip(low[::-1], high[::-1]))] = label
    np.savez_compressed(outputs / path.name, segs=segs)
"""
# Each container leaves a file in a folder; all but the first ones wait there.
WAIT = """
import os, pathlib, time
here = pathlib.Path({folder!r})
(here / str(os.getpid())).touch()
while len(list(here.iterdir())) > {first} and not (here / 'go').exists(): time.sleep(0.02)
"""
MEASURED = {"wall_s", "cpu_s", "peak_memory_mib", "started_at", "startup_s", "others_cpus"}
MEASURED |= {"file_pages_mib", "throttled_s", "machine"}
# No engine is looked for, and what is gone is found gone soon.
QUICK = os.environ | {
    "DOCKER_HOST": "unix:///nowhere.sock",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s",
    "DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "",
    "PYTHONWARNINGS": "",
}


def submission_in(folder: Path, lines: str) -> Path:
    """A submission of these lines of Python."""
    folder.mkdir(parents=True)
    (folder / "predict.sh").write_text("exec python3 -B predict.py\n")
    (folder / "predict.py").write_text(lines)
    return folder


def waiting_in(folder: Path, *, first: int = 0) -> str:
    """`FILL_BOXES`, whose containers but for so many wait until `go` is in a folder."""
    folder.mkdir()
    return WAIT.format(folder=str(folder), first=first) + FILL_BOXES


def began(root: Path) -> bool:
    """Whether a counted container was started."""
    return bool(begun_in(root))


def begun_in(root: Path) -> list[tuple[str, str, int]]:
    """All attempts that began."""
    return _asked(root, "select team, case_id, round from attempts")


def without(folder: Path) -> tuple[str, ...]:
    """Starts a program that does not see a folder's content."""
    return ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {folder} && exec "$@"', "sh")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], *, within_s: float = 60.0, what: str = "it") -> None:
    """Wait for something to become true."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"{what} did not come within {within_s:g} s"
        time.sleep(0.05)


def run_command(
    *arguments: object, cwd: Path, before: Sequence[str] = (), **options: object
) -> "subprocess.Popen[str]":
    """The command `segjudge` as a process that a test may harm."""
    return subprocess.Popen(
        [*before, sys.executable, "-m", "segjudge", *map(str, arguments)],
        cwd=cwd, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        **{"env": QUICK, **options},
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a command that must end well; returns what it said."""
    said, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, said
    return said


def arguments(manifest: Path, root: Path, submissions: dict[str, Path], *more: object) -> list[str]:
    """Of `segjudge run` in the local sandbox."""
    named = [w for team, path in submissions.items() for w in ("--submission", f"{team}={path}")]
    options = ["--manifest", str(manifest), "--protocol", "cvpr24", "--sandbox", "local"]
    return ["run", *options, *named, *map(str, more), str(root)]


def rows(path: Path) -> list[dict[str, str]]:
    """A table without what differs from run to run."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            {k: v for k, v in row.items() if k not in MEASURED} for row in csv.DictReader(stream)
        ]


def ledger_of(root: Path) -> list[tuple[str, str, int]]:
    """All attempts that ended: what was lost is missing here, and what was kept twice is twice."""
    return _asked(root, "select team, case_id, round from attempts where outcome is not null")


def _asked(root: Path, query: str) -> list[tuple[str, str, int]]:
    name = f"file:{root / 'ledger.sqlite'}?mode=ro"
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(name, uri=True)) as ledger,
    ):
        return ledger.execute(query).fetchall()
    return []


class Wire:
    """Between a host and the scheduler; can be cut.

    Args:
        address: of the scheduler.
    """

    def __init__(self, address: str) -> None:
        host, port = address.rpartition("/")[2].split(":")
        self._there, self._port = (host, int(port)), free_port()
        self.address = f"tcp://{host}:{self._port}"
        self._ends: list[socket.socket] = []
        self.mend()

    def mend(self) -> None:
        """Listen, and pass on what comes."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Nothing passes, and nobody answers."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(self._there)
                except OSError:
                    near.close()
                    continue
                self._ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):
        while data := here.recv(1 << 16):
            there.sendall(data)
    for end in (here, there):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class Hosts:
    """A scheduler, and workers in folders of their own, as so many hosts would be.

    Args:
        folder: for them.
        scheme: `tcp` or `tls`.
        tls: folder of the certificates.
    """

    def __init__(self, folder: Path, *, scheme: str = "tcp", tls: Path | None = None) -> None:
        self.folder, self.tls = folder, tls
        self.address = f"{scheme}://127.0.0.1:{free_port()}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[str]] = {}
        self.heads: list[subprocess.Popen[str]] = []

    @property
    def options(self) -> list[str]:
        """For whoever wants to reach it."""
        return ["--tls", str(self.tls)] if self.tls else []

    def start_scheduler(self) -> None:
        """Start it, or start it again at the same address."""
        files = {"--tls-ca-file": "ca.pem", "--tls-cert": "cert.pem", "--tls-key": "key.pem"}
        words = [w for o, n in files.items() for w in (o, str(self.tls / n))] if self.tls else []
        scheme, _, rest = self.address.partition("://")
        host, port = rest.split(":")
        self.scheduler = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host",
             f"{scheme}://{host}", "--port", port, "--no-dashboard", *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=QUICK,
        )  # fmt: skip

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((host, int(port))) == 0

        until(listens, what="the scheduler")

    def start_worker(
        self, name: str, *more: str, address: str = "", **options: object
    ) -> subprocess.Popen[str]:
        """Start one with a temporary folder of its own."""
        scratch = self.folder / f"host-{name}"
        scratch.mkdir(exist_ok=True)
        made = run_command(
            "worker", address or self.address, *self.options, "--name", name,
            "--patience", "20", *more,
            cwd=scratch, **{"env": QUICK | {"TMPDIR": str(scratch)}, **options},
        )  # fmt: skip
        self.workers[name] = made
        return made

    def run(self, *command: object) -> "subprocess.Popen[str]":
        """A head, which ends with them."""
        self.heads.append(run_command(*command, cwd=self.folder))
        return self.heads[-1]

    def finish(self, *command: object) -> str:
        """A head that must end well; returns what it said."""
        return finish(self.run(*command, "--cluster", self.address, *self.options))

    def end(self) -> None:
        """All of them, whatever state they are in."""
        for process in (self.scheduler, *self.workers.values(), *self.heads):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()


@contextmanager
def hosts_in(
    folder: Path, names: Sequence[str] = (), *, tls: Path | None = None
) -> Iterator[Hosts]:
    """A scheduler and workers of these names."""
    made = Hosts(folder, scheme="tls" if tls else "tcp", tls=tls)
    try:
        made.start_scheduler()
        for name in names:
            made.start_worker(name)
        yield made
    finally:
        made.end()
