"""What happened decides the outcome; what the log says only explains it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.facts.outcome import Outcome
from evaluate.facts.run_rules import Limits
from evaluate.running.calibration import drift, is_fair
from evaluate.running.schedule import turns
from evaluate.running.verdict import Output, judge
from evaluate.sandbox import Ending, Execution

LIMITS = Limits(timeout_s=60, memory_mib=512)
GOOD = Output(present=True)
NONE = Output(present=False, others=("a\nb.npz", "c.txt"))
BAD = Output(present=True, problem="array `segs` has shape (1,); expected (2,)")


def execution(
    ending: Ending = Ending.EXITED, exit_code: int | None = 0, log: bytes = b""
) -> Execution:
    return Execution(
        ending=ending,
        exit_code=exit_code,
        wall_s=1.0,
        cpu_s=1.0,
        peak_memory_mib=10.0,
        measured_by="cgroup",
        started_at="2024-06-01T00:00:00+00:00",
        log=log,
        options={},
    )


@pytest.mark.parametrize(
    ("happened", "output", "outcome", "words"),
    [
        (execution(), GOOD, Outcome.OK, ""),
        (execution(), NONE, Outcome.NO_OUTPUT, "case.npz"),
        (execution(), NONE, Outcome.NO_OUTPUT, "a\\nb.npz, c.txt"),
        (execution(), BAD, Outcome.BAD_OUTPUT, "(1,)"),
        (execution(exit_code=3), GOOD, Outcome.NONZERO_EXIT, "exit code 3"),
        (execution(exit_code=137), GOOD, Outcome.NONZERO_EXIT, "137"),
        (execution(Ending.TIMEOUT, None), GOOD, Outcome.TIMEOUT, "60 s"),
        (execution(Ending.OUT_OF_MEMORY, 137), GOOD, Outcome.OUT_OF_MEMORY, "512 MiB"),
        (execution(Ending.OUTPUT_TOO_LARGE, None), GOOD, Outcome.OUTPUT_TOO_LARGE, "files"),
    ],
)
def test_each_ending_has_its_outcome_and_says_why(
    happened: Execution, output: Output, outcome: Outcome, words: str
) -> None:
    found, reason = judge(happened, output, LIMITS, "case.npz")
    assert found is outcome
    assert words in reason
    assert (reason == "") == (outcome is Outcome.OK)
    assert "\n" not in reason


@pytest.mark.parametrize(("held_s", "said"), [(41.4, True), (0.05, False), (None, False)])
def test_a_time_limit_that_a_limit_of_cpus_has_a_part_in_says_so(
    held_s: float | None, said: bool
) -> None:
    happened = dataclasses.replace(execution(Ending.TIMEOUT, None), throttled_s=held_s)
    limits = Limits(timeout_s=60, memory_mib=512, cpus=1.5)

    _, reason = judge(happened, GOOD, limits, "case.npz")

    assert ("the limit of 1.5 CPUs held its threads back for 41 s" in reason) is said


@given(
    log=st.binary(max_size=200)
    | st.sampled_from([b"MemoryError", b"Killed", b"out of memory", b"timeout", b"exit code 0"]),
    ending=st.sampled_from(Ending),
    exit_code=st.sampled_from([0, 1, 137]),
    output=st.sampled_from([GOOD, NONE, BAD]),
)
def test_a_log_line_never_changes_the_outcome(
    log: bytes, ending: Ending, exit_code: int, output: Output
) -> None:
    silent, _ = judge(execution(ending, exit_code), output, LIMITS, "case.npz")
    talking, reason = judge(execution(ending, exit_code, log), output, LIMITS, "case.npz")
    assert talking is silent
    assert reason.isprintable()


def test_a_missing_package_is_explained() -> None:
    log = b"Traceback ...\nModuleNotFoundError: No module named 'monai'\n"
    _, reason = judge(execution(exit_code=1, log=log), NONE, LIMITS, "case.npz")
    assert "a Python package is missing" in reason
    assert "No module named 'monai'" in reason


@given(
    teams=st.lists(st.text("abc", min_size=1, max_size=3), unique=True, min_size=1, max_size=6),
    cases=st.lists(st.text("xyz", min_size=1, max_size=4), unique=True, min_size=1, max_size=12),
    seed=st.integers(0, 1000),
)
def test_every_team_meets_every_case_once_and_teams_take_turns(
    teams: list[str], cases: list[str], seed: int
) -> None:
    blocks = turns(teams, dict.fromkeys(cases, (0,)), seed=seed)
    order = [(turn.team, turn.case) for block in blocks for (turn,) in block]
    assert sorted(order) == sorted((team, case) for team in teams for case in cases)
    assert all(len({turn.case for (turn,) in block}) == 1 for block in blocks)
    assert blocks == turns(teams[::-1], dict.fromkeys(cases[::-1], (0,)), seed=seed)


def test_a_team_has_its_rounds_one_after_another_and_a_case_may_lack_the_first() -> None:
    blocks = turns(["a", "b"], {"x": [0, 1, 2], "y": [1, 2]}, seed=1)
    assert [len(block) for block in blocks] == [2, 2]
    for of_team in (of_team for block in blocks for of_team in block):
        rounds = [turn.round for turn in of_team]
        assert rounds == ([0, 1, 2] if of_team[0].case == "x" else [1, 2])
        assert len({(turn.team, turn.case) for turn in of_team}) == 1


def test_no_team_is_always_first() -> None:
    blocks = turns(["a", "b", "c"], {f"case{n}": [0] for n in range(300)}, seed=0)
    first = [block[0][0].team for block in blocks]
    counts = np.array([first.count(team) for team in "abc"])
    assert counts.min() > 70  # 100 expected each, standard deviation 8


def test_drift_is_what_the_slowest_tenth_loses() -> None:
    assert drift([1.0]) == 0.0
    assert is_fair([1.0, 1.01, 0.99, 1.02])
    assert drift([1.0] * 8 + [1.5] * 3) == pytest.approx(0.5)
    assert not is_fair([1.0] * 8 + [1.5] * 3)
