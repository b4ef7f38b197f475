"""`segjudge init` writes a submission that passes `check` as it is, and overwrites nothing."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from data_manifest.findings import Severity
from data_manifest.layouts import read_reference
from data_manifest.manifest import load_manifest
from evaluate.checking import build_sanity_cases
from evaluate.checking.starter import write_starter
from evaluate.facts.rules import builtin_protocols, load_protocol
from evaluate.pipeline.checks import check_submission

_HOUSE = Path(__file__).parents[2]
_FILES = {
    *("Dockerfile", "predict.sh", "predict.py", "case_files.py", "requirements.txt"),
    *(".dockerignore", "README.md"),
}


def begin_and_check(segjudge: Callable, small_data: Path, *options: str) -> None:
    made = segjudge("init", "my-team")
    assert made.returncode == 0, made.stderr
    assert "next: segjudge check my-team" in made.stdout
    checked = segjudge("check", "my-team", "--manifest", small_data, *options)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_new_submission_passes_check_as_it_is(
    segjudge: Callable, tmp_path: Path, small_data: Path
) -> None:
    begin_and_check(segjudge, small_data, "--sandbox", "local")
    assert {path.name for path in (tmp_path / "my-team").iterdir()} == _FILES


def test_a_new_submission_follows_the_protocols_folders_and_key(
    segjudge: Callable, tmp_path: Path, small_data: Path
) -> None:
    rules = segjudge("protocol", "show", "cvpr24").stdout
    rules = rules.replace("/workspace/inputs", "/elsewhere/in").replace('"segs"', '"answer"')
    (tmp_path / "mine.toml").write_text(rules, encoding="utf-8")
    assert segjudge("init", "my-team", "--protocol", "mine.toml").returncode == 0
    assert "/elsewhere/in" in (tmp_path / "my-team" / "predict.sh").read_text(encoding="utf-8")
    options = ("--manifest", small_data, "--sandbox", "local")
    assert segjudge("check", "my-team", "--protocol", "mine.toml", *options).returncode == 0
    assert segjudge("check", "my-team", *options).returncode == 1  # the key is the other one's


def test_nothing_is_left_to_fill_in_but_the_model(segjudge: Callable, tmp_path: Path) -> None:
    segjudge("init", "my-team")
    for path in (tmp_path / "my-team").iterdir():
        assert not re.search("@[A-Z_]+@", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_what_exists_is_never_overwritten(segjudge: Callable, tmp_path: Path, kind: str) -> None:
    there = tmp_path / "my-team"
    if kind == "folder":
        there.mkdir()
    elif kind == "file":
        there.write_text("mine", encoding="utf-8")
    else:
        there.symlink_to(tmp_path / "nowhere")
    refused = segjudge("init", "my-team")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "exists already" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["my-team"]
    assert kind != "folder" or not list(there.iterdir())
    assert kind != "file" or there.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["..", "a b", "-", "ä", "a/../b c", "a" * 65, "a..b", "nowhere/a"])
def test_a_name_that_no_submission_can_have_is_refused_in_one_line(
    segjudge: Callable, tmp_path: Path, name: str
) -> None:
    refused = segjudge("init", "--", name)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


DOCUMENTED = [
    text
    for text in re.findall(
        r"```toml\n(.*?)```", (_HOUSE / "docs/protocols.md").read_text("utf-8"), re.S
    )
    if "[container]" in text
]


def speak(segjudge: Callable, rules: Path, contract: str, *options: str) -> None:
    rules.write_text(contract, encoding="utf-8")
    made = segjudge("init", "my-team", "--protocol", rules)
    assert made.returncode == 0, made.stderr
    checked = segjudge("check", "my-team", "--protocol", rules, *options)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 problems, 0 warnings" in checked.stdout


@pytest.mark.parametrize("contract", range(3))
def test_a_new_submission_speaks_each_contract_of_the_documentation(
    segjudge: Callable, tmp_path: Path, contract: int
) -> None:
    speak(segjudge, tmp_path / "mine.toml", DOCUMENTED[contract], "--sandbox", "local")


@pytest.mark.parametrize("protocol", builtin_protocols())
def test_a_preset_has_a_starter(protocol: str, tmp_path: Path) -> None:
    rules = load_protocol(protocol)
    write_starter(tmp_path / "team", protocol=rules, called=protocol)
    readme = (tmp_path / "team" / "README.md").read_text("utf-8")
    assert all(f"{rules.container.inputs}/{file.path}" in readme for file in rules.input.files)
    for path in sorted((tmp_path / "team").glob("*.py")):
        compile(path.read_text("utf-8"), path.name, "exec")
    looked_at = check_submission(str(tmp_path / "team"), protocol=rules, sandbox=None)
    json.dumps(rules.to_json(), allow_nan=False)  # as run.json keeps it
    assert not [f for f in looked_at.findings if f.severity in (Severity.PROBLEM, Severity.WARNING)]


@pytest.mark.parametrize("protocol", ["brats23-gli", "cvpr24-scribble", "cvpr25-text", "isles24"])
@pytest.mark.parametrize(
    "cases",
    [("2DBox_MR_sanity", "3DBox_MR_sanity"), pytest.param((), marks=pytest.mark.soak)],
    ids=["two cases", "all cases"],
)
def test_a_preset_s_starter_passes_check(
    segjudge: Callable, tmp_path: Path, protocol: str, cases: tuple[str, ...]
) -> None:
    options = ["--protocol", protocol, "--sandbox", "local"]
    if cases:
        rules = load_protocol(protocol)
        given = {"layout": rules.layout, "prompts": rules.kinds_of_prompts}
        options += ["--manifest", build_sanity_cases(tmp_path / "data", only=cases, **given)]
    assert segjudge("init", "my-team", "--protocol", protocol).returncode == 0
    checked = segjudge("check", "my-team", *options)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_algorithm_gets_the_clicks_of_a_round_as_points(
    segjudge: Callable, tmp_path: Path
) -> None:
    rules = 'base = "autopet4-interactive"\nname = "mine"\n[rounds]\nnumber = 2\n'
    (tmp_path / "mine.toml").write_text(rules, encoding="utf-8")
    volume = {"only": ("3DBox_PET_sanity",), "prompts": ("clicks",)}
    layout = load_protocol("autopet4-interactive").layout
    data = build_sanity_cases(tmp_path / "data", layout=layout, **volume)
    assert segjudge("init", "my-team", "--protocol", "mine.toml").returncode == 0
    script = tmp_path / "my-team" / "predict.sh"
    look = 'set -eu\ncat "$SEGJUDGE_INPUTS/lesion-clicks.json"\n'
    script.write_text(script.read_text("utf-8").replace("set -eu\n", look), "utf-8")
    made = segjudge(
        *("run", "run", "--manifest", data, "--protocol", "mine.toml", "--sandbox", "local"),
        *("--submission", "a=my-team"),
    )
    assert made.returncode == 0, made.stderr
    (case,) = load_manifest(data).cases
    labels = read_reference(data.parent / case.reference.path).labels
    told = []
    for log in ("3DBox_PET_sanity.round0.log", "3DBox_PET_sanity.log"):
        text = (tmp_path / "run" / "logs" / "a" / log).read_text("utf-8")
        told.append(json.loads(text[: text.rindex("}") + 1]))
    assert told[0] == {"version": {"major": 1, "minor": 0}, "type": "Multiple points", "points": []}
    assert [point["name"] for point in told[1]["points"]] == ["tumor", "tumor"]
    hit = [labels[tuple(point["point"][::-1])] for point in told[1]["points"]]
    assert sorted(hit) == [1, 2]


def test_a_protocol_of_other_masks_is_refused(segjudge: Callable, tmp_path: Path) -> None:
    rules = segjudge("protocol", "show", "cvpr24").stdout
    wanted = 'path = "{case}.nii.gz"\nformat = "nii.gz"'
    rules = rules.replace('path = "{case}.npz"\nformat = "npz-numpy"\nkey = "segs"', wanted)
    (tmp_path / "mine.toml").write_text(rules, encoding="utf-8")
    refused = segjudge("init", "my-team", "--protocol", "mine.toml")
    assert refused.returncode == 2
    assert "nii.gz" in refused.stderr
    assert not (tmp_path / "my-team").exists()
