"""Prompts from a reference: labels numbered without gaps, and the box of each.

Box k (from 1) is answered by label k, so a challenge's labels are 1..N.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.manifest import Label

__all__ = ["boxes_from_labels", "consecutive"]

_MOST_LABELS = 65535


def consecutive(
    labels: npt.NDArray[np.integer], names: Mapping[int, str] | None = None
) -> tuple[npt.NDArray[np.unsignedinteger], tuple[Label, ...]]:
    """Number the labels that occur 1..N, in their order, and keep their names.

    Args:
        labels: integer, any shape, 0 is background.
        names: what the labels of `labels` stand for; the others are called `label K`, by their
            number before.

    Returns:
        The label map, uint8, or uint16 where there are more than 255 labels; and its labels.

    Raises:
        ValueError: a label below 0, or more than 65,535 labels.

    >>> consecutive(np.array([0, 7, 3, 3]), {7: "liver"})[1]
    (Label(label=1, name='label 3'), Label(label=2, name='liver'))
    """
    found = np.unique(labels)
    if found.size and found[0] < 0:
        raise ValueError(f"label {found[0]}; labels are 0 (background) and above")
    found = found[found > 0]
    if found.size > _MOST_LABELS:
        raise ValueError(f"{found.size} labels; at most {_MOST_LABELS} can be told apart")
    dtype = np.uint8 if found.size <= 255 else np.uint16
    numbered = np.zeros(labels.shape, dtype=dtype)
    for index in np.ndindex(labels.shape[:-2]):  # slice by slice: `searchsorted` gives int64
        plane = labels[index]
        inside = plane > 0
        numbered[index][inside] = np.searchsorted(found, plane[inside]) + 1
    names = names or {}
    listed = tuple(
        Label(label=number, name=names.get(int(old), f"label {old}"))
        for number, old in enumerate(found, start=1)
    )
    return numbered, listed


def boxes_from_labels(
    labels: npt.NDArray[np.integer],
    *,
    margin: int = 0,
    jitter: int = 0,
    generator: np.random.Generator | None = None,
    along_z: bool = False,
) -> npt.NDArray[np.int64]:
    """The box of every label, both ends inclusive, clipped to the image.

    A box is the tightest one, wider by `margin` and by a random 0..`jitter` on every side, each
    side on its own: a prompt that is drawn by hand is loose, and it never cuts the object.

    Args:
        labels: integer, (H, W) or (D, H, W); the labels are 1..N without a gap.
        margin: in pixels.
        jitter: in pixels.
        generator: of the jitter; needed where `jitter` is not 0.
        along_z: whether margin and jitter widen a box along z too; the challenges' do not.

    Returns:
        (N, 4) x_min, y_min, x_max, y_max or (N, 6) x_min, y_min, z_min, x_max, y_max, z_max; row
        k - 1 is label k's.

    Raises:
        ValueError: a gap in the labels, or an argument that does not fit.

    >>> boxes_from_labels(np.array([[0, 1, 1], [2, 0, 0]])).tolist()
    [[1, 0, 2, 0], [0, 1, 0, 1]]
    """
    axes = labels.ndim
    if axes not in (2, 3):
        raise ValueError(f"labels of {axes} axes; expected (H, W) or (D, H, W)")
    if margin < 0 or jitter < 0:
        raise ValueError(f"margin {margin} and jitter {jitter}; expected 0 or more")
    if jitter and generator is None:
        raise ValueError("jitter needs a generator")
    extents = ndimage.find_objects(labels)
    missing = [number for number, extent in enumerate(extents, start=1) if extent is None]
    if missing:
        raise ValueError(f"labels {missing[:8]} do not occur; expected 1..N without a gap")
    lowest = np.array([[side.start for side in extent] for extent in extents], dtype=np.int64)
    highest = np.array([[side.stop - 1 for side in extent] for extent in extents], dtype=np.int64)
    lowest, highest = lowest.reshape(-1, axes), highest.reshape(-1, axes)
    wider = np.full((2, *lowest.shape), margin, dtype=np.int64)
    if generator is not None and jitter:
        wider += generator.integers(0, jitter, size=wider.shape, endpoint=True)
    if axes == 3 and not along_z:
        wider[:, :, 0] = 0
    lowest = np.maximum(lowest - wider[0], 0)
    highest = np.minimum(highest + wider[1], np.array(labels.shape) - 1)
    return np.concatenate([lowest[:, ::-1], highest[:, ::-1]], axis=1)
