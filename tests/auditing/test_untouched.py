"""A run that nobody touched passes, and says what was looked at."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evaluate.documents.audit import AuditDocument
from tests.auditing.conftest import command


def test_an_untouched_run_passes(
    tampered: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tampered()
    assert command("audit", run) == 0
    data = (run / "audit.json").read_bytes()
    document = json.loads(data)
    # Of the type whose schema the docs have, and nothing of it is lost.
    assert (
        json.loads(msgspec.json.encode(msgspec.json.decode(data, type=AuditDocument))) == document
    )
    assert document["passed"] is True and document["findings"] == []
    assert document["checked"] == {
        "data files": 8,
        "masks and logs": 24,
        "runs": 12,
        "cases scored again": 12,
        "places": 3,
    }


def test_data_that_are_not_at_hand_are_asked_for(
    tampered: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tampered()
    moved = (run.parent / "data").rename(run.parent / "elsewhere")
    assert command("audit", run) == 2
    said = capsys.readouterr().err
    assert "--manifest" in said and len(said.splitlines()) == 1
    assert command("audit", run, "--manifest", moved / "manifest.json") == 0


def test_a_team_that_came_later_and_was_not_scored_leaves_the_audit_open(
    tampered: Callable[[], Path],
) -> None:
    run = tampered()
    later = ("--submission", f"later={run.parent / 'alpha'}", "--sandbox", "local")
    manifest = run.parent / "data" / "manifest.json"
    assert command("run", "--manifest", manifest, "--protocol", "segjudge", *later, run) == 0
    assert command("audit", run) == 1
    document = json.loads((run / "audit.json").read_text("utf-8"))
    assert {finding["cause"] for finding in document["findings"]} == {"made from something else"}
    assert command("score", run, "--jobs", 1) == 0
    assert command("audit", run) == 1
    assert command("rank", run, "--bootstrap", 20) == 0
    assert command("audit", run) == 0
