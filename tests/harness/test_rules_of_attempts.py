"""An attempt keeps the rules and the machine that it was made under; mixtures are refused."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evaluate.cli import main
from evaluate.facts.machine import describe_host
from evaluate.facts.rules import load_protocol
from evaluate.running.stage import run_submissions
from evaluate.sandbox.local import LocalSandbox

Protocol = Callable[..., Path]


@pytest.fixture
def protocol(tmp_path: Path) -> Protocol:
    """Writes a protocol like cvpr24 but for some texts."""

    def write(name: str, *changes: tuple[str, str]) -> Path:
        built_in = Path(__file__).parents[2] / "evaluate" / "protocols" / "cvpr24.toml"
        text = built_in.read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.toml"
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def strict(protocol: Protocol) -> Path:
    """The rules of cvpr24 with a short time limit."""
    return protocol("strict", ("timeout_s = 600.0", "timeout_s = 60.0"))


def command(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def run(data: Path, root: Path, rules: object, **submissions: Path) -> None:
    named = [f"--submission={team}={reference}" for team, reference in submissions.items()]
    options = ("--manifest", data, "--protocol", rules, "--sandbox", "local")
    assert command("run", *options, *named, root) == 0


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def started(root: Path, team: str) -> list[str]:
    return [row["started_at"] for row in rows(root / "runs.csv") if row["team"] == team]


def test_teams_that_ran_under_different_rules_are_not_ranked_as_one_run(
    small_data: Path,
    participants: Path,
    strict: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, boxfill = tmp_path / "run", participants / "boxfill"
    run(small_data, root, "cvpr24", alpha=boxfill)
    run(small_data, root, strict, beta=boxfill)
    assert "scoring will refuse this" in " ".join(capsys.readouterr().err.split())
    digests = {row["team"]: row["rules_sha256"] for row in rows(root / "runs.csv")}
    assert len(set(digests.values())) == 2

    assert command("score", root, "--jobs", 1) == 2
    said = capsys.readouterr().err
    for words in ("alpha", "beta", "limits.timeout_s 60.0 and 600.0", "segjudge run"):
        assert words in said
    assert not (root / "case_scores.csv").exists()

    # What it advises mends it, and only the team that ran under others is run again.
    of_beta = started(root, "beta")
    run(small_data, root, strict, alpha=boxfill, beta=boxfill)
    assert started(root, "beta") == of_beta
    assert command("score", root, "--jobs", 1) == 0
    assert command("rank", root, "--bootstrap", 20) == 0
    assert command("report", root) == 0
    methods = (root / "report/methods.md").read_text("utf-8")
    assert re.search(r"with at most 60\ss", methods) and "600" not in methods


def test_a_run_that_goes_on_under_other_rules_keeps_no_attempt_of_the_old_ones(
    small_data: Path, participants: Path, strict: Path, tmp_path: Path
) -> None:
    root, boxfill = tmp_path / "run", participants / "boxfill"
    run(small_data, root, "cvpr24", alpha=boxfill)
    before = started(root, "alpha")
    run(small_data, root, strict, alpha=boxfill)
    assert not set(before) & set(started(root, "alpha"))
    (rules,) = json.loads((root / "run.json").read_text("utf-8"))["rules"].values()
    assert rules["limits"]["timeout_s"] == 60.0


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("timeout_s = 600.0", "timeout_s = 2.0", "limits.timeout_s 600.0 and 2.0"),
        ("memory_mib = 8192", "memory_mib = 512", "limits.memory_mib 8192 and 512"),
        ("[scoring]", "[measurement]\nprofile_hz = 5\n\n[scoring]", "measurement.profile_hz"),
    ],
)
def test_scoring_by_rules_that_the_run_never_had_is_refused_in_one_line(
    small_data: Path,
    participants: Path,
    protocol: Protocol,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    key: str,
) -> None:
    root = tmp_path / "run"
    run(small_data, root, "cvpr24", alpha=participants / "boxfill")
    before = (root / "run.json").read_bytes()
    capsys.readouterr()
    assert command("score", root, "--protocol", protocol("other", (old, new)), "--jobs", 1) == 2
    said = capsys.readouterr().err
    assert key in said and said.count("\n") == 1
    assert (root / "run.json").read_bytes() == before


def test_scoring_by_another_tolerance_is_allowed_and_leaves_what_the_run_had(
    small_data: Path, participants: Path, protocol: Protocol, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    run(small_data, root, "cvpr24", alpha=participants / "boxfill")
    other = protocol("other", ("tolerance_mm = 2.0", "tolerance_mm = 1.0"))
    assert command("score", root, "--protocol", other, "--jobs", 1) == 0
    facts = json.loads((root / "run.json").read_text("utf-8"))
    by_stage = {stage: facts["rules"][key] for stage, key in facts["stages"].items() if key}
    assert '"tolerance_mm": 2.0' in json.dumps(by_stage["run"]["scoring"])
    assert '"tolerance_mm": 1.0' in json.dumps(by_stage["score"]["scoring"])


def test_a_run_resumed_on_another_machine_keeps_both_and_says_that_times_do_not_compare(
    small_data: Path,
    participants: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "run"
    run(small_data, root, "cvpr24", alpha=participants / "boxfill")
    (old,) = json.loads((root / "run.json").read_text("utf-8"))["machines"]
    run_submissions(
        manifest_path=small_data,
        protocol=load_protocol("cvpr24"),
        references={"beta": str(participants / "boxfill")},
        root=root,
        sandbox=LocalSandbox(scratch=tmp_path / "scratch"),
        host=msgspec.structs.replace(describe_host(), cpu="Another 9000", cores=96),
    )
    facts = json.loads((root / "run.json").read_text("utf-8"))
    machines = {row["team"]: row["machine"] for row in rows(root / "runs.csv")}
    assert machines["alpha"] == old != machines["beta"]
    assert facts["machines"][machines["beta"]]["host"]["cpu"] == "Another 9000"
    assert facts["machines"][old]["host"]["cpu"] == describe_host().cpu
    assert set(facts["calibration"]) == set(machines.values())

    assert command("score", root, "--jobs", 1) == 0
    capsys.readouterr()
    assert command("rank", root, "--bootstrap", 20) == 0
    assert "times may not be compared" in " ".join(capsys.readouterr().err.split())
    warnings = json.loads((root / "ranking.json").read_text("utf-8"))["warnings"]
    assert any("2 machines" in warning and "Another 9000" in warning for warning in warnings)
    assert command("report", root) == 0
    page = (root / "report/index.html").read_text("utf-8")
    assert "Times of several machines" in page and "Another 9000" in page
    assert command("audit", root) == 0


def test_a_machine_that_ran_nothing_is_not_kept(
    small_data: Path, participants: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    run(small_data, root, "cvpr24", alpha=participants / "boxfill")
    before = json.loads((root / "run.json").read_text("utf-8"))["machines"]
    run_submissions(
        manifest_path=small_data,
        protocol=load_protocol("cvpr24"),
        references={"alpha": str(participants / "boxfill")},
        root=root,
        sandbox=LocalSandbox(scratch=tmp_path / "scratch"),
        host=msgspec.structs.replace(describe_host(), cpu="Another 9000"),
    )
    assert json.loads((root / "run.json").read_text("utf-8"))["machines"] == before
