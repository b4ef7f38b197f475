"""segjudge as it is installed here, as a wheel, with the exact versions of what it needs."""

import base64
import hashlib
import importlib.metadata
import importlib.util
import re
import sys
import zipfile
from pathlib import Path

from evaluate.facts.errors import UsageError

_PACKAGES = ("segjudge", "evaluate", "metrics", "data_manifest")
_LEFT_OUT = {"docker"}
"""What judges masks never talks to an engine."""


def _distribution() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution("segjudge")
    except importlib.metadata.PackageNotFoundError as error:
        raise UsageError(
            where="segjudge",
            found="a checkout that is not installed",
            expected="an installed package, which the platform's image gets",
            mend="pip install -e .",
        ) from error


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel into a folder; the same installation gives the same bytes.

    Raises:
        UsageError: segjudge is not installed, or its kernel is not one for Linux.
    """
    if sys.platform != "linux":
        raise UsageError(
            where="segjudge export",
            found=f"an installation for {sys.platform}",
            expected="one for Linux, where the platforms run",
            mend="export on Linux, or in a container with segjudge",
        )
    known = _distribution()
    tag = next(
        line.partition(":")[2].strip()
        for line in (known.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag:")
    )
    info = f"segjudge-{known.version}.dist-info"
    files = {
        f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for package in _PACKAGES
        for root in (_root(package),)
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not {"__pycache__", "participants"} & set(path.relative_to(root).parts)
    }
    for name in ("METADATA", "WHEEL", "entry_points.txt"):
        text = known.read_text(name) or ""
        files[f"{info}/{name}"] = text.replace("Editable: true\n", "").encode()
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"segjudge-{known.version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return wheel


def _root(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None  # noqa: S101  # ours
    return Path(spec.submodule_search_locations[0])


def _digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


def installed_requirements() -> list[str]:
    """What segjudge needs to judge masks, and what that needs, as it is installed here."""
    versions: dict[str, str] = {}
    wanted = [name for line in _distribution().requires or () if (name := _needed(line))]
    while wanted:
        name = wanted.pop()
        if name in versions or name in _LEFT_OUT:
            continue
        try:
            known = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system or Python
        versions[name] = known.version
        wanted += [other for line in known.requires or () if (other := _needed(line))]
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _needed(requirement: str) -> str:
    """The package's name; empty where only an extra asks for it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    if name is None or re.search(r"\bextra\s*==", requirement):
        return ""
    return re.sub(r"[-_.]+", "-", name[0]).lower()
