"""The house keeps its words: a class has one name in it, a module too, and findings one shape."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("evaluate", "metrics", "data_manifest")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def test_no_two_classes_have_one_name() -> None:
    homes = defaultdict(list)
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(str(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_no_two_modules_have_one_name() -> None:
    """But for those that CONTRIBUTING names: they are looked for by their folder."""
    homes = defaultdict(list)
    for path, _ in modules():
        in_folder = path.parent.as_posix() in {"evaluate/cli", "metrics/catalogue"}
        if path.stem not in {"__init__", "errors", "port", "stage"} and not in_folder:
            homes[path.stem].append(str(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_only_findings_say_where_what_was_expected_and_how_to_mend_it() -> None:
    shapes = set()
    for path, tree in modules():
        if path.parts[:2] == ("evaluate", "documents"):
            continue  # a document keeps a finding under its own keys
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                fields = {
                    line.target.id
                    for line in node.body
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
                }
                if {"found", "expected"} <= fields or {"found", "mend"} <= fields:
                    shapes.add(node.name)
    assert shapes == {"Finding"}
