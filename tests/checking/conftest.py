"""What all tests of checking share."""

import pytest

from evaluate.running import LoadTime


@pytest.fixture(autouse=True)
def machine_is_not_calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load between blocks of runs tells whether times are fair, which no check asks."""
    monkeypatch.setattr("evaluate.running.runner.time_load", lambda: LoadTime(seconds=0.03))
