"""Every preset gives the numbers of its challenge's own code; a twin repeats fewer of its traps."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evaluate.facts.rules import builtin_protocols, load_protocol

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
OWN = {"cvpr24", "segjudge", "segjudge-1"}
PRESETS = [name for name in builtin_protocols() if not name.endswith("-corrected")]


@pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason=f"the challenges' values are not here; to run this, put them into {REFERENCE}",
)
@pytest.mark.parametrize("name", sorted(set(PRESETS) - OWN))
def test_a_preset_gives_every_required_value_of_the_challenges_own_code(
    name: str, tmp_path: Path
) -> None:
    known = tomllib.loads((REFERENCE / "parity.toml").read_text(encoding="utf-8"))
    if name not in known:
        pytest.skip(f"no published value of {name} in {REFERENCE / 'parity.toml'}")
    exe = Path(sys.executable).with_name("segjudge")
    report = tmp_path / "report.json"
    command = [sys.executable, REFERENCE / "check.py", "--segjudge", exe, "--json", report, name]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))["presets"][name]
    equal, compared = found["required"]
    assert equal == compared, done.stdout
    assert compared, "nothing was compared"


@pytest.mark.parametrize("name", sorted(set(builtin_protocols()) - set(PRESETS)))
def test_a_corrected_twin_has_other_rules_and_repeats_fewer_traps(name: str) -> None:
    twin, base = load_protocol(name), load_protocol(name.removesuffix("-corrected"))
    assert twin.digest("score") != base.digest("score")
    assert set(twin.traps) < set(base.traps) or (base.traps and not twin.traps)
