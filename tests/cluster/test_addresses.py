"""An address that would let strangers run code is refused, in one line that says what to do."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from evaluate.cluster import ClusterError, parse_address
from evaluate.cluster.reaching import open_fleet
from tests.cluster.certificates import make_certificates
from tests.cluster.hosts import run_command

Command = Callable[..., subprocess.CompletedProcess[str]]
RUN = ("run", "--manifest", "m.json", "--protocol", "cvpr24", "--submission", "a=a", "my-run")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://10.0.0.7:8786", "whoever reaches this port runs code on every machine"),
        ("tcp://head:8786", "whoever reaches this port runs code on every machine"),
        ("tls://head:8786", "no certificates"),
        ("head:8786", "no address of a cluster"),
        ("local:0", "no address of a cluster"),
        ("local:two", "no address of a cluster"),
        ("tcp://localhost:99999", "no address of a cluster"),
    ],
)
def test_an_address_is_refused_in_one_line(segjudge: Command, address: str, said: str) -> None:
    for command in (("worker", address), (*RUN, "--sandbox", "local", "--cluster", address)):
        done = segjudge(*command)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
        assert done.returncode == 2 and len(lines) == 1, done.stderr
        assert said in lines[0] or "no such file" in lines[0].lower()


def test_a_folder_without_certificates_says_which_are_missing(
    segjudge: Command, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("")
    done = segjudge("worker", "tls://head:8786", "--tls", tmp_path)
    assert done.returncode == 2
    assert "no cert.pem, key.pem" in done.stderr and "docs/cluster.md" in done.stderr


def test_certificates_that_prove_nothing_are_said_at_once(
    segjudge: Command, tmp_path: Path
) -> None:
    old = make_certificates(tmp_path / "old", ends=timedelta(days=-1))
    mixed, garbled = (make_certificates(tmp_path / name) for name in ("mixed", "garbled"))
    shutil.copy(old / "key.pem", mixed)
    (garbled / "cert.pem").write_text("none")
    for tls, said in (
        (old, "ca.pem is valid from 2"),
        (mixed, "key.pem is not that of cert.pem"),
        (garbled, "cert.pem is no certificate"),
    ):
        done = segjudge("worker", "tls://head:8786", "--tls", tls)
        assert done.returncode == 2 and said in done.stderr, done.stderr


@pytest.mark.parametrize("cluster", [(), ("--cluster", "local:2")])
def test_certificates_that_nobody_asks_for_are_refused(
    cluster: tuple[str, ...], segjudge: Command, tmp_path: Path
) -> None:
    done = segjudge(*RUN, *cluster, "--tls", make_certificates(tmp_path / "certificates"))
    assert done.returncode == 2 and "--tls" in done.stderr


def test_what_listens_there_and_is_no_scheduler_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evaluate.cluster.reaching._ANSWER_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as stack:
        address = parse_address(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ClusterError, match="whatever listens there says nothing"):
            open_fleet(address, stack)


def test_without_the_extra_one_line_says_how_to_install_it(tmp_path: Path) -> None:
    blocked = (
        "import sys; sys.modules['distributed'] = None; from segjudge import main; sys.exit(main())"
    )
    for command in (["worker", "tcp://127.0.0.1:1"], [*RUN, "--cluster", "local:2"]):
        done = subprocess.run(
            [sys.executable, "-c", blocked, *command],
            capture_output=True, encoding="utf-8", cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == 3
        (line,) = [text for text in done.stderr.splitlines() if not text.startswith("warning: ")]
        assert "pip install 'segjudge[cluster]'" in line


def test_a_machine_of_a_cluster_runs_one_container_at_a_time(segjudge: Command) -> None:
    done = segjudge(*RUN, "--cluster", "local:2", "--jobs", 2)
    assert done.returncode == 2 and "--jobs" in done.stderr


def test_a_worker_whose_scheduler_never_answers_says_so(segjudge_process: Command) -> None:
    done = segjudge_process("worker", "tcp://127.0.0.1:9", "--patience", 1, "--of-head")
    assert done.returncode == 3 and "no scheduler answered" in done.stderr


def test_a_worker_that_looks_for_its_scheduler_says_so_and_goes_when_asked(tmp_path: Path) -> None:
    worker = run_command("worker", "tcp://127.0.0.1:9", "--patience", 120, cwd=tmp_path)
    assert worker.stdout is not None
    said = iter(worker.stdout.readline, "")
    assert any("tcp://127.0.0.1:9 does not answer yet (" in line for line in said)
    worker.terminate()
    assert "goes: it was asked to go" in worker.communicate(timeout=20)[0]
    assert worker.returncode == 0
