"""PNG, JPEG, BMP and TIFF: the stored numbers of labels, the visible picture of images."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from data_manifest.layouts.pictures import (
    any_size,
    check_chunks,
    lossy,
    problem,
    raw_mode,
    spread,
)
from data_manifest.making.geometry import Volume
from data_manifest.making.image_formats import FormatError, library_messages

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_COLOURS = ("P", "RGB", "RGBA", "LA", "PA")
_AS_GREY = "save the labels' numbers as a grey PNG"


def read_picture(path: Path, *, labels: bool = False) -> Volume:
    """Read one picture; its resolution is no spacing, and is left out.

    Args:
        path: of the file.
        labels: take the numbers as they are stored: a palette's indices, and no colours.

    Raises:
        FormatError: unreadable, several pictures, or a tag that readers take differently.
    """
    notes: list[str] = []
    with library_messages() as said:
        try:
            with path.open("rb") as stream:
                check_chunks(stream)
            with any_size(), Image.open(path) as picture:
                raw = raw_mode(picture)
                if fault := problem(picture):
                    raise FormatError(fault[0], fault[1], fault[2])
                array = (_numbers if labels else _visible)(picture, raw, notes)
        except (EOFError, OSError, SyntaxError, ValueError) as error:
            raise FormatError(
                f"can't be read as a picture: {error}",
                "a whole PNG, JPEG, BMP or TIFF of a common kind",
                "take a fresh copy, or save it as PNG",
            ) from error
    return Volume(array=array, notes=(*notes, *said))


def picture_header(path: Path) -> Volume:
    """The shape by the header alone: (H, W), or (H, W, 3) of colours."""
    with any_size(), Image.open(path) as picture:
        colours = () if picture.mode in _GREY else (3,)
        return Volume(array=np.broadcast_to(np.uint8(0), (*picture.size[::-1], *colours)))


def _tag(picture: Image.Image, number: int) -> tuple[int, ...]:
    value = getattr(picture, "tag_v2", {}).get(number, ())
    return tuple(value) if isinstance(value, tuple) else (value,)


def _numbers(picture: Image.Image, raw: str, notes: list[str]) -> npt.NDArray[np.generic]:
    """The numbers that are stored, one a pixel."""
    if kind := lossy(picture):
        raise FormatError(f"labels in a {kind}", "a format that keeps every value", "use PNG")
    values = np.array(picture)
    if _is_deep(picture, raw):
        raise FormatError("labels as colours of 16 bits", "one number a pixel", _AS_GREY)
    if picture.mode in ("RGB", "RGBA", "LA", "PA"):
        return _one_channel(picture, values)
    if picture.mode not in (*_GREY, "P"):
        raise FormatError(f"pixels of mode {picture.mode}", "one number a pixel", _AS_GREY)
    if _tag(picture, _PHOTOMETRIC) == (0,):
        if values.dtype == np.bool_:
            values = ~values
        elif values.dtype == np.uint8:  # Pillow turns those round, and no deeper ones
            values = 255 - values
        notes.append("labels with the tag `min is white`: the stored numbers were taken")
    step = spread(raw)
    return _signed(picture, values // step if step > 1 else values)


def _signed(picture: Image.Image, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Pillow has no signed bytes and no unsigned 32 bits."""
    kind = (*_tag(picture, _SAMPLE_FORMAT), 1)[0]
    if kind == 2 and values.dtype == np.uint8:
        return values.view(np.int8)
    if kind == 1 and values.dtype == np.int32 and picture.format == "TIFF":
        return values.view(np.uint32)
    return values


def _one_channel(picture: Image.Image, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Grey that is stored as colours; an alpha that hides nothing is left out."""
    bands = picture.getbands()
    if bands[-1] == "A":
        if (values[:, :, -1] != 255).any():
            raise FormatError(
                "labels with transparency", "one number a pixel", "save it without alpha, in grey"
            )
        values = values[:, :, :-1]
    if (values != values[:, :, :1]).any():
        raise FormatError("labels as colours", "one number a pixel: grey, or a palette", _AS_GREY)
    return values[:, :, 0]


def _is_deep(picture: Image.Image, raw: str) -> bool:
    """Whether it has colours of more bits than Pillow keeps."""
    several = len(picture.getbands()) > 1
    return several and ("16" in raw or max((*_tag(picture, _BITS), 0)) > 8)


def _visible(picture: Image.Image, raw: str, notes: list[str]) -> npt.NDArray[np.generic]:
    """The picture as it is seen: grey in any depth, or uint8 colours."""
    if _is_deep(picture, raw):
        raise FormatError(
            "more than 8 bits a colour, of which readers keep 8 each in its own way",
            "8 bits a colour, or grey of up to 16 bits",
            "scale it to 8 bits by the camera's own range",
        )
    if picture.mode not in (*_GREY, *_COLOURS):
        raise FormatError(
            f"pixels of mode {picture.mode}", "grey, RGB or a palette", "convert it to RGB"
        )
    if _tag(picture, _PHOTOMETRIC) == (0,):
        if picture.mode not in ("1", "L"):
            raise FormatError(
                "the tag `min is white` with more than 8 bits",
                "`min is black`",
                "turn the values round, and write them so",
            )
        notes.append("the tag `min is white`: turned round, so that white is bright")
    holes = picture.mode in ("L", "P", "RGB") and "transparency" in picture.info
    alpha = holes or picture.mode in ("LA", "PA", "RGBA")
    if alpha and np.array(picture.convert("RGBA"))[:, :, 3].min() < 255:
        raise FormatError(
            "pixels that are transparent", "a picture without holes", "lay it onto a background"
        )
    if picture.mode in ("1", "LA"):
        return np.array(picture.convert("L"))
    if picture.mode in _GREY:
        return _signed(picture, np.array(picture))
    return np.array(picture.convert("RGB"))
