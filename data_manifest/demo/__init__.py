"""The images of the demo data set: real ones that installed packages ship, and simulated ones."""

from collections.abc import Iterator

from data_manifest.demo import (
    dermoscopy,
    endoscopy,
    mammography,
    microscopy,
    oct_scan,
    pet,
    real_ct,
    real_mr,
    real_photos,
    real_ultrasound,
    simulated_volumes,
    ultrasound,
    xray,
)
from data_manifest.demo.records import CaseMaker, DemoPackageMissing, RawCase
from data_manifest.demo.shapes import case_generator

__all__ = ["DemoPackageMissing", "RawCase", "demo_cases", "demo_identifiers"]

_FAMILIES = (
    dermoscopy,
    endoscopy,
    mammography,
    microscopy,
    oct_scan,
    pet,
    real_ct,
    real_mr,
    real_photos,
    real_ultrasound,
    ultrasound,
    simulated_volumes,
    xray,
)


def demo_cases(seed: int = 0) -> Iterator[RawCase]:
    """Make the demo cases one after the other, sorted by identifier.

    Args:
        seed: of everything that is simulated; the real images do not depend on it.

    Raises:
        DemoPackageMissing: a package that ships a real image is not installed.
    """
    for identifier, make in _makers().items():
        yield make(identifier, case_generator(seed, identifier))


def demo_identifiers() -> list[str]:
    """Identifiers of the demo cases, sorted, without making any."""
    return list(_makers())


def _makers() -> dict[str, CaseMaker]:
    makers = {name: make for family in _FAMILIES for name, make in family.CASES.items()}
    return dict(sorted(makers.items()))
