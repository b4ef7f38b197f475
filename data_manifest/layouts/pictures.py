"""What Pillow would read otherwise than it is meant, or though it is damaged."""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL import Image  # slow to import

_STEPS = {"L;2": 85, "L;4": 17}
_LOSSY = ("jpeg", "tiff_jpeg", "webp")
_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST_PIXELS = 1 << 30
_ORIENTATION = 274
_TURNED = {
    2: "mirrored",
    3: "upside down",
    4: "mirrored and upside down",
    5: "mirrored and on its side",
    6: "on its side",
    7: "mirrored and on its side",
    8: "on its side",
}


@contextlib.contextmanager
def any_size() -> Iterator[None]:
    """Without Pillow's guard: whoever reads looks at the size before a pixel is decompressed."""
    from PIL import Image

    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = guard


def check_chunks(stream: BinaryIO) -> None:
    """Nothing, if a file is a whole PNG, or none: Pillow takes one that ends behind its pixels.

    Raises:
        ValueError: it ends too early, or a part is not what was written.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    kind = b"" if stream.read(len(_PNG)) == _PNG else b"IEND"
    while kind != b"IEND":
        head = stream.read(8)
        length, kind = struct.unpack(">I4s", head) if len(head) == 8 else (size, b"")
        if stream.tell() + length + 4 > size:  # a length that lies takes no memory
            raise ValueError("it is cut off")
        body = stream.read(length)
        if stream.read(4) != struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))):
            raise ValueError("it is damaged: a checksum is another")
    stream.seek(0)


def spread(raw_mode: str) -> int:
    """By how much Pillow multiplies grey of 2 and 4 bits, to spread it over 0 to 255."""
    return next((step for bits, step in _STEPS.items() if raw_mode.startswith(bits)), 1)


def raw_mode(picture: "Image.Image") -> str:
    """How the file's bytes become Pillow's pixels; it is gone when these have been read."""
    tiles = getattr(picture, "tile", ())
    if not tiles:
        return picture.mode
    arguments = tiles[0][3]
    return str(arguments if isinstance(arguments, str) else next(iter(arguments or ("",))))


def lossy(picture: "Image.Image") -> str:
    """The compression of a picture that keeps no exact number; empty if it keeps them."""
    if picture.format in ("JPEG", "MPO"):
        return "JPEG"
    kind = str(picture.info.get("compression", ""))
    return kind.removeprefix("tiff_").upper() if kind in _LOSSY else ""


def problem(picture: "Image.Image", *, several: bool = False) -> tuple[str, str, str] | None:
    """What keeps a picture from being read as it is meant: found, expected, and how to mend it.

    Args:
        picture: whose pixels are not read yet.
        several: whether it may have several pages.
    """
    if not several and getattr(picture, "n_frames", 1) != 1:
        return "a file of several pictures", "one picture", "save each as its own file"
    if picture.width * picture.height > _LARGEST_PIXELS:
        size = f"{picture.width} x {picture.height} pixels"
        return size, f"at most {_LARGEST_PIXELS}", "cut it into tiles"
    turned = picture.getexif().get(_ORIENTATION, 1)
    if turned not in (0, 1):
        return (
            f"the tag Orientation {turned} ({_TURNED.get(turned, 'unknown')}), which some readers"
            " apply and others do not",
            "a picture that is stored as it is meant",
            "turn the pixels and remove the tag (`PIL.ImageOps.exif_transpose`), so that image and"
            " reference fit",
        )
    return None


def check_mask(picture: "Image.Image", *, several: bool = False) -> None:
    """Nothing, if a picture's pixels are the numbers that somebody stored.

    Raises:
        ValueError: it can't be read as it is meant, or was compressed with loss.
    """
    if kind := lossy(picture):
        raise ValueError(f"labels in a {kind}; expected a compression that keeps every value")
    if fault := problem(picture, several=several):
        raise ValueError(f"{fault[0]}; expected {fault[1]}")
