"""Every preset gives the numbers of its challenge's own code; a twin repeats fewer of its traps."""

import csv
import importlib.util
import re
import shutil
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from evaluate.cli import main
from evaluate.facts.rules import builtin_protocols, load_protocol
from evaluate.reporting.rules_told import corrected_twin
from tests.scoring.folders import command

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
PAGE = (Path(__file__).parents[2] / "docs" / "presets.md").read_text(encoding="utf-8")
PRESETS = [name for name in builtin_protocols() if not name.endswith("-corrected")]
EXE = "segjudge"


@cache
def checker() -> ModuleType:
    """The comparison that comes with the values; segjudge runs in this process, for speed."""
    spec = importlib.util.spec_from_file_location("parity_check", REFERENCE / "check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    elsewhere = module.call

    def call(program: object, *arguments: object) -> str:
        if program != EXE:
            return str(elsewhere(program, *arguments))
        jobs = ("--jobs", "1") if arguments[0] == "score" else ()
        code = main([str(argument) for argument in (*arguments, *jobs)])
        return f"exit code {code}" if code else ""

    module.call = call  # type: ignore[attr-defined]
    return module


@cache
def presets() -> dict[str, dict[str, object]]:
    if not REFERENCE.is_dir():
        return {}
    known = tomllib.loads((REFERENCE / "parity.toml").read_text(encoding="utf-8"))
    del known["names"]
    return {name: {"source": name} | known.get(p.get("like"), {}) | p for name, p in known.items()}


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The seeded inputs that were made so far: several presets may be about the same."""
    return {"": tmp_path_factory.mktemp("inputs")}


def made(source: str, inputs: dict[str, Path]) -> str:
    """Make a challenge's inputs, if they are not there; what went wrong."""
    if source in inputs:
        return ""
    inputs[source] = inputs[""] / source
    values = REFERENCE / source / "7"
    return str(checker().make_inputs(source, "7", values, inputs[source]))


needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason=f"the challenges' values are not here; to run this, put them into {REFERENCE}",
)


@needs_reference
@pytest.mark.parametrize("name", sorted(set(PRESETS) & set(presets())) or ["none"])
def test_a_preset_gives_every_required_value_of_the_challenges_own_code(
    name: str, inputs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module, preset = checker(), presets()[name]
    source = str(preset["source"])
    values = REFERENCE / source / "7"
    said = made(source, inputs)
    official = module.official_values(values, preset.get("keys", {}))
    wanted, _ = module.expected(preset, official)
    capsys.readouterr()
    found = module.check(EXE, name, wanted, said, inputs[source], tmp_path)
    equal, compared = found["required"]
    assert compared or name == "conic22", "nothing was compared"
    assert equal == compared, capsys.readouterr().out
    counts = f"{equal} / {compared}"
    if found["stretch"][1]:
        counts += f" + {found['stretch'][0]} / {found['stretch'][1]}"
    row = re.search(rf"^\| `{name}` \|.*\| ([0-9/+ ]+) \|$", PAGE, re.MULTILINE)
    assert row is not None and row[1] == counts, f"docs/presets.md: {name} {counts}"


@pytest.mark.parametrize("name", sorted(set(builtin_protocols()) - set(PRESETS)))
def test_a_corrected_twin_has_other_rules_and_repeats_fewer_traps(name: str) -> None:
    twin, base = load_protocol(name), load_protocol(name.removesuffix("-corrected"))
    assert twin.digest("score") != base.digest("score")
    assert set(twin.traps) < set(base.traps)


def traps_of_page() -> dict[str, list[list[str]]]:
    """The rows that say where a value stands, by preset: where, the preset's, the twin's."""
    rows = PAGE.partition("| where |")[2].splitlines()
    cells = [[cell.strip() for cell in row.split("|")] for row in rows if row.startswith("| `")]
    found: dict[str, list[list[str]]] = {}
    for row in cells:
        found.setdefault(row[1].strip("`"), []).append(row[3:6])
    return found


def cell(folder: Path, where: str) -> str:
    """What stands at `case NAME, COLUMN`, `label NAME LABEL, COLUMN`, `cohort [LABEL] METRIC`."""
    place, _, column = where.partition(", ")
    table, *key = place.split(" ")
    with (folder / f"{table}_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = ["label", "metric"] if table == "cohort" else ["case", "label"][: len(key)]
    key = ["", *key][-2:] if table == "cohort" else key
    (row,) = [row for row in rows if [row[name] for name in names] == key]
    value = row[column or "value"]
    return f"{float(value):.4f}" if re.fullmatch(r"-?[0-9.][0-9.e-]*", value) else value


@needs_reference
@pytest.mark.parametrize("name", sorted(traps_of_page()))
def test_the_page_says_what_a_trap_is_worth(
    name: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    preset = presets()[name]
    assert not made(str(preset["source"]), inputs)
    data = tmp_path / "data"
    shutil.copytree(inputs[str(preset["source"])], data)
    (tmp_path / "predictions").mkdir()
    for path in sorted(data.glob(str(preset["predictions"]))):
        shutil.move(path, tmp_path / "predictions")
    folders = ("--references", data / str(preset["references"]))
    folders += ("--predictions", tmp_path / "predictions")
    twin = corrected_twin(load_protocol(name))
    assert twin is not None
    for protocol in (name, twin.name):
        out = ("--protocol", protocol, "--out", tmp_path / protocol, "--jobs", 1)
        assert command("score", *folders, *out) == 0
    found = [
        [where, cell(tmp_path / name, where), cell(tmp_path / twin.name, where)]
        for where, *_ in traps_of_page()[name]
    ]
    assert found == traps_of_page()[name]


def test_every_preset_stands_on_the_page() -> None:
    table = PAGE.partition("## Which there are")[2].partition("##")[0]
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)
    assert set(PRESETS) - {"segjudge", "segjudge-1"} == set(listed)
