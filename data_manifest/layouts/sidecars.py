"""JSON files beside an image: a platform's sockets, which a protocol writes out, and points."""

import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from data_manifest.prompts import Clicks, Dots, Prompts

_LARGEST = 1 << 20

SIDECAR = "json"
"""The format of such a file, in protocols."""


def filled(template: str, case: str) -> str:
    """A path, or a text of a sidecar, for one case.

    Args:
        template: `{case}` stands for the case's identifier, `{uuid}` for a name that tells
            nothing, another one for each template, and always the same for the two.
        case: the identifier.

    >>> filled("images/ct/{uuid}.mha", "patient_1")
    'images/ct/51c9ce70-7f25-5ba6-a981-dc0c17addbf4.mha'
    """
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{case} {template}"))
    return template.replace("{case}", case).replace("{uuid}", name)


def write_sidecar(path: Path, content: Any, case: str) -> None:
    """Write what a protocol says that the file holds; the same content gives the same bytes."""
    text = json.dumps(_filled_in(content, case), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def json_fault(path: Path) -> str:
    """Why a file is no JSON of a size that anyone means; empty if it is."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        msgspec.json.decode(data)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        return f"no JSON: {error}"
    return "" if len(data) <= _LARGEST else f"more than {_LARGEST} bytes"


def write_points(path: Path, prompts: Iterable[Prompts], names: tuple[str, str]) -> None:
    """Write clicks and scribbles as Grand Challenge's "Multiple points", as x, y, z in voxels.

    Args:
        path: the file; its list is empty where nothing was marked.
        prompts: of the case: clicks round by round, and every voxel that is marked otherwise.
        names: of a point on an object, and of one beside it.
    """
    points = [
        {"name": names[0] if on else names[1], "point": voxel[::-1]}
        for kind in prompts
        for on, voxel in _marked(kind)
    ]
    version = {"major": 1, "minor": 0}
    write_sidecar(path, {"version": version, "type": "Multiple points", "points": points}, "")


def _marked(kind: Prompts) -> Iterator[tuple[bool, list[int]]]:
    """The voxels of a volume that prompts mark, z, y, x, and whether on an object."""
    if isinstance(kind, Clicks):  # slice by slice their order would be lost
        clicks = kind.given.reshape(-1, kind.given.shape[2]).tolist()
        yield from ((on == 1, voxel) for on, *voxel in clicks if on >= 0)
        return
    for z in kind.slices():
        for dots in kind.shapes(z):
            if isinstance(dots, Dots):
                yield from ((dots.inside, [z, y, x]) for y, x in dots.pixels)


def _filled_in(content: Any, case: str) -> Any:
    if isinstance(content, str):
        return filled(content, case)
    if isinstance(content, dict):
        return {key: _filled_in(value, case) for key, value in content.items()}
    return [_filled_in(value, case) for value in content] if isinstance(content, list) else content
