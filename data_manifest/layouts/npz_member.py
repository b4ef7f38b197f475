"""The bytes of one member of a zip archive, decompressed as they are asked for.

`zipfile` finds the members; their bytes are read here, because its own reader spends several times
as long on them (zlib, a checksum in small steps, copies). ISA-L's inflate and CRC are bit for bit
zlib's.
"""

import os
import struct
import zipfile
from typing import IO, Any, cast

from isal import igzip_lib, isal_zlib

from data_manifest.layouts.labels import BLOCK
from data_manifest.layouts.npy_header import NpzError

DecompressionError = cast("type[Exception]", igzip_lib.IsalError)
"""What is raised where compressed data are damaged."""

_INPUT = 1 << 16
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_RAW_DEFLATE = -15
_ENCRYPTED = 0x1
_UTF_8 = 0x800


class Member:
    """A member as a stream that is read once, from its first byte to its last."""

    def __init__(self, archive: IO[bytes], info: zipfile.ZipInfo, key: str) -> None:
        """Find the member's first byte.

        Args:
            archive: the file; only this object moves in it from now on.
            info: the member's entry in the table of contents.
            key: its name, for messages.

        Raises:
            NpzError: it is encrypted, or compressed in a way that numpy does not use.
            struct.error: the archive ends before it.
        """
        if info.flag_bits & _ENCRYPTED:
            raise NpzError(f"member `{key}` is encrypted")
        # Other methods decompress without a limit, however little is asked for.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NpzError(f"member `{key}` is compressed by a method that numpy does not use")
        archive.seek(info.header_offset)
        magic, name, extra = _LOCAL_HEADER.unpack(archive.read(_LOCAL_HEADER.size))
        encoding = "utf-8" if info.flag_bits & _UTF_8 else "cp437"
        if magic != b"PK\x03\x04" or archive.read(name).decode(encoding) != info.orig_filename:
            raise NpzError(f"member `{key}` is not where the archive says that it is")
        archive.seek(extra, os.SEEK_CUR)
        self.size = info.file_size
        self._archive, self._key = archive, key
        self._compressed_left = info.compress_size
        self._crc, self._expected_crc = 0, info.CRC
        self._given = 0
        self._inflater: Any = None
        if info.compress_type == zipfile.ZIP_DEFLATED:
            self._inflater = isal_zlib.decompressobj(_RAW_DEFLATE)

    def read(self, size: int) -> bytes:
        """The next bytes: as many as asked for, fewer only at the member's end.

        Raises:
            NpzError: the checksum of the whole does not fit.
            DecompressionError: the compressed data are damaged.
        """
        block = self._some(min(size, self.size - self._given))
        if 0 < len(block) < size:  # an input buffer's end, or the member's
            parts = [block]
            missing = size - len(block)
            while missing > 0 and (part := self._some(min(missing, self.size - self._given))):
                parts.append(part)
                missing -= len(part)
            block = b"".join(parts)
        return block

    def _some(self, limit: int) -> bytes:
        if limit <= 0:
            return b""
        block = self._stored(limit) if self._inflater is None else self._inflated(limit)
        self._given += len(block)
        self._crc = isal_zlib.crc32(block, self._crc)
        if self._given == self.size and self._crc != self._expected_crc:
            raise NpzError(f"member `{self._key}` is damaged: its checksum does not fit")
        return block

    def _more_input(self, size: int) -> bytes:
        data = self._archive.read(min(size, self._compressed_left))
        self._compressed_left -= len(data)
        return data

    def _stored(self, limit: int) -> bytes:
        return self._more_input(min(limit, BLOCK))

    def _inflated(self, limit: int) -> bytes:
        inflater = self._inflater
        while not inflater.eof:
            data = inflater.unconsumed_tail or self._more_input(_INPUT)
            block: bytes = inflater.decompress(data, min(limit, BLOCK))
            if block or not data:
                return block
        return b""
