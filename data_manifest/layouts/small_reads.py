"""A stream for zipfile, which takes a header's word for how much to read."""

import io
from typing import IO

from data_manifest.layouts.npy_header import NpzError

_CHUNK = 1 << 20


class SmallReads(io.BufferedIOBase):
    """A stream that refuses to be read in one large piece.

    `zipfile` reads the archive's table of contents whole, as long as the archive says that it is,
    and makes an object of half a kilobyte for every 50 bytes of it.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def seekable(self) -> bool:
        """As of the stream."""
        return True

    def tell(self) -> int:
        """As of the stream."""
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As of the stream."""
        return self._stream.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Of no size, one piece; NpzError for more than a piece."""
        if size is None or size < 0:
            size = _CHUNK
        if size > _CHUNK:
            raise NpzError(
                f"the archive's table of contents has {size} bytes; at most 1 MiB is read"
            )
        return self._stream.read(size)
