"""A real Slurm on this computer: two nodes, munge, everything in one folder; ends with the test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.capabilities import SYSTEM_PATH
from tests.cluster.hosts import free_port, until

NODES = ("node1", "node2")
# What would need cgroups of its own, an init system, or another user.
_CONF = """
ClusterName=segjudge
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={spool}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={spool}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
# A busy computer answers late: that is no node that failed, and no job to be put back and held.
MessageTimeout=100
TCPTimeout=60
BatchStartTimeout=300
SlurmdTimeout=0
PrologEpilogTimeout=300
UnkillableStepTimeout=300
SchedulerParameters=batch_sched_delay=0,sched_interval=2
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=512
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=512
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Its commands.

    Args:
        folder: with `slurm.conf`.
    """

    def __init__(self, folder: Path) -> None:
        self.environment = os.environ | {
            "PATH": SYSTEM_PATH,
            "SLURM_CONF": str(folder / "slurm.conf"),
        }

    def __call__(self, *command: object, cwd: Path | None = None) -> str:
        """What a command of Slurm's says."""
        done = subprocess.run(
            list(map(str, command)),
            cwd=cwd, env=self.environment, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


@contextmanager
def slurm_in(folder: Path) -> Iterator[Slurm]:
    """Start munge, a controller and two nodes in a folder."""
    folder.chmod(0o755)
    (folder / "state").mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    ports = [free_port() for _ in range(3)]
    # Sockets lie there: a path of theirs may have 108 letters, or jobs are put back and held.
    spool = tempfile.mkdtemp(prefix="slurm-")
    host = os.uname().nodename.partition(".")[0]
    conf = _CONF.format(host=host, ports=ports, folder=folder, spool=spool)
    (folder / "slurm.conf").write_text(conf)
    slurm = Slurm(folder)
    log = (folder / "daemons.log").open("wb")

    def start(*command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, stdout=log, stderr=log, env=slurm.environment)

    names = {n: str(folder / f"munge.{n}") for n in ("pid", "log", "seed")}
    names["socket"] = f"{spool}/munge.socket"
    munged = [
        *("munged", "--foreground", "--force", "--key-file", str(folder / "munge.key")),
        *(f"--{n}{'' if n == 'socket' else '-file'}={path}" for n, path in names.items()),
    ]
    daemons = []
    try:
        daemons.append(start(*munged))
        until(Path(names["socket"]).exists, what="munge")
        daemons.append(start("slurmctld", "-D", "-f", str(folder / "slurm.conf")))
        daemons += [
            start("slurmd", "-D", "-N", node, "-f", str(folder / "slurm.conf")) for node in NODES
        ]

        def ready() -> bool:
            asked = ["sinfo", "--noheader", "--Node", "--format=%t"]
            done = subprocess.run(
                asked, env=slurm.environment, capture_output=True, encoding="utf-8", check=False
            )
            return done.stdout.split() == ["idle"] * len(NODES)

        until(ready, within_s=90, what=f"Slurm (its logs are in {folder})")
        yield slurm
    finally:
        # A job's own daemon outlives its node's: jobs first.
        subprocess.run(["scancel", "--me"], env=slurm.environment, stderr=log, check=False)
        with suppress(AssertionError):
            until(lambda: not slurm("squeue", "--noheader"), within_s=30)
        for daemon in reversed(daemons):
            for process in [*psutil.Process(daemon.pid).children(recursive=True), daemon]:
                process.kill()
            daemon.wait()
        log.close()
        shutil.rmtree(spool)
