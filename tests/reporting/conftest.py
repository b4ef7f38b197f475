"""One synthetic run with its report, shared by the tests that only read it."""

from pathlib import Path

import pytest
from synthetic_run import TEAMS, Scale, Synthetic, make_run

from evaluate.documents.tables import write_json, write_table
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore
from evaluate.ranking import rank
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


def rank_run(made: Synthetic, *, bootstrap: int = 60) -> None:
    """Replace the synthetic ranking by the one that `segjudge rank` would write."""
    scores = made.run.read_rows(CaseScore)
    result = rank(scores, load_protocol("segjudge"), seed=0, bootstrap=bootstrap)
    write_table(made.run.root / "ranking.csv", result.rows, type(result.rows[0]))
    write_json(made.run.root / "ranking.json", result.to_json())


@pytest.fixture(scope="session")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    """Three teams with hostile text, two failures, pictures; ranked by the real ranking."""
    failures = {
        (TEAMS[1], "3DBox_CT_0002"): Outcome.TIMEOUT,
        (TEAMS[2], "2DBox_Dermoscopy_0001"): Outcome.NONZERO_EXIT,
    }
    made = make_run(tmp_path_factory.mktemp("ranked"), Scale(failures=failures))
    rank_run(made)
    return made


@pytest.fixture(scope="session")
def ranked_report(ranked: Synthetic) -> Path:
    """The report of that run, with the files beside it."""
    return write_report(ranked.run, data_root=ranked.data_root)


@pytest.fixture(scope="session")
def fifty_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty teams without pictures, ranked by the real ranking."""
    teams = tuple(f"team-{number:02d}-of-somewhere" for number in range(50))
    made = make_run(tmp_path_factory.mktemp("fifty"), Scale(teams=teams, cases_each=4, masks=False))
    rank_run(made, bootstrap=30)
    return write_report(made.run, data_root=None)
