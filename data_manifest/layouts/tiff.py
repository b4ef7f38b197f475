"""TIFF masks of grey values or palette indices: one picture, or a volume's slices one by one."""

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_manifest.layouts.labels import Buffer, Fractions, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading
from data_manifest.layouts.pictures import any_size, check_mask, raw_mode, spread
from data_manifest.layouts.regular_files import PredictionError

_PHOTOMETRIC = 262
_MODES = ("1", "L", "P", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """What goes wrong becomes a reason, and what Pillow and libtiff say stays off the terminal."""
    from data_manifest.making.image_formats import library_messages

    with reading("TIFF"), any_size(), library_messages():
        try:
            yield
        except TypeError as error:  # Pillow's, where a tag is missing
            raise PredictionError(f"not a TIFF that can be read: {error}") from error


def open_tiff(stream: BinaryIO) -> OpenMask:
    """Read the header of a TIFF mask, (H, W), or (D, H, W) of several pictures.

    Raises:
        PredictionError: with the reason why not; so does reading the labels.
    """
    from PIL import Image, UnidentifiedImageError

    with _reading():
        try:
            image = Image.open(stream, formats=["TIFF"])
        except UnidentifiedImageError as error:
            raise PredictionError("not a TIFF of a common kind that can be read") from error
        if image.mode not in _MODES:
            raise ValueError(f"its pixels are {image.mode}; expected one number each, the label")
        check_mask(image, several=True)
        depth = int(getattr(image, "n_frames", 1))
    mode, size = image.mode, image.size

    def labels(into: Buffer | None, fractions: Fractions) -> Labels:
        with _reading():
            slices: list[npt.NDArray[np.generic]] = []
            for index in range(depth):
                image.seek(index)
                if (image.mode, image.size) != (mode, size):
                    raise ValueError("its pictures are not all of one size and kind")
                check_mask(image, several=True)
                # Pillow spreads 2 and 4 bits of grey over 0 to 255; the stored numbers are labels.
                step = spread(raw_mode(image))
                pixels = np.asarray(image)
                # Pillow turns bytes of the kind `min is white` round; the stored ones are labels.
                white = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
                if white and pixels.dtype in (np.uint8, np.bool_):
                    pixels = ~pixels
                slices.append(np.ascontiguousarray(pixels // step if step > 1 else pixels))
            data, dtype = (
                io.BytesIO(b"".join(pixels.tobytes() for pixels in slices)),
                slices[0].dtype,
            )
            count = depth * size[0] * size[1]
            return read_labels(data.read, dtype, count, into=into, fractions=fractions)

    return OpenMask(
        shape=size[::-1] if depth == 1 else (depth, *size[::-1]),
        dtype=np.dtype(np.uint8 if mode in ("1", "L", "P") else np.int32),
        has_slice_axis=False,
        grid=Grid,
        labels=labels,
    )
