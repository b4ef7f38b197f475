"""One synthetic run with its report, shared by the tests that only read it."""

from pathlib import Path

import pytest
from synthetic_run import TEAMS, Scale, Synthetic, make_run

from evaluate.records import Outcome
from evaluate.reporting import write_report


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    """Three teams, 24 cases, four modalities, two failures, a sandbox that does not isolate."""
    failures = {
        (TEAMS[1], "3DBox_CT_0002"): Outcome.TIMEOUT,
        (TEAMS[2], "2DBox_Dermoscopy_0001"): Outcome.NONZERO_EXIT,
    }
    return make_run(tmp_path_factory.mktemp("synthetic"), Scale(failures=failures))


@pytest.fixture(scope="session")
def report(synthetic: Synthetic) -> Path:
    """The report of that run."""
    return write_report(synthetic.run, data_root=synthetic.data_root)
