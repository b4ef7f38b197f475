"""Many cases: in parallel as one by one, and a worker that dies takes its case and no other."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore
from evaluate.scoring import ScoringJob, modality_scores, score_jobs

PROTOCOL = load_protocol("segjudge")


def make_jobs(folder: Path, count: int) -> list[ScoringJob]:
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
    assert by_metric["nsd"].n == 0
    assert by_metric["nsd"].mean is None
