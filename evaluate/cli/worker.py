"""`segjudge worker`."""

import argparse
import platform
from pathlib import Path

from evaluate.cli.clusters import add_certificate_arguments
from evaluate.cli.command_arguments import positive
from evaluate.cli.terminal import say

_LEFT_BY_ITSELF = 3


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge worker`."""
    command.add_argument("address", help="of the dask scheduler: tls://HOST:PORT")
    add_certificate_arguments(command)
    command.add_argument("--name", help="of this machine in the results (default: the host's)")
    command.add_argument(
        "--patience",
        type=positive,
        default=300,
        metavar="S",
        help="seconds to look for a scheduler that does not answer (default: 300)",
    )
    command.add_argument(
        "--lifetime",
        type=positive,
        metavar="MIN",
        help="takes no new work after so many minutes: less than the wall time of a batch job, by"
        " as much as a case with all teams takes",
    )
    command.add_argument("--of-head", action="store_true", help=argparse.SUPPRESS)


def call(options: argparse.Namespace) -> int:
    """Take work until asked to go; 3 where the machine itself is why it goes."""
    import tempfile

    from data_manifest.findings import Severity
    from evaluate.cluster import parse_address
    from evaluate.cluster.this_worker import ClusterWorker, become, hello
    from evaluate.sandbox.scratch import scratch_folder

    address = parse_address(
        options.address, insecure=options.insecure, tls=options.tls, local=False
    )
    own = options.of_head
    lacks: tuple[str, ...] = ()
    if not own:
        from evaluate.doctor import examine_machine

        findings = examine_machine(options.environment)
        lacks = tuple(str(f) for f in findings if f.severity is not Severity.OK)
        for lack in lacks:
            say(f"worker: {lack}")
    with scratch_folder() as scratch:
        # All that a killed worker leaves lies in it, and the next one here removes it.
        tempfile.tempdir = str(scratch)
        member = ClusterWorker(
            name="" if own else options.name or platform.node(),
            scratch=Path(scratch),
            environment=options.environment,
            cache=options.cache,
            lacks=lacks,
        )
        from evaluate.cluster.worker import serve  # it brings dask

        if not own:
            become(member)
            about = hello()
            say(
                f"worker: {member.name} ({about.memory_mib} MiB of memory, {about.gpus} GPUs,"
                f" {about.free_mib} MiB of room) looks for {address.text}"
            )
        why = serve(
            address,
            member,
            patience_s=options.patience,
            lifetime_s=None if options.lifetime is None else 60.0 * options.lifetime,
            comes_back=not own,
            said=(lambda _: None) if own else (lambda line: say(f"worker: {line}")),
        )
    if not own:
        say(f"worker: {member.name} goes: {why}")
    return _LEFT_BY_ITSELF if member.retired else 0
