"""What voxel counts alone say of two masks: shares, volumes and their differences.

A share of nothing is nan here; what an empty mask is worth is the protocol's to say.
"""

from dataclasses import dataclass

import numpy as np

from metrics.arguments import Mask
from metrics.boundaries import Boundary, boundaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The counts of one label or region, from which every overlap metric follows.

    Attributes:
        reference: voxels in the reference. A script that adds up values counts a voxel of value 2
            twice, and so may the caller.
        prediction: voxels in the prediction.
        shared: voxels in both.
        image: voxels of the whole image.
        voxel_mm3: the volume of a voxel.
    """

    reference: float
    prediction: float
    shared: float
    image: int
    voxel_mm3: float

    @property
    def dsc(self) -> float:
        """Twice the shared voxels over both masks' (Dice, Ecology 1945)."""
        return _share(2 * self.shared, self.reference + self.prediction)

    @property
    def iou(self) -> float:
        """Shared voxels over those that either mask has (Jaccard)."""
        return _share(self.shared, self.reference + self.prediction - self.shared)

    @property
    def sensitivity(self) -> float:
        """The share of the reference that both have."""
        return _share(self.shared, self.reference)

    @property
    def precision(self) -> float:
        """The share of the prediction that both have."""
        return _share(self.shared, self.prediction)

    @property
    def specificity(self) -> float:
        """The share of the reference's background that the prediction leaves alone."""
        background = self.image - self.reference
        return _share(background - (self.prediction - self.shared), background)

    @property
    def reference_volume_ml(self) -> float:
        """The reference's volume."""
        return self.reference * self.voxel_mm3 / 1000

    @property
    def prediction_volume_ml(self) -> float:
        """The prediction's volume."""
        return self.prediction * self.voxel_mm3 / 1000

    @property
    def intersection_volume_ml(self) -> float:
        """The volume that both have."""
        return self.shared * self.voxel_mm3 / 1000

    @property
    def volume_difference_ml(self) -> float:
        """The prediction's volume less the reference's, signed."""
        return (self.prediction - self.reference) * self.voxel_mm3 / 1000

    @property
    def absolute_volume_difference_ml(self) -> float:
        """The same without its sign (ISLES)."""
        return abs(self.volume_difference_ml)

    @property
    def relative_volume_difference(self) -> float:
        """The volume difference as a fraction of the reference, signed (LiTS 2017)."""
        return _share(self.prediction - self.reference, self.reference)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def boundary_iou(
    reference: Mask, prediction: Mask, *, spacing_mm: tuple[float, ...], width_mm: float
) -> float:
    """Intersection over union of the masks' rims (Cheng et al., Boundary IoU, CVPR 2021).

    A rim is the mask's voxels that are no further than `width_mm` from its contour's voxels: those
    with a neighbour (by a face) outside the mask or the image. In the paper the width is 2 % of
    the image's diagonal.

    Args:
        reference: bool, 2D or 3D.
        prediction: bool, of the same shape.
        spacing_mm: in the masks' axis order.
        width_mm: how deep the rim is, inclusive.

    Returns:
        0 to 1; nan if both are empty.
    """
    from scipy import ndimage  # slow to import, and only needed here

    rims = []
    contours, _ = boundaries(
        (reference, prediction), Boundary(elements="voxels"), spacing_mm=spacing_mm
    )
    for mask, contour in zip((reference, prediction), contours, strict=True):
        if not contour.any():
            rims.append(mask)
            continue
        depth = ndimage.distance_transform_edt(~contour, sampling=spacing_mm)
        rims.append(mask & (depth <= width_mm))
    return _share(
        int(np.count_nonzero(rims[0] & rims[1])), int(np.count_nonzero(rims[0] | rims[1]))
    )
