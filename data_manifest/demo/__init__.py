"""The images of the demo data set: real ones that installed packages ship, and simulated ones."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec

from data_manifest.demo.records import DemoPackageMissing, RawCase
from data_manifest.demo.shapes import case_generator

__all__ = ["DemoPackageMissing", "RawCase", "demo_cases", "demo_identifiers"]


class _KnownCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a case before it is drawn: `maker`, and fields of `RawCase`."""

    maker: str
    modality: str
    label_names: tuple[str, ...]
    spacing_mm: tuple[float, ...] | None = None
    window: tuple[float, float] | None = None
    origin: str
    source: str
    licence: str


def demo_cases(seed: int = 0) -> Iterator[RawCase]:
    """Make the demo cases one after the other, sorted by identifier.

    Args:
        seed: of everything that is simulated; the real images do not depend on it.

    Raises:
        DemoPackageMissing: a package that ships a real image is not installed.
    """
    for identifier, known in sorted(_known_cases().items()):
        facts = msgspec.structs.asdict(known)
        module, _, maker = facts.pop("maker").partition(".")
        make = getattr(import_module(f"data_manifest.demo.{module}"), maker)
        image, labels = make(case_generator(seed, identifier))
        yield RawCase(identifier=identifier, image=image, labels=labels, **facts)


def demo_identifiers() -> list[str]:
    """Identifiers of the demo cases, sorted, without making any."""
    return sorted(_known_cases())


def _known_cases() -> dict[str, _KnownCase]:
    stored = Path(__file__).with_name("cases.toml").read_bytes()
    return msgspec.toml.decode(stored, type=dict[str, _KnownCase])
