"""The documented batch script under a real Slurm, and certificates that keep strangers out."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.certificates import make_certificates
from tests.cluster.hosts import QUICK, Hosts, arguments, ledger_of, rows, run_command, until
from tests.cluster.slurm import NODES, slurm_in

Command = Callable[..., subprocess.CompletedProcess[str]]
DOCS = Path(__file__).parents[2] / "docs" / "cluster.md"


def documented(name: str) -> str:
    """A file that docs/cluster.md has."""
    found = re.search(rf"```\w+ file={name}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slurm
@pytest.mark.parametrize("way", ["worker.sbatch", pytest.param("jobs.py", marks=pytest.mark.soak)])
def test_the_documented_script_runs_a_challenge_under_slurm(
    way: str, small_data: Path, submissions: dict[str, Path], plain: Path, tmp_path: Path
) -> None:
    """By sbatch, and by dask-jobqueue, which keeps the scheduler."""
    hosts = Hosts(tmp_path, scheme="tls", tls=make_certificates(tmp_path / "certificates"))
    script = tmp_path / way
    script.write_text(documented(way))
    (tmp_path / "slurm").mkdir()
    root = tmp_path / "cluster"
    try:
        with slurm_in(tmp_path / "slurm") as slurm:
            slurm.environment |= {
                "PATH": f"{Path(sys.executable).parent}:{slurm.environment['PATH']}",
                "DOCKER_HOST": QUICK["DOCKER_HOST"],
            }
            if way == "jobs.py":
                where = hosts.address.removeprefix("tls://").split(":")
                command = [sys.executable, way, *where, str(hosts.tls), "2"]
                hosts.scheduler = subprocess.Popen(command, cwd=tmp_path, env=slurm.environment)
            else:
                hosts.start_scheduler()
                slurm("sbatch", "--array=1-2", script, hosts.address, hosts.tls, cwd=tmp_path)

            def running() -> bool:
                return slurm("squeue", "--noheader", "--format=%t").split() == ["R", "R"]

            until(running, within_s=180, what="the jobs")
            command = arguments(small_data, root, submissions, "--cluster", hosts.address)
            head = hosts.run(*command, *hosts.options)
            try:
                said, _ = head.communicate(timeout=120)
            except subprocess.TimeoutExpired as late:
                logs = [path.read_text("utf-8") for path in tmp_path.glob("slurm-*.out")]
                node = [
                    path.read_text("utf-8")[-3000:] for path in tmp_path.glob("slurm/slurm*.log")
                ]
                pytest.fail(f"{late.stdout}\n{slurm('squeue')}\n{logs}\n{node}")
            assert head.returncode == 0, said
            # It is asked to go as Slurm asks it before the wall time.
            slurm("scancel", "--batch", "--signal=TERM", "--me")
            until(lambda: not slurm("squeue", "--noheader"), what="the end of the jobs")
    finally:
        hosts.end()
    assert rows(root / "runs.csv") == rows(plain / "runs.csv")
    assert len(ledger_of(root)) == 8
    machines = json.loads((root / "run.json").read_text("utf-8"))["machines"].values()
    assert {machine["name"] for machine in machines} <= set(NODES)
    logs = [path.read_text("utf-8") for path in tmp_path.glob("slurm-*.out")]
    assert len(logs) == 2 and all("goes: it was asked to go" in log for log in logs), logs


def test_who_has_no_certificate_of_the_authority_gets_no_answer(
    three_hosts: Hosts, tmp_path: Path
) -> None:
    """The other tests with these hosts show that who has one does."""
    stranger = make_certificates(tmp_path / "strangers")
    command = ("worker", three_hosts.address, "--tls", stranger, "--patience", 1)
    worker = run_command(*command, cwd=tmp_path)
    said, _ = worker.communicate(timeout=100)
    assert worker.returncode == 3 and "no scheduler answered" in said


@pytest.mark.openssl
def test_the_certificates_of_the_documentation_are_taken(tmp_path: Path) -> None:
    """Made with openssl as it says; what takes them is Python's own TLS, as dask uses it."""
    import ssl

    commands = re.search(
        r"```sh\n(mkdir -m 700 certificates.*?)```", DOCS.read_text("utf-8"), re.DOTALL
    )
    assert commands is not None
    subprocess.run(["sh", "-e", "-c", commands[1]], cwd=tmp_path, check=True, capture_output=True)
    made = tmp_path / "certificates"
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(made / "ca.pem"))
    context.load_cert_chain(made / "cert.pem", made / "key.pem")
    checked = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.pem", "cert.pem"], cwd=made, capture_output=True
    )
    assert checked.returncode == 0
