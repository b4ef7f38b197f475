"""PNG masks of grey values or palette indices."""

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from data_manifest.layouts.labels import Buffer, Fractions, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading
from data_manifest.layouts.regular_files import PredictionError

_STEPS = {"L;2": 85, "L;4": 17}


@contextlib.contextmanager
def any_size() -> Iterator[None]:
    """Without Pillow's guard: whoever reads looks at the size before a pixel is decompressed."""
    from PIL import Image

    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = guard


def open_png(stream: BinaryIO) -> OpenMask:
    """Read the header of a PNG mask, (H, W).

    Raises:
        PredictionError: with the reason why not; so does reading the labels.
    """
    from PIL import Image, UnidentifiedImageError

    with reading("PNG"), any_size():
        try:
            image = Image.open(stream, formats=["PNG"])
        except UnidentifiedImageError as error:
            raise PredictionError("not a PNG that can be read") from error

    def labels(into: Buffer | None, fractions: Fractions) -> Labels:
        with reading("PNG"):
            if image.mode not in ("1", "L", "P", "I;16", "I"):
                raise ValueError(
                    f"its pixels are {image.mode}; expected one number each, the label"
                )
            # Pillow spreads 2 and 4 bits of grey over 0 to 255; the stored numbers are labels.
            step = _STEPS.get(str(image.tile[0][3]), 1)
            pixels = np.ascontiguousarray(np.asarray(image))
            pixels = pixels // step if step > 1 else pixels
            data = io.BytesIO(pixels.tobytes())
            return read_labels(data.read, pixels.dtype, pixels.size, into=into, fractions=fractions)

    return OpenMask(
        shape=image.size[::-1],
        dtype=np.dtype(np.uint8 if image.mode in ("L", "P") else np.int32),
        has_slice_axis=False,
        grid=Grid,
        labels=labels,
    )
