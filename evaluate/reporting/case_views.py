"""How a case's arrays become pictures: which slices are shown, how large, in which codes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from evaluate.reporting.case_files import Window

LONGEST = {2: 400, 3: 224}
"""Pixels of the longer side of a slice, by the image's dimensions."""
_THUMBNAIL = 72
_QUALITY = 70
AGREE, _FALSE_POSITIVE, _FALSE_NEGATIVE, _WRONG_LABEL = 1, 2, 3, 4
_PALETTE = (0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255)
Labels = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """What of a volume is shown, and how large."""

    window: Window
    slices: tuple[int, ...]
    longest: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a slice in the files."""
        scale = min(1.0, self.longest / max(self.window.rows, self.window.columns))
        rows, columns = self.window.rows * scale, self.window.columns * scale
        return max(1, round(rows)), max(1, round(columns))

    def mask(self, labels: Labels) -> Labels:
        """The shown slices of a (D, H, W) label map, below one another, by nearest voxels."""
        rows, columns = self.size
        window = self.window
        down = window.top + ((np.arange(rows) + 0.5) * window.rows / rows).astype(int)
        across = window.left + ((np.arange(columns) + 0.5) * window.columns / columns).astype(int)
        shown: Labels = labels[np.ix_(np.array(self.slices), down, across)]
        return shown.reshape(-1, columns)

    def picture(self, image: npt.NDArray[np.uint8]) -> bytes:
        """The shown slices of a (D, H, W) or (1, H, W, 3) image, below one another."""
        rows, columns = self.size
        strip = Image.new("L" if image.ndim == 3 else "RGB", (columns, rows * len(self.slices)))
        for position, index in enumerate(self.slices):
            strip.paste(self._slice(image, index, (columns, rows)), (0, position * rows))
        return as_webp(strip)

    def thumbnail(self, image: npt.NDArray[np.uint8], labels: Labels) -> bytes:
        """The slice with the largest reference area, very small."""
        rows, columns = self.size
        index = max(self.slices, key=lambda i: int(np.count_nonzero(labels[i])))
        scale = min(1.0, _THUMBNAIL / max(rows, columns))
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        return as_webp(self._slice(image, index, size))

    def _slice(
        self, image: npt.NDArray[np.uint8], index: int, size: tuple[int, int]
    ) -> Image.Image:
        part = Image.fromarray(np.ascontiguousarray(self.window.of(image[index])))
        return part.resize(size, Image.Resampling.BOX)

    def share_outside(self, prediction: Labels) -> float:
        """Which share of a prediction lies outside the window or beyond the slices; 0 if empty."""
        whole = np.count_nonzero(prediction)
        if not whole:
            return 0.0
        window = self.window
        deep = slice(self.slices[0], self.slices[-1] + 1)
        inside = prediction[deep, window.top : window.bottom, window.left : window.right]
        return 1.0 - float(np.count_nonzero(inside) / whole)


def file_number(index: int) -> str:
    """What stands in a file's name for the first, which is all or the only one, and the others."""
    return f"-{index}" if index else ""


def mask_of_each(labels: Labels, regions: Sequence[tuple[int, ...]]) -> list[Labels]:
    """All labels, then each region alone."""
    return [labels, *(np.where(np.isin(labels, region), labels, 0) for region in regions)]


def shown_slices(labels: Labels, asked: Sequence[int], most: int) -> tuple[int, ...]:
    """Slices from just before the first object to just behind the last, at most so many.

    The one with the largest reference area is always among them. Where there are more, they are
    evenly apart, and every team's are the same ones.
    """
    depth = len(labels)
    if depth == 1:
        return (0,)
    areas = np.count_nonzero(labels, axis=(1, 2))
    where = np.flatnonzero(areas).tolist()
    where += np.clip(asked, 0, depth - 1).tolist()
    if not where:
        where = [0, depth - 1]
    first, last = max(0, min(where) - 1), min(depth - 1, max(where) + 1)
    chosen = set(np.linspace(first, last, min(most, last - first + 1)).round().astype(int).tolist())
    largest = int(np.argmax(areas)) if areas.any() else (first + last) // 2
    if largest not in chosen:
        inner = sorted(chosen - {first, last}) or sorted(chosen)
        chosen.remove(min(inner, key=lambda index: abs(index - largest)))
        chosen.add(largest)
    return tuple(sorted(chosen))


def differences(reference: Labels, prediction: Labels) -> npt.NDArray[np.uint8]:
    """What a prediction has right and wrong, as codes of the palette."""
    wanted, given = reference > 0, prediction > 0
    classes = np.zeros(reference.shape, np.uint8)
    classes[given & ~wanted] = _FALSE_POSITIVE
    classes[wanted & ~given] = _FALSE_NEGATIVE
    both = wanted & given
    classes[both] = np.where(reference[both] == prediction[both], AGREE, _WRONG_LABEL)
    return classes


def as_png(codes: npt.NDArray[np.integer]) -> bytes:
    """Codes of the palette as a picture, 0 transparent."""
    picture = Image.fromarray(np.ascontiguousarray(codes, dtype=np.uint8), mode="P")
    picture.putpalette(_PALETTE)
    stream = io.BytesIO()
    picture.save(stream, "PNG", bits=4, compress_level=9)
    return stream.getvalue()


def as_webp(picture: Image.Image) -> bytes:
    """A picture, small."""
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "WEBP", quality=_QUALITY, method=4)
    return stream.getvalue()
