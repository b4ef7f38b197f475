"""One undisturbed run, which the others are compared with."""

from pathlib import Path

import pytest

from evaluate.cli import main
from tests.cluster.hosts import FILL_BOXES, arguments, submission_in


@pytest.fixture(scope="session")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two teams with the same submission."""
    made = submission_in(tmp_path_factory.mktemp("teams") / "filler", FILL_BOXES)
    return {"filler": made, "twin": made}


@pytest.fixture(scope="session")
def plain(
    small_data: Path, submissions: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run on this machine alone, scored and ranked."""
    root = tmp_path_factory.mktemp("plain") / "run"
    assert main(arguments(small_data, root, submissions)) == 0
    for stage in ("score", "rank"):
        assert main([stage, str(root)]) == 0
    return root
