"""Every preset gives the numbers of its challenge's own code; a twin repeats fewer of its traps."""

import importlib.util
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from evaluate.cli import main
from evaluate.facts.rules import builtin_protocols, load_protocol

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
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


@pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason=f"the challenges' values are not here; to run this, put them into {REFERENCE}",
)
@pytest.mark.parametrize("name", sorted(set(PRESETS) & set(presets())) or ["none"])
def test_a_preset_gives_every_required_value_of_the_challenges_own_code(
    name: str, inputs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module, preset = checker(), presets()[name]
    source = str(preset["source"])
    values = REFERENCE / source / "7"
    said = ""
    if source not in inputs:
        inputs[source] = inputs[""] / source
        said = module.make_inputs(source, "7", values, inputs[source])
    official = module.official_values(values, preset.get("keys", {}))
    wanted, _ = module.expected(preset, official)
    capsys.readouterr()
    found = module.check(EXE, name, wanted, said, inputs[source], tmp_path)
    equal, compared = found["required"]
    assert compared or name == "conic22", "nothing was compared"
    assert equal == compared, capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(set(builtin_protocols()) - set(PRESETS)))
def test_a_corrected_twin_has_other_rules_and_repeats_fewer_traps(name: str) -> None:
    twin, base = load_protocol(name), load_protocol(name.removesuffix("-corrected"))
    assert twin.digest("score") != base.digest("score")
    assert set(twin.traps) < set(base.traps)
