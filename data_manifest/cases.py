"""A case in memory: what a container is given, and the ground truth it never sees.

Arrays are in z, y, x order, and so is the spacing. How both become files is a layout's business.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_manifest.prompts import Prompts

IntegerArray = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInputs:
    """What a container is given.

    Attributes:
        image: uint8, (H, W, 3) or (D, H, W).
        prompts: of each kind that the case has.
        spacing_mm: in the array's axis order; None where the file has none.
        previous: the container's own answer of the round before; None where it is not given one.
        further: the images of the other channels, as `image`.
    """

    image: npt.NDArray[np.uint8]
    prompts: tuple[Prompts, ...]
    spacing_mm: tuple[float, ...] | None
    previous: IntegerArray | None = None
    further: tuple[npt.NDArray[np.uint8], ...] = ()

    @property
    def axes(self) -> int:
        """2 or 3. The prompts tell, since a picture (H, W, 3) may look like a volume.

        Without prompts the spacing does, which a volume has and a picture has not.
        """
        if self.prompts:
            return self.prompts[0].axes
        return 2 if self.spacing_mm is None else len(self.spacing_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The ground truth of a case.

    Attributes:
        labels: integer, (H, W) or (D, H, W), 0 is background; uint8 or uint16 when read from a
            file, in the file's memory order.
        spacing_mm: in the array's axis order; None where the file has none.
        affine: (4, 4), from a voxel's x, y, z to mm; None where the file does not tell it.
    """

    labels: IntegerArray
    spacing_mm: tuple[float, ...] | None
    affine: npt.NDArray[np.float64] | None = None
