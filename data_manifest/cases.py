"""A case in memory: what a container is given, and the ground truth it never sees.

Arrays are in z, y, x order, and so is the spacing. How both become files is a layout's business.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CaseInputs", "Reference"]

IntegerArray = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInputs:
    """What a container is given.

    Attributes:
        image: uint8, (H, W, 3) or (D, H, W).
        boxes: integer, (N, 4) x_min, y_min, x_max, y_max or (N, 6) x_min, y_min, z_min, x_max,
            y_max, z_max; inclusive at both ends; box k (from 1) asks for label k.
        spacing_mm: in the array's axis order; None where the file has none.
    """

    image: npt.NDArray[np.uint8]
    boxes: IntegerArray
    spacing_mm: tuple[float, ...] | None

    @property
    def axes(self) -> int:
        """2 or 3: the boxes tell, since a picture (H, W, 3) may look like a volume."""
        return int(self.boxes.shape[1]) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The ground truth of a case.

    Attributes:
        labels: integer, (H, W) or (D, H, W), 0 is background; uint8 or uint16 when read from a
            file, in the file's memory order.
        spacing_mm: in the array's axis order; None where the file has none.
    """

    labels: IntegerArray
    spacing_mm: tuple[float, ...] | None
