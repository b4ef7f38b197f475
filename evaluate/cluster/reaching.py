"""Opens a cluster: a scheduler that others keep, or one of our own with workers on this machine."""

import importlib.util
import logging
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

from evaluate.cluster.address import ClusterAddress, ClusterError, open_security
from evaluate.cluster.fleet import SETTINGS, Fleet
from evaluate.sandbox.scratch import scratch_folder


def open_fleet(address: ClusterAddress, stack: ExitStack) -> Fleet:
    """Reach a cluster, or start one here.

    Raises:
        ClusterError: no scheduler answers.
        UsageError: there are no certificates.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    stack.enter_context(dask.config.set(SETTINGS))
    spawn, target, security = None, address.text, None
    if address.workers:
        folder = stack.enter_context(scratch_folder())
        address = replace(address, tls=_own_certificates(folder))
        security = open_security(address)
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=0,
                processes=False,
                protocol="tls://",
                host="127.0.0.1",
                security=security,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        )
        target = cluster.scheduler_address

        def spawn() -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-m", "segjudge", "worker", target, "--tls", str(folder)]
            return subprocess.Popen(  # noqa: S603 - our own command
                [*command, "--of-head"], stdin=subprocess.DEVNULL, start_new_session=True
            )

    try:
        client = stack.enter_context(
            Client(
                target,
                security=security or open_security(address),
                timeout="30s",
                set_as_default=False,
            )
        )
    except (OSError, TimeoutError) as error:
        mend = "start one with `dask scheduler` (docs/cluster.md), or see that it can be reached"
        fault = "no scheduler answers there"
        raise ClusterError(where=f"cluster {address.text}", found=fault, mend=mend) from error
    shows = "dashboard" in client.scheduler_info(n_workers=0)["services"] and (
        not address.workers or importlib.util.find_spec("bokeh") is not None
    )
    fleet = Fleet(client, address, spawn, dashboard=str(client.dashboard_link) if shows else "")
    stack.callback(fleet.close)
    return fleet


def _own_certificates(folder: Path) -> Path:
    """Certificates for this run's own processes, so that no other user here can talk to them."""
    made = Security.temporary()
    ca, key = str(made.tls_ca_file), str(made.tls_client_key)
    for name, text in (("ca.pem", ca), ("cert.pem", ca), ("key.pem", key)):
        (folder / name).write_text(text, encoding="ascii")
    return folder
