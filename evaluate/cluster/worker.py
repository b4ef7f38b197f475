"""`segjudge worker`: this machine as one slot of a cluster, until it is told to go."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable

import dask
from distributed import Worker
from distributed.security import Security

from evaluate.cluster.address import ClusterAddress, no_answer, open_security, reason_of
from evaluate.cluster.fleet import SETTINGS, TOPIC
from evaluate.cluster.reaching import knock
from evaluate.cluster.this_worker import ClusterWorker, become

_LOOK_EVERY_S = 0.1
_KNOCK_S = 2.0
_TIDIED_WITHIN_S = 8.0
_TAKEN_AFTER_S = 2.0
"""The head has taken the last answer by then; if not, the work is done again elsewhere."""


def serve(
    address: ClusterAddress,
    member: ClusterWorker,
    *,
    patience_s: float,
    lifetime_s: float | None,
    comes_back: bool,
    said: Callable[[str], None],
) -> str:
    """Take work until the machine is told to go, or has to; returns why.

    Args:
        address: of the scheduler.
        member: this process.
        patience_s: how long to look for a scheduler that does not answer, at the start and when it
            is lost.
        lifetime_s: takes no new work after so long; None for no end.
        comes_back: looks for a scheduler that it has lost, which may be started again.
        said: told when the machine comes to be a slot, and why it is none yet.

    Raises:
        ClusterError: no scheduler answered for so long.
    """
    become(member)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(SETTINGS), member.held:
        asyncio.run(_serve(address, member, patience_s, lifetime_s, comes_back, said))
    return member.leaves


async def _serve(
    address: ClusterAddress,
    member: ClusterWorker,
    patience_s: float,
    lifetime_s: float | None,
    comes_back: bool,
    said: Callable[[str], None],
) -> None:
    until = None if lifetime_s is None else time.monotonic() + lifetime_s
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _asked_to_go, member, comes_back)
    security = open_security(address)
    lost_at = time.monotonic()
    while not member.leaves:
        joining = asyncio.ensure_future(_joined(address, member, patience_s, security, said))
        while not (joining.done() or member.leaves):  # dask's own hears nobody meanwhile
            await asyncio.wait({joining}, timeout=_LOOK_EVERY_S)
        if not joining.done():
            joining.cancel()
            break
        try:
            worker = joining.result()
        except (OSError, TimeoutError) as error:
            if time.monotonic() - lost_at < patience_s:
                await asyncio.sleep(1.0)
                continue
            fault = f"no scheduler answered for {patience_s:g} s"
            raise no_answer(address, fault, error, "start it, and this worker again") from error
        said(f"a slot of {address.text}")
        member.tell = _teller(worker)
        await _stay(worker, member, until)
        member.interrupt()  # what it still makes, nobody will take
        tidied_by = time.monotonic() + _TIDIED_WITHIN_S
        while not member.idle_s and time.monotonic() < tidied_by:
            await asyncio.sleep(_LOOK_EVERY_S)
        await worker.close(executor_wait=False)
        lost_at = time.monotonic()
        if not comes_back and not member.leaves:
            member.leaves = "its head is gone"


async def _joined(
    address: ClusterAddress,
    member: ClusterWorker,
    patience_s: float,
    security: Security,
    said: Callable[[str], None],
) -> Worker:
    """A worker of dask's that its scheduler knows; says so where that takes longer."""
    try:
        await knock(address.text, security, within_s=min(_KNOCK_S, patience_s))
    except (OSError, TimeoutError) as error:
        said(f"{address.text} does not answer yet ({reason_of(error)})")
    return await Worker(
        address.text,
        nthreads=1,
        resources={"slot": 1},
        memory_limit=0,
        name=f"{member.name}-{os.getpid()}-{time.monotonic_ns()}",
        security=security,
        local_directory=str(member.scratch),
        dashboard=False,
        death_timeout=patience_s,
        silence_logs=logging.CRITICAL,
    )


async def _stay(worker: Worker, member: ClusterWorker, until: float | None) -> None:
    """Until the scheduler is lost, or there is a reason to go and nothing under way."""
    closed = asyncio.ensure_future(worker.finished())
    while not closed.done():
        if any(task.state == "cancelled" for task in worker.state.executing):  # its head is gone
            member.interrupt()
        if until is not None and time.monotonic() > until and not member.leaves:
            member.leaves = "its time is up"
        if member.leaves and member.idle_s > _TAKEN_AFTER_S:
            break
        await asyncio.wait({closed}, timeout=_LOOK_EVERY_S)
    closed.cancel()


def _asked_to_go(member: ClusterWorker, finishes: bool) -> None:
    """Asked once it finishes its block, if its head does not go with it; asked twice it stops."""
    if member.leaves or not finishes:
        member.interrupt()
    member.leaves = member.leaves or "it was asked to go"


def _teller(worker: Worker) -> Callable[[object], None]:
    """Sends words to the head from the thread that makes a call."""
    return lambda words: worker.log_event(TOPIC, {"address": worker.address, "words": words})
