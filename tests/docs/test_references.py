"""The references leave nothing out: no key, no default, no outcome; every page is linked."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules

_DOCS = Path(__file__).parents[2] / "docs"
_ROW = re.compile(r"^\| `(?P<key>[a-z_.]+)` \|(?P<cells>.*)\|$", re.MULTILINE)


def _fields(struct: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that a TOML file can hold, with its default."""
    for field in msgspec.structs.fields(struct):
        key = prefix + field.encode_name
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _fields(field.type, f"{key}.")
            continue
        # The tables of files are told one by one; options stand beside a metric's other keys.
        if key not in ("input.files", "scoring.metrics.options"):
            made = field.default_factory
            yield key, field.default if made is msgspec.NODEFAULT else made()
        for part in get_args(field.type):
            # A region's rules by metric are those of the metrics, told there.
            by_metric = get_origin(field.type) is dict
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and not by_metric:
                yield from _fields(part, f"{key}.")


def _rows(page: str) -> dict[str, list[str]]:
    text = (_DOCS / page).read_text(encoding="utf-8")
    found = [
        (row["key"], [cell.strip() for cell in row["cells"].split(" | ")])
        for row in _ROW.finditer(text)
    ]
    assert len(found) == len(dict(found)), f"{page} has a key twice"
    return dict(found)


def test_every_key_of_a_protocol_is_explained_and_no_other() -> None:
    assert set(_rows("protocols.md")) == {key for key, _ in _fields(Rules)}


@pytest.mark.parametrize(("key", "default"), list(_fields(Rules)))
def test_each_default_is_the_one_that_the_page_says(key: str, default: Any) -> None:
    *_, said = _rows("protocols.md")[key]
    if default is msgspec.NODEFAULT:
        assert said == "needed"
    elif default is None:
        assert said.startswith("not set")
    else:
        shown = re.match(r"`([^`]*)`", said)
        assert shown is not None, said
        # The page shows it as TOML.
        value = tomllib.loads(f"value = {shown[1]}")["value"]
        assert json.dumps(value) == json.dumps(default)


def test_every_outcome_is_explained_and_no_other() -> None:
    assert set(_rows("outcomes.md")) == {str(outcome) for outcome in Outcome}


def test_only_a_failure_is_scored_as_one() -> None:
    for key, (_, scored, _) in _rows("outcomes.md").items():
        assert scored.startswith("as a failure") == Outcome(key).is_failure, key


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in _DOCS.glob("**/*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_index_links_every_page_for_users() -> None:
    index = (_DOCS / "README.md").read_text(encoding="utf-8")
    for page in [*_DOCS.glob("*.md"), *(_DOCS / "guides").glob("*.md")]:
        if page.name != "README.md":
            assert f"({page.relative_to(_DOCS).as_posix()})" in index, page.name


_PATH = re.compile(
    r"`((?:evaluate|metrics|data_manifest|tests|participants|docs|bench)/[\w./*-]+)`"
)
_PAGES = [*_DOCS.parent.glob("*.md"), *_DOCS.rglob("*.md"), *_DOCS.parent.glob("*/README.md")]


@pytest.mark.parametrize("page", sorted(set(_PAGES)), ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    for name in _PATH.findall(page.read_text(encoding="utf-8")):
        # A recipe names what it makes; a name without ending may be a module.
        made = f"file={name}" in page.read_text(encoding="utf-8")
        there = [*_DOCS.parent.glob(name.rstrip("/")), *_DOCS.parent.glob(f"{name}.py")]
        assert there or made, f"{page.name}: {name}"
