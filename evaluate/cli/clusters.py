"""Which machines a command's work is done on."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.facts.errors import UsageError

if TYPE_CHECKING:
    from evaluate.cluster import ClusterAddress


def add_cluster_arguments(command: argparse.ArgumentParser) -> None:
    """`--cluster`, and how it is reached."""
    command.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="local:N (N worker processes here), or tls://HOST:PORT of a dask scheduler whose"
        " machines run `segjudge worker`",
    )
    add_certificate_arguments(command)


def add_certificate_arguments(command: argparse.ArgumentParser) -> None:
    """`--tls` and `--insecure`."""
    command.add_argument(
        "--tls",
        type=Path,
        metavar="DIR",
        help="folder with ca.pem, cert.pem and key.pem for tls:// (default: dask's own settings)",
    )
    command.add_argument(
        "--insecure",
        action="store_true",
        help="take tcp:// of other machines: whoever reaches the port runs code on all of them",
    )


def cluster_of(options: argparse.Namespace) -> "ClusterAddress | None":
    """The cluster of the options; None for this machine.

    Raises:
        UsageError: it is none, or in the clear.
        ClusterError: dask is not installed.
    """
    if options.cluster is None:
        if options.tls or options.insecure:
            fault = "there is no cluster to reach"
            raise UsageError(where="--tls, --insecure", found=fault, expected="--cluster ADDRESS")
        return None
    from evaluate.cluster import parse_address

    return parse_address(options.cluster, insecure=options.insecure, tls=options.tls)
