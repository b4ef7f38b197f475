"""The CVPR 2024 evaluation script's numbers for one case, restated for tests.

Driven by the package `surface-distance` (google-deepmind, the origin of the script's own copy), and
sharing no code with `metrics`. Kept as the script has it: labels from 1 to the reference's largest,
plain means, the NSD computed only where the case's DSC is above 0.2, a 2D case as an (H, W, 1) slab
of unit spacing, and the stored x, y, z spacing applied to z, y, x arrays by index.

Changed, because the package stops with an AttributeError on numpy 2 there: a label that one mask
lacks has surface Dice 0, a label that both lack has nan for both values. That is what the script
gives on numpy 1, where the missing distances are infinite and 0 / 0 is nan. The largest label is
made a Python integer first, so that 255 in uint8 does not wrap to 0.
"""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt


def reference_dice(reference: npt.NDArray[np.bool_], prediction: npt.NDArray[np.bool_]) -> float:
    """The package's Dice coefficient; nan where both masks are empty."""
    import surface_distance

    if not reference.any() and not prediction.any():
        return float("nan")
    return float(surface_distance.compute_dice_coefficient(reference, prediction))


def reference_surface_dice(
    reference: npt.NDArray[np.bool_],
    prediction: npt.NDArray[np.bool_],
    spacing_mm: Iterable[float],
    tolerance_mm: float,
) -> float:
    """The package's surface Dice, 2D or 3D; nan where both masks are empty, 0 where one is."""
    import surface_distance

    if not reference.any() or not prediction.any():
        return 0.0 if reference.any() or prediction.any() else float("nan")
    with warnings.catch_warnings():
        # It calls scipy.ndimage.filters and .morphology, names that scipy means to drop.
        warnings.filterwarnings("ignore", r".*`scipy\.ndimage.*", DeprecationWarning)
        distances = surface_distance.compute_surface_distances(
            reference, prediction, spacing_mm=list(spacing_mm)
        )
    return float(surface_distance.compute_surface_dice_at_tolerance(distances, tolerance_mm))


def reference_case_scores(
    gts: npt.NDArray[np.integer],
    segs: npt.NDArray[np.integer],
    spacing_xyz: Sequence[float] | None,
    is_3d: bool,
) -> tuple[float, float]:
    """One case's DSC and NSD as the script computes them.

    Args:
        gts: the reference's labels, (H, W) or (D, H, W).
        segs: the prediction's, of the same shape.
        spacing_xyz: as the case's file stores it; not read in 2D.
        is_3d: what the case's file name says.

    Returns:
        DSC and NSD, unrounded.
    """
    if is_3d:
        assert spacing_xyz is not None, "a 3D case has a spacing"
        spacing = list(spacing_xyz)
    else:
        gts, segs, spacing = gts[..., np.newaxis], segs[..., np.newaxis], [1.0, 1.0, 1.0]
    masks = [(gts == label, segs == label) for label in range(1, int(gts.max()) + 1)]
    if not masks:
        return float("nan"), 0.0
    dsc = float(np.mean([reference_dice(*pair) for pair in masks]))
    if not dsc > 0.2:  # nan is not above it either
        return dsc, 0.0
    return dsc, float(np.mean([reference_surface_dice(*pair, spacing, 2.0) for pair in masks]))
