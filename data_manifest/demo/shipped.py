"""Finds the images that installed packages ship, and refuses another image than the expected one.

The references of the real cases were drawn on these very bytes (`outlines.toml`); on other bytes
they would be off.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import msgspec

from data_manifest.demo.records import DemoPackageMissing

_DISTRIBUTIONS = {"nilearn": "nilearn", "pydicom": "pydicom", "skimage": "scikit-image"}


class Traced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A polygon that somebody set around a part of an image."""

    outline: tuple[tuple[float, float], ...]
    threshold: float = 0.0


OUTLINES = msgspec.toml.decode(
    Path(__file__).with_name("outlines.toml").read_bytes(), type=dict[str, dict[str, Traced]]
)
"""By case and part."""


def shipped_file(package: str, path: str, sha256: str) -> Path:
    """Find a file in an installed package, without importing the package.

    Args:
        package: the import name.
        path: below the package's folder, with forward slashes.
        sha256: the expected digest, in hexadecimal digits.

    Raises:
        DemoPackageMissing: the package or the file is absent, or the file is another one.
    """
    name = _DISTRIBUTIONS[package]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DemoPackageMissing(
            f"{name}: not installed; expected: it ships {path} of the demo data"
        )
    file = Path(spec.origin).parent / path
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DemoPackageMissing(
            f"{file}: not found; expected: {name} ships it for the demo data"
        ) from error
    if digest != sha256:
        raise DemoPackageMissing(
            f"{file}: found SHA-256 {digest}; expected {sha256}, the image that the reference was"
            " drawn on"
        )
    return file
