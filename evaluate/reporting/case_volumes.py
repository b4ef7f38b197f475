"""A case's volumes for three planes and a rendering: NIfTI files, in scripts beside the page.

A page that is opened from the disk may run scripts that lie beside it, and fetch nothing: each file
comes as a script that hands it over. The viewer is NiiVue, as it is published, with its licences.
"""
# mypy: disallow-untyped-calls=False
# (nibabel annotates only a part of its functions)

import base64
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from data_manifest.layouts import viewer_affine
from data_manifest.manifest import Case
from evaluate.reporting.case_files import Window

_LONGEST = 192
"""Voxels of a side; of larger volumes every second one or third one is kept."""
_MOST_FILES = 3_000
_MOST_VOXELS = 4_000_000_000
"""Of all cases' files together, before they are packed."""


def viewer_files() -> Iterator[tuple[str, bytes]]:
    """NiiVue and its licences, by name."""
    for path in (resources.files("evaluate.reporting") / "niivue").iterdir():
        if path.name.endswith((".js", ".txt")):
            yield path.name, path.read_bytes()


def with_volumes(cases: Iterable[Case], teams: int) -> set[str]:
    """The first of these cases whose volumes together stay within bounds, by identifier."""
    chosen, files, voxels = set(), 0, 0
    for case in cases:
        if case.dimension == "3D":
            files += teams + 2
            voxels += (teams + 2) * int(np.prod([min(size, _LONGEST) for size in case.shape]))
            if files > _MOST_FILES or voxels > _MOST_VOXELS:
                break
            chosen.add(case.id)
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeView:
    """Which voxels of a (D, H, W) volume are kept, and where they lie.

    Attributes:
        window: rows and columns.
        first: slice.
        last: slice.
        spacing_mm: in the array's axis order; None where it is not known.
        affine: (4, 4), from the volume's voxel x, y, z to mm in RAS+; None where it is not known.
    """

    window: Window
    first: int
    last: int
    spacing_mm: tuple[float, ...] | None
    affine: npt.NDArray[np.float64] | None

    @property
    def steps(self) -> tuple[int, int, int]:
        """Every so manieth slice, row and column."""
        wide = -(-max(self.window.rows, self.window.columns) // _LONGEST)
        return -(-(self.last + 1 - self.first) // _LONGEST), wide, wide

    def script(self, voxels: npt.NDArray[np.integer]) -> bytes:
        """A script that hands the kept part of an image or of a mask to the page, as NIfTI."""
        import nibabel  # slow to import

        deep, down, across = self.steps
        part = voxels[self.first : self.last + 1 : deep]
        part = part[:, self.window.top : self.window.bottom : down]
        part = part[:, :, self.window.left : self.window.right : across]
        dtype = np.uint8 if part.max() < 256 else np.uint16
        affine = viewer_affine(self.spacing_mm, 3) if self.affine is None else self.affine.copy()
        affine[:3, 3] = affine[:3] @ [self.window.left, self.window.top, self.first, 1]
        affine[:3, :3] *= (across, down, deep)
        volume = nibabel.Nifti1Image(part.astype(dtype).T, affine)
        # The page names left and right only where a file did.
        volume.set_sform(affine, code="aligned" if self.affine is None else "scanner")
        packed = base64.b64encode(gzip.compress(volume.to_bytes(), 5, mtime=0))
        return b'planes.keep("' + packed + b'");'
