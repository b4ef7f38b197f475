"""The tables of docs/security.md and docs/measurement.md name tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "security.md"
ROW = re.compile(r"^\| (\d+) \|.*\| `([^`]+)::([^`]+)` \|$", re.MULTILINE)


def functions_of(path: Path) -> set[str]:
    """Names of a module's test functions, without importing it; of a shipped suite's too."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            names |= functions_of(TESTS.parent / f"{str(node.module).replace('.', '/')}.py")
    return names


def test_every_attack_has_a_test_that_exists() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = ROW.findall(text)
    # A row that the pattern misses would be a row that nothing checks.
    assert len(rows) == len(re.findall(r"^\| \d", text, re.MULTILINE)) > 0
    missing = [
        f"{number}: {file}::{name}"
        for number, file, name in rows
        if not (TESTS / file).is_file() or name not in functions_of(TESTS / file)
    ]
    assert missing == []


def test_everything_that_a_run_survives_has_a_test_that_exists() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Nothing is lost")[2]
    named = re.findall(r"`([a-z_/]+\.py)::([a-z_0-9]+)`", text.partition("## ")[0])
    assert len(named) >= 6
    assert [n for n in named if n[1] not in functions_of(TESTS / n[0])] == []


def test_attacks_are_numbered_and_none_is_shown_by_the_test_of_another() -> None:
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert len({(file, name) for _, file, name in rows}) == len(rows)


def test_every_requirement_of_measuring_names_a_test_that_exists() -> None:
    text = (DOCUMENT.parent / "measurement.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("| ") and "held by" not in line]
    rows = [re.search(r"\| `([^`]+)::([^`]+)` \|$", line) for line in table]
    assert len(rows) > 20
    for line, row in zip(table, rows, strict=True):
        assert row and row[2] in functions_of(TESTS / row[1]), line
