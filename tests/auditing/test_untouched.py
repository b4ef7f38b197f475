"""A run that nobody touched passes, and says what was looked at."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.auditing.conftest import command


def test_an_untouched_run_passes(
    tampered: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tampered()
    assert command("audit", run) == 0
    document = json.loads((run / "audit.json").read_text("utf-8"))
    assert document["passed"] is True and document["findings"] == []
    assert document["checked"] == {
        "data files": 8,
        "masks and logs": 24,
        "runs": 12,
        "cases scored again": 12,
        "places": 3,
    }
