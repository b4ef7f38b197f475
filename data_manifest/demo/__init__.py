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
    ultrasound,
    volumes,
    xray,
)
from data_manifest.demo.records import CaseMaker, DemoPackageMissing, RawCase
from data_manifest.demo.shapes import case_generator

__all__ = ["DemoPackageMissing", "RawCase", "demo_cases"]

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
    volumes,
    xray,
)


def demo_cases(seed: int = 0) -> Iterator[RawCase]:
    """Make the demo cases one after the other, sorted by identifier.

    Args:
        seed: of everything that is simulated; the real images do not depend on it.

    Raises:
        DemoPackageMissing: a package that ships a real image is not installed.
    """
    makers: dict[str, CaseMaker] = {}
    for family in _FAMILIES:
        makers |= family.CASES
    for identifier in sorted(makers):
        yield makers[identifier](identifier, case_generator(seed, identifier))
