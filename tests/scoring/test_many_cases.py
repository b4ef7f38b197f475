"""Many cases: in parallel as one by one, a case with all its teams; a death costs one of them."""

import os
import signal
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore
from evaluate.scoring import ScoringJob, modality_scores, score_jobs
from evaluate.scoring import jobs as scoring_jobs
from evaluate.scoring.jobs import score_job

PROTOCOL = load_protocol("segjudge")


def make_jobs(folder: Path, count: int) -> list[ScoringJob]:
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(0)
    jobs = []
    for number in range(count):
        reference = folder / f"reference{number}.npz"
        prediction = folder / f"prediction{number}.npz"
        np.savez(reference, gts=generator.integers(0, 3, (20, 20), dtype=np.uint8))
        np.savez(prediction, segs=generator.integers(0, 3, (20, 20), dtype=np.uint8))
        jobs.append(
            ScoringJob(
                team="a",
                case=f"c{number}",
                modality="CT",
                dimension="2D",
                reference=reference,
                prediction=prediction,
            )
        )
    return jobs


def test_parallel_scores_are_those_of_one_process_in_the_same_order(tmp_path: Path) -> None:
    jobs = make_jobs(tmp_path, 6)
    assert score_jobs(jobs, PROTOCOL, workers=2) == score_jobs(jobs, PROTOCOL, workers=1)


class _Lethal(ScoringJob):
    """A job that kills the process that takes it out of the queue."""

    def __reduce__(self) -> tuple[object, ...]:
        return _die, ()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_takes_one_case_with_it(tmp_path: Path) -> None:
    jobs = make_jobs(tmp_path, 6)
    sound = score_jobs(jobs, PROTOCOL, workers=1)
    lethal = _Lethal(
        team="a",
        case="c2",
        modality="CT",
        dimension="2D",
        reference=jobs[2].reference,
        prediction=jobs[2].prediction,
    )
    results = score_jobs([*jobs[:2], lethal, *jobs[3:]], PROTOCOL, workers=2)
    assert [result.case.case for result in results] == [f"c{n}" for n in range(6)]
    assert results[2].case.outcome is Outcome.HARNESS_ERROR
    assert "died" in results[2].case.reason
    assert [r for n, r in enumerate(results) if n != 2] == [
        r for n, r in enumerate(sound) if n != 2
    ]


def teams_of_one_case(folder: Path, count: int) -> list[ScoringJob]:
    """Jobs of one reference, one of them a failure, one of them of a file that is no mask."""
    jobs = make_jobs(folder, count)
    same = {"case": "c", "reference": jobs[0].reference}
    jobs = [replace(job, team=f"t{n}", **same) for n, job in enumerate(jobs)]
    jobs[2] = replace(jobs[2], outcome=Outcome.TIMEOUT, prediction=None)
    jobs[3].prediction.write_bytes(b"no mask")
    return jobs


def test_a_case_is_read_once_for_all_teams_and_each_has_the_scores_that_it_has_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [*teams_of_one_case(tmp_path, 7), *make_jobs(tmp_path / "2", 2)]
    alone = [score_job(job, PROTOCOL) for job in jobs]
    real, read = scoring_jobs.read_reference, list[str]()

    def counting(path: Path, **how: object) -> object:
        read.append(str(path))
        return real(path, **how)

    monkeypatch.setattr(scoring_jobs, "read_reference", counting)
    mixed = [jobs[n] for n in (0, 7, 1, 2, 8, 3, 4, 5, 6)]  # as tables have them: by team
    results = score_jobs(mixed, PROTOCOL, workers=1)
    assert sorted(results, key=lambda r: (r.case.case, r.case.team)) == sorted(
        alone, key=lambda r: (r.case.case, r.case.team)
    )
    assert len(read) == len({job.reference for job in jobs}) == 3
    assert [r.case.outcome for r in alone[2:4]] == [Outcome.TIMEOUT, Outcome.BAD_OUTPUT]


def test_a_worker_that_dies_of_one_team_costs_the_others_of_its_case_nothing(
    tmp_path: Path,
) -> None:
    jobs = teams_of_one_case(tmp_path, 6)
    sound = score_jobs(jobs, PROTOCOL, workers=2)
    named = {field.name: getattr(jobs[4], field.name) for field in fields(jobs[4])}
    results = score_jobs([*jobs[:4], _Lethal(**named), jobs[5]], PROTOCOL, workers=2)
    assert results[4].case.outcome is Outcome.HARNESS_ERROR
    assert [r for n, r in enumerate(results) if n != 4] == [
        r for n, r in enumerate(sound) if n != 4
    ]


def case_score(number: int, dsc: float | None, outcome: Outcome = Outcome.OK) -> CaseScore:
    return CaseScore(
        team="a",
        case=f"c{number}",
        modality="CT",
        dimension="2D",
        outcome=outcome,
        reason="",
        values={"dsc": dsc, "nsd": None},
    )


def test_a_modality_counts_failures_and_leaves_out_what_has_no_value() -> None:
    rows = modality_scores(
        [
            case_score(1, 0.9),
            case_score(2, 0.5),
            case_score(3, 0.0, Outcome.TIMEOUT),
            case_score(4, None),
            case_score(5, None, Outcome.HARNESS_ERROR),
        ]
    )
    by_metric = {row.metric: row for row in rows}
    dsc = by_metric["dsc"]
    assert (dsc.n, dsc.failures) == (3, 1)
    # By hand: mean 1.4/3; deviations .4333, .0333, -.4667; their squares add up to .40667.
    assert dsc.mean == pytest.approx(0.466667, abs=1e-6)
    assert dsc.sd == pytest.approx(0.450925, abs=1e-6)
    assert (dsc.median, dsc.q25, dsc.q75) == pytest.approx((0.5, 0.25, 0.7))
    nsd = by_metric["nsd"]
    assert (nsd.n, nsd.mean, nsd.median) == (0, None, None)


@given(st.lists(st.floats(-1e150, 1e150).map(lambda value: value + 0.0), min_size=1))
def test_quantiles_are_those_of_numpy_to_the_last_digit(values: list[float]) -> None:
    (row, _) = modality_scores([case_score(n, value) for n, value in enumerate(values)])
    assert [row.q25, row.median, row.q75] == np.quantile(values, [0.25, 0.5, 0.75]).tolist()
