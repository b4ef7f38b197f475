"""Labels out of a stream of numbers, checked and made small while they are read.

Whatever dtype a file has, no more of it is in memory than one block and the label map itself.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

MAX_LABEL = 65535
"""The largest label: what uint16 holds."""

FRACTION = MAX_LABEL
"""What stands for a value between 0 and 1 where it is kept apart."""

Fractions: TypeAlias = Literal["refuse", "cut", "up", "apart"]
"""What becomes of values that are not whole: they are refused, cut towards 0, raised to the next
whole number, or cut, but for those between 0 and 1, which become `FRACTION`."""

_ROUNDING = 1e-4

BLOCK = 1 << 19
"""A block of so many bytes is decompressed, checked and copied within the processor's cache."""


class LabelError(ValueError):
    """What an array holds are no labels; the text says what it holds."""


class ShortDataError(ValueError):
    """A file ends before its data do; the text says where."""


class Buffer:
    """Memory that is used again for one array after the other: fresh pages cost time."""

    def __init__(self) -> None:
        self._memory = np.empty(0, dtype=np.uint8)

    def bytes(self, size: int) -> npt.NDArray[np.uint8]:
        """Memory of this size; it holds what it held before."""
        if size > self._memory.size:
            self._memory = np.empty(0, dtype=np.uint8)  # give it back first
            self._memory = np.empty(size, dtype=np.uint8)
        return self._memory[:size]


def read_labels(
    read: Callable[[int], bytes],
    dtype: np.dtype[Any],
    count: int,
    *,
    into: Buffer | None = None,
    scaling: tuple[float, float] = (1.0, 0.0),
    fractions: Fractions = "refuse",
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Read so many labels.

    Args:
        read: gives the next bytes: as many as asked for, fewer only at the end.
        dtype: of the numbers: boolean, integer or floating point, of either byte order.
        count: how many numbers there are.
        into: memory to use; what was read into it before is lost.
        scaling: slope and intercept of the stored numbers. What is within 1e-4 of a whole number is
            one, scaled or not.
        fractions: what becomes of them.

    Returns:
        (count,), uint8 if `dtype` is uint8 or bool, else uint16.

    Raises:
        LabelError: a value is not a whole number from 0 to MAX_LABEL.
        ShortDataError: there are fewer.
    """
    is_scaled = scaling != (1.0, 0.0)
    is_small = dtype in (np.uint8, np.bool_) and not is_scaled
    kind: np.dtype[Any] = np.dtype(np.uint8 if is_small else np.uint16)
    # Fresh memory takes pages only as it is filled: a file that lies costs what it holds.
    labels = (into or Buffer()).bytes(count * kind.itemsize).view(kind)
    done = 0
    while done < count:
        block = read(min(BLOCK, (count - done) * dtype.itemsize))
        whole = len(block) // dtype.itemsize
        if not whole:
            size = done * dtype.itemsize + len(block)
            raise ShortDataError(f"ends after {size} of {count * dtype.itemsize} bytes")
        numbers = np.frombuffer(block, dtype=dtype, count=whole)
        numbers = _scaled(numbers, scaling) if is_scaled else numbers
        labels[done : done + whole] = _checked(_whole(numbers, fractions))
        done += whole
    read(1)  # a checksum stands behind the data, and is looked at by who comes to the end
    return labels


def _scaled(block: npt.NDArray[Any], scaling: tuple[float, float]) -> npt.NDArray[np.float64]:
    """The numbers that are meant; a header keeps its slope in few digits."""
    values = block.astype(np.float64) * scaling[0] + scaling[1]
    nearest = np.rint(values)
    near = np.abs(values - nearest) <= _ROUNDING
    return np.where(near, nearest, values)


def _whole(block: npt.NDArray[Any], fractions: Fractions) -> npt.NDArray[Any]:
    """Whole numbers of others, by the rule."""
    if block.dtype.kind != "f" or fractions == "refuse":
        return block
    if fractions == "up":
        return np.asarray(np.copysign(np.ceil(np.abs(block)), block))
    cut = np.trunc(block)
    if fractions == "cut":
        return np.asarray(cut)
    return np.where((block > 0) & (block < 1), np.float64(FRACTION), cut)  # no float16 holds it


def _checked(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers, once they are known to be labels."""
    if block.dtype.kind == "b" or (block.dtype.kind == "u" and block.dtype.itemsize <= 2):
        return block
    if block.dtype.itemsize == 2:
        block = block.astype(np.int32 if block.dtype.kind == "i" else np.float32)
    if block.dtype.kind == "f" and not np.all(np.isfinite(block)):
        raise LabelError("holds nan or infinite values; expected labels")
    is_whole = block.dtype.kind != "f"
    nearest = block if is_whole else np.rint(block)
    low, high = nearest.min(), nearest.max()
    if low < 0 or high > MAX_LABEL:
        low, high = block.min(), block.max()
        raise LabelError(f"holds labels {low} to {high}; expected 0 to {MAX_LABEL}")
    labels = nearest.astype(np.uint16)
    if not is_whole and (off := np.abs(block - nearest) > _ROUNDING).any():
        fraction = float(block[off][0])
        raise LabelError(
            f"holds fractional values such as {fraction:.6g}; expected labels, not probabilities"
            " (`numpy.rint` where it is only rounding)"
        )
    return labels
