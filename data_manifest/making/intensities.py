"""Raw intensities to the challenge's uint8, as its organisers prepared them.

CT by window level and width, everything else between two percentiles of its non-zero voxels.
"""

import numpy as np
import numpy.typing as npt

CT_WINDOW = (40.0, 400.0)
"""Level and width in HU of the usual window for soft tissue, where a case names none."""

_PERCENTILES = (0.5, 99.5)
_SATURATED = 0.99
_RealImage = npt.NDArray[np.generic]


def to_uint8(
    image: _RealImage, *, modality: str, window: tuple[float, float] | None = None
) -> npt.NDArray[np.uint8]:
    """Scale an image to 0..255 by its modality.

    - uint8 with three colours: unchanged.
    - CT, or any image with a `window`: clipped to level ± width / 2. A uint8 image without a
      `window` can't be in HU: it is taken as windowed already, and left unchanged.
    - Others: clipped to the 0.5 and 99.5 percentile of the non-zero voxels. Zeros, which are
      what scanners write outside the field of view, stay 0.

    Fractions are cut off, not rounded, as in the organisers' scripts. An image of one value
    becomes 0.

    Args:
        image: (H, W), (H, W, 3) with uint8 colours, or (D, H, W); integers or floats.
        modality: canonical name.
        window: level and width, in the image's own unit (HU for CT).

    Returns:
        uint8, (H, W, 3) in 2D (grey is repeated), (D, H, W) in 3D.

    Raises:
        ValueError: nan or infinite voxels, a shape or a dtype that is no image, or a window
            without width.

    >>> to_uint8(np.array([[-160.0, 40.0, 240.0]]), modality="CT")[:, :, 0].tolist()
    [[0, 127, 255]]
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"an image of shape {image.shape}; expected (H, W), (H, W, 3), (D, H, W)")
    if image.dtype.kind not in "biuf":
        raise ValueError(f"an image of dtype {image.dtype}; expected integers or floats")
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8:
        return image.astype(np.uint8, copy=True)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = int(image.size - np.count_nonzero(np.isfinite(image)))
        raise ValueError(f"{bad} voxels are nan or infinite; expected finite intensities")
    if modality == "CT" and image.dtype == np.uint8 and window is None:
        scaled = image.astype(np.uint8, copy=True)
    elif modality == "CT" or window is not None:
        level, width = CT_WINDOW if window is None else window
        if not (np.isfinite(level) and np.isfinite(width) and width > 0):
            raise ValueError(f"window level {level}, width {width}; expected a width above 0")
        scaled = _scale(image, level - width / 2, level + width / 2)
    else:
        scaled = _scale(image, *_percentiles(image))
        scaled[image == 0] = 0
    return np.repeat(scaled[:, :, None], 3, axis=2) if image.ndim == 2 else scaled


def hard_to_see(
    scaled: npt.NDArray[np.uint8],
    image: _RealImage,
    *,
    modality: str,
    window: tuple[float, float] | None,
) -> str | None:
    """What is odd about an image's intensities; None where nothing is.

    Args:
        scaled: from `to_uint8`.
        image: what it was made of.
        modality: canonical name.
        window: level and width, if one was named.

    Raises:
        ValueError: every voxel has the same value: nothing is left to see.
    """
    least, most = image.min(), image.max()
    said = f"values from {least:g} to {most:g}"
    counts = np.bincount(scaled.ravel(), minlength=256)
    if counts.max() == scaled.size:
        in_hu = " in HU" if modality == "CT" else ""
        mend = "leave it out, or hand in the image itself"
        if most > least:
            mend = "`--window LEVEL WIDTH` names another window"
        raise ValueError(
            f"{said}, of which nothing is left to see: all voxels have one value; expected an"
            f" image{in_hu}; {mend}"
        )
    if modality != "CT" and window is None:
        return None
    if window is None and image.dtype == np.uint8 and image.shape[2:] != (3,):
        return "CT of 8 bits, which can't be in HU: taken as windowed already; see `--window`"
    ends = (counts[0] + counts[255]) / scaled.size
    if ends > _SATURATED:
        return f"{said}: {ends:.1%} of the voxels are black or white; see `--window`"
    if window is None and image.dtype != np.uint8 and least >= 0 and most > 255:
        return f"{said}, none of them below 0: is this CT in HU, or was 1,024 added? see `--window`"
    return None


def _percentiles(image: _RealImage) -> tuple[float, float]:
    inside = image[image != 0]
    if inside.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(inside, _PERCENTILES)
    return float(low), float(high)


def _scale(image: _RealImage, low: float, high: float) -> npt.NDArray[np.uint8]:
    scaled = np.zeros(image.shape, dtype=np.uint8)
    if not high > low:
        return scaled
    for index in range(image.shape[0]):  # float64 for one slice at a time, not for all
        clipped = np.clip(image[index].astype(np.float64), low, high)
        scaled[index] = ((clipped - low) / (high - low) * 255.0).astype(np.uint8)
    return scaled
