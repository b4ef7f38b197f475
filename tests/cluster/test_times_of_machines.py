"""Times of several machines are compared within cases, or not at all; the report says which."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest
from synthetic_run import Scale, make_run

from data_manifest.manifest import sha256_of
from evaluate.documents.run import RunDocument
from evaluate.documents.run_parts import Calibration
from evaluate.facts.attempts import Attempt
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import rank_result
from evaluate.reporting.page import report_run
from evaluate.store import RunDirectory

STEADY = Calibration(samples=(0.25, 0.26, 0.25), drift=0.02, limit=0.1, parallel=1, fair=True)


def on_two_machines(run: RunDirectory, second: Callable[[Attempt], bool]) -> RunDocument:
    """The run as if some of its attempts were made on another machine, twice as fast."""
    document = run.document()
    (key, one), *_ = document.machines.items()
    host = msgspec.structs.replace(one.host, cpu="EPYC 9654", cores=96)
    other = msgspec.structs.replace(one, name="node2", host=host)
    attempts: Iterable[Attempt] = [
        msgspec.structs.replace(a, machine=other.key if second(a) else key)
        for a in run.read_rows(Attempt)
    ]
    made = msgspec.structs.replace(
        document,
        machines={key: one, other.key: other},
        calibration=document.calibration | {other.key: STEADY},
        ranked_from=sha256_of(run.table_path(CaseScore)),
    ).reduced_to(attempts)
    run.write_run_document(made)
    return made


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run without pictures."""
    return make_run(tmp_path, Scale(masks=False)).run


def test_cases_with_all_their_teams_on_a_machine_each_compare_within_cases(
    run: RunDirectory,
) -> None:
    cases = sorted({a.case for a in run.read_rows(Attempt)})
    document = on_two_machines(run, lambda a: cases.index(a.case) % 2 == 1)
    assert document.split_cases == 0 and document.unequal_machines == ""
    assert "EPYC 9654" in document.machines_apart
    page = report_run(run.root).read_text("utf-8")
    assert "Cases on several machines" in page and "each case with all its teams on one" in page
    assert "Times of several machines" not in page
    assert "node2" in page, "each machine, with its calibration"
    assert page.count("load, median") == 2
    assert not any("may not be compared" in w for w in rank_result(run).document.warnings)


def test_a_case_whose_teams_met_on_different_machines_is_counted_and_times_are_not_compared(
    run: RunDirectory,
) -> None:
    attempts = run.read_rows(Attempt)
    team, case = attempts[0].team, attempts[0].case
    document = on_two_machines(run, lambda a: (a.team, a.case) == (team, case))
    assert document.split_cases == 1 and document.machines_apart == ""
    page = report_run(run.root).read_text("utf-8")
    assert "Times of several machines" in page and "do not rank by them" in page
    assert any("may not be compared" in w for w in rank_result(run).document.warnings)
