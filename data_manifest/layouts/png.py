"""PNG masks of grey values or palette indices."""

import io
from typing import BinaryIO

import numpy as np

from data_manifest.layouts.labels import Buffer, Fractions, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading
from data_manifest.layouts.pictures import any_size, check_chunks, check_mask, raw_mode, spread
from data_manifest.layouts.regular_files import PredictionError


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
            step = spread(raw_mode(image))
            check_chunks(stream)
            check_mask(image)  # which may read the pixels
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
