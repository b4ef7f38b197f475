"""Where a cluster is, and whether it may be reached in the clear."""

import importlib.util
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data_manifest.errors import printable
from evaluate.facts.errors import SegjudgeError, UsageError

if TYPE_CHECKING:
    from distributed.security import Security

_TLS_FILES = ("ca.pem", "cert.pem", "key.pem")
_FORMS = "local:N (N worker processes here), tcp://HOST:PORT or tls://HOST:PORT"


class ClusterError(SegjudgeError):
    """A cluster does not answer, or has no machine that can do the work. Never a team's fault."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress:
    """A scheduler's address, or so many workers of our own.

    Attributes:
        text: as it was given.
        workers: of `local:N`; 0 where others start them.
        tls: folder with `ca.pem`, `cert.pem` and `key.pem`; None to take dask's own settings.
    """

    text: str
    workers: int = 0
    tls: Path | None = None


def parse_address(
    text: str, *, insecure: bool = False, tls: Path | None = None, local: bool = True
) -> ClusterAddress:
    """Read `--cluster ADDRESS`.

    Args:
        text: the address.
        insecure: take an address in the clear that others than this machine reach.
        tls: folder of the certificates.
        local: whether `local:N` is one.

    Raises:
        UsageError: it is none, or it is in the clear.
        ClusterError: dask.distributed is not installed.
    """
    own = re.fullmatch(r"local:([1-9][0-9]{0,3})", text) if local else None
    other = re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^:/\s]+):([0-9]{1,5})", text)
    where = f"cluster {text}"
    if own is None and (other is None or not 0 < int(other[3]) < 1 << 16):
        expected = _FORMS if local else _FORMS.partition(", ")[2]
        raise UsageError(where=where, found="no address of a cluster", expected=expected)
    if other and other[1] == "tcp" and not insecure and not _is_loopback(other[2].strip("[]")):
        raise UsageError(
            where=where,
            found="in the clear: whoever reaches this port runs code on every machine",
            expected="tls://, or tcp:// on this machine alone",
            mend="docs/cluster.md makes certificates; where nobody else is on this network,"
            " --insecure",
        )
    if tls is not None:
        fault = _fault_of(tls) if other and other[1] == "tls" else f"{text} takes no certificates"
        if fault:
            raise UsageError(where=f"--tls {tls}", found=fault, mend="see docs/cluster.md")
    if importlib.util.find_spec("distributed") is None:
        fault = "dask.distributed is not installed"
        raise ClusterError(where=where, found=fault, mend="pip install 'segjudge[cluster]'")
    return ClusterAddress(text=text, workers=int(own[1]) if own else 0, tls=tls)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fault_of(folder: Path) -> str:
    """Why the certificates of a folder prove nothing; empty where they do."""
    import ssl

    from cryptography import x509

    missing = [name for name in _TLS_FILES if not (folder / name).is_file()]
    if missing:
        return f"no {', '.join(missing)}"
    ca, cert, key = (folder / name for name in _TLS_FILES)
    context, fault = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ""
    try:
        for path in (ca, cert):
            fault = f"{path.name} is no certificate"
            made = x509.load_pem_x509_certificate(path.read_bytes())
            begins, ends = made.not_valid_before_utc, made.not_valid_after_utc
            if not begins <= (now := datetime.now(UTC)) <= ends:
                days = (f"{day:%Y-%m-%d %H:%M}" for day in (begins, ends, now))
                return "{} is valid from {} to {}; it is {} here".format(path.name, *days)
        context.load_verify_locations(ca)
        fault = "key.pem is not that of cert.pem, or has a pass phrase"
        context.load_cert_chain(cert, key, password="")
    except PermissionError:
        return "its files may not be read by this user"
    except (OSError, ValueError):
        return fault
    return ""


def reason_of(error: BaseException) -> str:
    """What it was at last that kept two ends apart, in words."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return printable(f"{error}" or "whatever listens there says nothing")


def no_answer(where: ClusterAddress, fault: str, error: BaseException, mend: str) -> ClusterError:
    """That no scheduler answers, why, and how to mend that."""
    reason = reason_of(error)
    if "certificate" in reason or "alert" in reason:
        mend = "--tls: the same three files at the scheduler, the head and each worker"
    return ClusterError(where=f"cluster {where.text}", found=f"{fault} ({reason})", mend=mend)


def open_security(address: ClusterAddress) -> "Security":
    """What both ends prove who they are with.

    Raises:
        UsageError: `tls://` and no certificates.
    """
    from distributed.security import Security

    if address.tls is not None:
        ca, cert, key = (str(address.tls / name) for name in _TLS_FILES)
        parts = {f"tls_{who}_cert": cert for who in ("client", "scheduler", "worker")}
        parts |= {f"tls_{who}_key": key for who in ("client", "scheduler", "worker")}
        return Security(tls_ca_file=ca, require_encryption=True, **parts)
    security = Security()
    if address.text.startswith("tls:") and security.tls_ca_file is None:
        fault = "no certificates"
        mend = "--tls FOLDER with ca.pem, cert.pem and key.pem; docs/cluster.md makes them"
        raise UsageError(where=f"cluster {address.text}", found=fault, mend=mend)
    return security
