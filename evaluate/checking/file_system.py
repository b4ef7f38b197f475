"""The file system that an image's layers make together, and what is wasted in them."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from evaluate.sandbox.layers import LayerEntry

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_LINKS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """What a container sees.

    Hidden are files that a later layer deletes or replaces, which are still in the archive.
    """

    entries: dict[str, LayerEntry]
    hidden: tuple[LayerEntry, ...]

    def find(self, path: str) -> LayerEntry | None:
        """What a path leads to, links followed within the image; None if to nothing."""
        todo = [part for part in path.split("/") if part not in ("", ".")]
        here: list[str] = []
        links = 0
        entry: LayerEntry | None = None
        while todo:
            part = todo.pop(0)
            if part == "..":
                del here[-1:]
                continue
            entry = self.entries.get("/".join([*here, part]))
            if entry is not None and entry.kind == "link":
                links += 1
                if links > _MOST_LINKS:
                    return None
                if entry.link.startswith("/"):
                    here = []
                todo = [p for p in entry.link.split("/") if p not in ("", ".")] + todo
                continue
            here.append(part)
        if entry is not None and entry.kind == "hardlink":
            return self.entries.get(posixpath.normpath(entry.link).lstrip("/"))
        return entry

    def below(self, folder: str) -> list[LayerEntry]:
        """Everything in a folder, at any depth."""
        prefix = folder.strip("/")
        return [
            entry
            for path, entry in self.entries.items()
            if not prefix or path == prefix or path.startswith(f"{prefix}/")
        ]


def stack(layers: Sequence[Sequence[LayerEntry]]) -> FileSystem:
    """Put layers on each other, from the bottom, as an engine does."""
    entries: dict[str, LayerEntry] = {}
    hidden: list[LayerEntry] = []
    for layer in layers:
        removed, emptied = _whiteouts(layer)
        if removed or emptied:
            gone = [path for path in entries if _is_gone(path, removed, emptied)]
            hidden += [entries.pop(path) for path in gone]
        for entry in layer:
            if posixpath.basename(entry.path).startswith(_WHITEOUT):
                continue
            if entry.path in entries:
                hidden.append(entries[entry.path])
            entries[entry.path] = entry
    files = tuple(entry for entry in hidden if entry.kind == "file")
    return FileSystem(entries=entries, hidden=files)


def _whiteouts(layer: Sequence[LayerEntry]) -> tuple[set[str], set[str]]:
    """Paths that a layer removes, and folders that it empties."""
    removed: set[str] = set()
    emptied: set[str] = set()
    for entry in layer:
        folder, name = posixpath.split(entry.path)
        if name == _OPAQUE:
            emptied.add(folder)
        elif name.startswith(_WHITEOUT):
            removed.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
    return removed, emptied


def _is_gone(path: str, removed: set[str], emptied: set[str]) -> bool:
    if path in removed:
        return True
    folder = posixpath.dirname(path)
    while folder:
        if folder in removed or folder in emptied:
            return True
        folder = posixpath.dirname(folder)
    return "" in emptied
