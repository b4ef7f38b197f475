"""The page on what is read names every format, every word and every limit that the readers have."""

import ast
import re
from pathlib import Path

import pytest

from data_manifest import foreign_tables
from data_manifest.foreign_numbers import MISSING_WORDS
from data_manifest.making import dicom_geometry
from data_manifest.making import volume_images as volumes

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", volumes.SUFFIXES)
def test_every_format_is_on_the_page(suffix: str) -> None:
    assert f"`{suffix}`" in _PAGE


def test_every_word_for_a_missing_value_is_on_the_page_and_no_other() -> None:
    (row,) = re.findall(r"^\| missing values \|(.*)\|", _PAGE, re.MULTILINE)
    assert {word.casefold() for word in re.findall(r"`([^`]+)`", row)} == MISSING_WORDS - {""}


def test_every_separator_is_on_the_page() -> None:
    (row,) = re.findall(r"^\| separator \|(.*)\|", _PAGE, re.MULTILINE)
    assert all(name.removeprefix("a ") in row for name in foreign_tables._SEPARATORS.values())


def test_every_kind_of_dicom_that_is_refused_has_a_way_on() -> None:
    assert "refused by name" in _PAGE
    assert all(dicom_geometry._NO_IMAGES.values())


def _refusals() -> list[str]:
    """The words, without values, of every refusal by a reader."""
    found = []
    for file in sorted((_ROOT / "data_manifest" / "making").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_refusal = isinstance(node, ast.Call) and ast.unparse(node.func) == "FormatError"
            if is_refusal and len(node.args) + len(node.keywords) < 3:
                found.append(f"{file.name}, line {node.lineno}")
    return found


def test_every_refusal_says_what_was_expected_and_how_to_mend_it() -> None:
    assert _refusals() == []
