"""One undisturbed run, which the others are compared with, and hosts for those that harm none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluate.cli import main
from tests.cluster.certificates import make_certificates
from tests.cluster.hosts import FILL_BOXES, Hosts, arguments, hosts_in, submission_in


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


@pytest.fixture(scope="session")
def three_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Three machines with certificates, for tests that leave them as they are."""
    folder = tmp_path_factory.mktemp("hosts")
    tls = make_certificates(folder / "certificates")
    with hosts_in(folder, ("ada", "ben", "cyd"), tls=tls) as made:
        yield made


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """A scheduler, and no machine yet."""
    with hosts_in(tmp_path) as made:
        yield made
