"""The house keeps its words: a class has one name in it, a module too, and findings one shape."""

import ast
import functools
import inspect
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_manifest.findings import Finding
from tests.commands import every_command

ROOT = Path(__file__).parents[2]
BY_FOLDER = {"evaluate/exporting", "metrics/catalogue"}
BY_FOLDER |= {p.parent.relative_to(ROOT).as_posix() for p in ROOT.glob("evaluate/cli/**/*.py")}
PACKAGES = ("evaluate", "metrics", "data_manifest")
ERRORS = {
    *("ManifestError", "CaseFileError", "TableError", "UsageError", "ProtocolError"),
    *("RunDirectoryError", "RankingRefusedError", "EngineMissingError", "SubmissionError"),
    *("SandboxError", "BundleError", "HarnessStoppedError"),
}  # made of findings, or of the facts of one


@functools.cache
def modules(packages: Sequence[str] = PACKAGES) -> list[tuple[Path, ast.Module]]:
    paths = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return [(path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))) for path in paths]


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call by the last word of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


def test_a_problem_says_where_what_was_found_and_what_to_do() -> None:
    """Every finding in the sources that may stop a command or fail a submission.

    What `check` finds has a code, by which the catalogue adds what is expected and how to mend it;
    a reader of files names all three by place.
    """
    silent = []
    for path, tree in modules():
        warned = {id(arg) for name, call in calls(tree) if name == "warn" for arg in call.args}
        for name, call in calls(tree):
            if id(call) in warned:
                continue
            given = {word.arg: ast.unparse(word.value) for word in call.keywords}
            told = {word for word, text in given.items() if text not in {"''", "'', mend=''"}}
            is_graver = given.get("severity", "Severity.PROBLEM") == "Severity.PROBLEM"
            is_checked = path.parts[1] == "checking" and "code" in told
            is_finding = name == "Finding" or (name in ERRORS and not call.args)
            if is_finding and not {"where", "found"} <= told:
                silent.append(f"{path}:{call.lineno}")
            elif is_finding and is_graver and not is_checked:
                if not {"expected", "mend"} & told:
                    silent.append(f"{path}:{call.lineno}")
            elif name == "FormatError" and len(call.args) < 3:
                silent.append(f"{path}:{call.lineno}")
    assert silent == []


def test_every_check_in_the_catalogue_says_what_is_expected_and_how_to_mend_it() -> None:
    from evaluate.checking import CATALOGUE

    assert all(check.expected and check.mend and check.why for check in CATALOGUE.values())


def test_only_the_command_line_writes_to_the_terminal() -> None:
    """By functions that take findings, tables and lines of results; a refusal has no other way."""
    writers = set()
    for path, tree in modules():
        for name, call in calls(tree):
            target = ast.unparse(call.func)
            if target in {"print", "warnings.warn", "Console"} or (
                name in {"write", "writelines"} and target.startswith(("sys.", "os."))
            ):
                writers.add(path.as_posix())
    terminal = {f"evaluate/cli/{name}.py" for name in ("__init__", "commands", "terminal")}
    assert writers <= terminal
    from evaluate.cli import terminal as shown

    assert inspect.get_annotations(shown.warn) == {"finding": Finding, "return": None}


def test_every_command_has_a_file_of_its_own_with_one_parser_and_one_call() -> None:
    """The files are found by their commands' names, in one place, which alone makes parsers."""
    files = set()
    for path, tree in modules(("evaluate/cli",)):
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        if "add_arguments" in names:
            files.add(path.relative_to("evaluate/cli").with_suffix("").as_posix())
            assert names.count("call") == 1
        if {name for name, _ in calls(tree)} & {"add_parser", "add_subparsers", "CommandParser"}:
            assert path.name == "commands.py"
    named = {" ".join(words).replace("-", "_").replace(" ", "/") for words in every_command()}
    assert {"try" if file == "try_page" else file for file in files} == named


def test_every_temporary_folder_has_an_owner_or_lies_where_its_command_writes() -> None:
    """So that the next command removes what a killed one has left."""
    makers = {
        path.as_posix()
        for path, tree in modules()
        for name, _ in calls(tree)
        if name in {"mkdtemp", "TemporaryDirectory", "NamedTemporaryFile", "mkstemp"}
    }
    owned = {"evaluate/sandbox/scratch.py"}
    owned |= {"evaluate/sandbox/local.py"}  # below the sandbox's scratch folder
    beside = {"evaluate/scoring/folder_scores.py", "evaluate/store/folders.py"}
    beside |= {"data_manifest/making/image_folders.py", "evaluate/documents/tables.py"}
    assert makers <= owned | beside


def test_no_two_classes_have_one_name() -> None:
    homes = defaultdict(list)
    for path, tree in modules((*PACKAGES, "segjudge", "bench")):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(str(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_no_two_modules_have_one_name() -> None:
    """But for those that CONTRIBUTING names: they are looked for by their folder."""
    assert all((ROOT / folder).is_dir() for folder in BY_FOLDER)
    homes = defaultdict(list)
    for path, _ in modules():
        in_folder = path.parent.as_posix() in BY_FOLDER
        if path.stem not in {"__init__", "errors", "port", "stage"} and not in_folder:
            homes[path.stem].append(str(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_no_two_files_of_tests_have_one_name() -> None:
    """Only one of them would be collected."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


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


def other_uses_of_found(tree: ast.Module) -> Iterator[int]:
    """Lines that give the name to a value that is no text on its way into a finding."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    for function in functions or [tree]:
        passed_on = any(
            keyword.arg == "found" and isinstance(keyword.value, ast.Name)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            for keyword in call.keywords
        )
        for node in ast.walk(function):
            is_target = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            if is_target and node.id == "found" and not passed_on:
                yield node.lineno
            if isinstance(node, ast.arg) and node.arg == "found":
                kind = ast.unparse(node.annotation) if node.annotation else ""
                if kind != "str":
                    yield node.lineno


def test_found_is_a_field_of_findings_and_no_name_for_a_value() -> None:
    assert [*other_uses_of_found(ast.parse("def look(found): ..."))] == [1]
    assert [*other_uses_of_found(ast.parse("def look():\n for found in (1, 2): ..."))] == [2]
    packages = (*PACKAGES, "participants", "segjudge", "bench")
    others = [f"{p}:{line}" for p, tree in modules(packages) for line in other_uses_of_found(tree)]
    assert others == []


# Where what a file or an engine says is taken apart, before it is of a type.
UNTYPED = {
    "evaluate/documents/tables.py": "a row of a table",
    "evaluate/facts/first_schema.py": "a protocol of the first schema",
    "evaluate/facts/protocol_files.py": "a protocol as TOML",
    "evaluate/sandbox/archives.py": "an image's configuration, within bounds",
    "evaluate/sandbox/engine.py": "what an engine says of itself",
    "evaluate/sandbox/engine_images.py": "what an engine says of an image",
    "evaluate/sandbox/measurement/stats.py": "what an engine counts of a container",
    "evaluate/sandbox/survey.py": "what an engine says of an image's files",
}


def test_untyped_dictionaries_stay_where_a_file_or_an_engine_is_read() -> None:
    homes = {
        str(path)
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and ast.unparse(node) in {"dict[str, Any]", "Mapping[str, Any]"}
    }
    assert homes == UNTYPED.keys()


def test_no_module_is_longer_than_300_lines() -> None:
    packages = (*PACKAGES, "participants", "segjudge", "bench")
    paths = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    lines = {path.relative_to(ROOT): path.read_text("utf-8").count("\n") for path in paths}
    assert {path: count for path, count in lines.items() if count > 300} == {}
