"""CONTRIBUTING's map is the tree, and each word of the glossary is one class."""

import ast
import functools
import re
from collections import Counter
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("evaluate", "metrics", "data_manifest")
_MAP = (_ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Conventions")[0]
_WORDS = re.findall(
    r"^\| [a-z ]+ \| `(\w+)` \|", (_ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE
)


def _rooms_of_the_map() -> set[str]:
    """The folders of the first column; a name without its parent has that of its neighbour."""
    rooms = set()
    for row in re.findall(r"^\| (`.*?) \|", _MAP, re.MULTILINE):
        parent = ""
        for name in re.findall(r"`([\w/]+)/`", row):
            room = name if "/" in name or not parent else f"{parent}/{name}"
            parent = room.rpartition("/")[0]
            rooms.add(room)
    return rooms


def test_the_map_shows_every_room_and_no_other() -> None:
    rooms = {"participants", *_PACKAGES}
    for package in _PACKAGES:
        rooms |= {f"{package}/{p.parent.name}" for p in (_ROOT / package).glob("*/__init__.py")}
    assert {room for room in _rooms_of_the_map() if room != "evaluate"} == rooms - {"evaluate"}


@functools.cache
def _classes() -> Counter[str]:
    return Counter(
        node.name
        for package in _PACKAGES
        for path in (_ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )


@pytest.mark.parametrize("name", _WORDS)
def test_a_word_of_the_glossary_is_one_class(name: str) -> None:
    assert _classes()[name] == 1


def test_the_glossary_is_short_and_names_nothing_twice() -> None:
    assert 15 <= len(_WORDS) == len(set(_WORDS)) <= 20
