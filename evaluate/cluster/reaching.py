"""Opens a cluster: a scheduler that others keep, or one of our own with workers on this machine."""

import asyncio
import logging
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import dask
from distributed import Client, LocalCluster
from distributed.comm import connect, get_address_host
from distributed.security import Security

from evaluate.cluster.address import ClusterAddress, no_answer, open_security
from evaluate.cluster.fleet import SETTINGS, Fleet
from evaluate.sandbox.scratch import scratch_folder

_ANSWER_WITHIN_S = 30.0
_PAGE_WITHIN_S = 3.0
_PAGE_BYTES = 4096


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
        stack.enter_context(dask.config.set({"temporary-directory": str(folder)}))
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
        if not address.workers:
            asyncio.run(
                knock(target, security := open_security(address), within_s=_ANSWER_WITHIN_S)
            )
        client = stack.enter_context(
            Client(
                target,
                security=security,
                timeout="30s",
                set_as_default=False,
            )
        )
    except (OSError, TimeoutError, RuntimeError, ValueError) as error:
        mend = "start one with `dask scheduler` (docs/cluster.md), or see that it can be reached"
        raise no_answer(address, "no scheduler answers there", error, mend) from error
    fleet = Fleet(client, address, spawn, dashboard=_dashboard(client))
    stack.callback(fleet.close)
    return fleet


async def knock(target: str, security: Security, *, within_s: float) -> None:
    """Whether a scheduler answers: a client of dask's waits for ever for whatever else does."""
    reached = connect(target, timeout=within_s, **security.get_connection_args("client"))
    # dask gives up first where it knows why.
    await (await asyncio.wait_for(reached, within_s + 1.0)).close()


def _dashboard(client: Client) -> str:
    """Where dask shows what it does; empty where no such page is served."""
    port = client.scheduler_info(n_workers=0)["services"].get("dashboard", 0)
    host = get_address_host(client.scheduler.address)
    link = f"http://{f'[{host}]' if ':' in host else host}:{port}/status"
    with suppress(OSError, HTTPException):
        directly = build_opener(ProxyHandler({}))
        with directly.open(link, timeout=_PAGE_WITHIN_S) as page:
            # Without bokeh a page says that it is missing.
            return "" if b"Dask needs" in page.read(_PAGE_BYTES) else link
    return ""


def _own_certificates(folder: Path) -> Path:
    """Certificates for this run's own processes, so that no other user here can talk to them."""
    made = Security.temporary()
    ca, key = str(made.tls_ca_file), str(made.tls_client_key)
    for name, text in (("ca.pem", ca), ("cert.pem", ca), ("key.pem", key)):
        (folder / name).write_text(text, encoding="ascii")
    return folder
