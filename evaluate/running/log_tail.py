"""The end of a participant's log, as plain text that can't do anything."""

import os

from data_manifest.errors import printable
from data_manifest.layouts import open_regular_file
from evaluate.store import RunDirectory

_LOG_BYTES = 16 << 10
_LOG_LINES = 40
_LINE_WIDTH = 300


def log_tail(run: RunDirectory, team: str, case: str) -> str:
    """The last lines of a log; control characters and text-direction marks as escapes."""
    stream = open_regular_file(run.log_path(team, case))
    if stream is None:
        return ""
    with stream:
        size = os.fstat(stream.fileno()).st_size
        stream.seek(max(0, size - _LOG_BYTES))
        text = stream.read(_LOG_BYTES).decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").replace("\t", "    ").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    shown = [_line(line) for line in lines[-_LOG_LINES:]]
    if size > _LOG_BYTES or len(lines) > _LOG_LINES:
        shown.insert(0, "…")
    return "\n".join(shown)


def _line(line: str) -> str:
    return printable(line if len(line) <= _LINE_WIDTH else f"{line[:_LINE_WIDTH]}…")
