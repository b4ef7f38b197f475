"""Keeps the head and the tail of a stranger's endless output, in bounded memory."""

from collections import deque


class BoundedLog:
    r"""The first and the last half of `limit_bytes` of what is written to it.

    >>> log = BoundedLog(limit_bytes=8)
    >>> log.write(b"0123456789abcdef")
    >>> log.content()
    b'0123\n[... 8 bytes left out: the log is longer than 8 bytes ...]\ncdef'
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._head = bytearray()
        self._head_size = limit_bytes - limit_bytes // 2
        self._tail: deque[bytes] = deque()
        self._tail_size = limit_bytes // 2
        self._in_tail = 0
        self._written = 0

    def write(self, data: bytes) -> None:
        """Add bytes; cost does not grow with what was written before."""
        self._written += len(data)
        room = self._head_size - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._in_tail += len(data)
        while self._tail and self._in_tail - len(self._tail[0]) >= self._tail_size:
            self._in_tail -= len(self._tail.popleft())

    def content(self) -> bytes:
        """All of it, or head and tail with a note in between of how much is missing."""
        tail = b"".join(self._tail)
        tail = tail[max(0, len(tail) - self._tail_size) :]
        missing = self._written - len(self._head) - len(tail)
        if missing <= 0:
            return bytes(self._head) + tail
        note = f"\n[... {missing} bytes left out: the log is longer than {self._limit} bytes ...]\n"
        return bytes(self._head) + note.encode() + tail
