"""Every heading of the troubleshooting page is a message that segjudge really prints."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
_MESSAGES = re.findall(r"^### `(.+)`$", _PAGE, re.MULTILINE)


@cache
def _printed() -> frozenset[str]:
    """Every text in the sources, whole as the reader sees it; `...` stands for what is put in."""
    texts = set()
    for package in ("evaluate", "data_manifest", "metrics"):
        for path in (_ROOT / package).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            for node in nodes:
                if isinstance(node, ast.JoinedStr):
                    texts.add("".join(_part(value) for value in node.values))
                elif id(node) not in docstrings and isinstance(node, ast.Constant):
                    texts.add(str(node.value))
    return frozenset(re.sub(r"(\.\.\.)+", "...", text) for text in texts)


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "..."


@pytest.mark.parametrize("message", _MESSAGES)
def test_the_message_is_one_that_the_sources_print(message: str) -> None:
    # What follows a message's end (a detail in brackets, a log's line) is left out on the page.
    assert any(text.startswith(message) for text in _printed())


def test_every_entry_quotes_one_message_and_says_what_to_do() -> None:
    entries = re.split(r"^### ", _PAGE, flags=re.MULTILINE)[1:]
    assert len(entries) == len(_MESSAGES) == len(set(_MESSAGES)) > 20
    for entry in entries:
        _, _, advice = entry.partition("\n")
        assert re.sub(r"^## .*", "", advice, flags=re.MULTILINE).strip(), entry


def test_every_hint_from_a_log_has_an_entry() -> None:
    from evaluate.running.hints import HINTS

    assert {hint.words for hint in HINTS} <= set(_MESSAGES)
