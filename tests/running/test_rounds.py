"""Rounds are one conversation: what a container is told, what it costs to fail, how one goes on."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_manifest.layouts import read_reference
from data_manifest.manifest import load_manifest
from data_manifest.prompts import error_clicks
from data_manifest.prompts.scribbles import BACKGROUND
from evaluate.checking import build_sanity_cases
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import ProtocolError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules, load_protocol
from evaluate.facts.scores import CaseScore, RoundScore
from evaluate.running.stage import run_submissions
from evaluate.sandbox import Ending, Execution, Image, Job
from evaluate.scoring.stage import score_run
from evaluate.store import RunDirectory
from tests.running.test_retries import Flaky

CASES = 4  # of `small_data`
ROUNDS = 6
TABLES = f"""
[rounds]
number = {ROUNDS}
prompts = "largest_error_click"
previous = true
"""
OVER = """
[[scoring.over_rounds]]
name = "dsc_auc"
metric = "dsc"
last = 5
"""

Given = dict[str, np.ndarray]
Answer = Callable[[Given, int], np.ndarray | None]
"""From what the container finds and how many rounds it has seen to its mask; None: it crashes."""


class Scripted(Flaky):
    """A sandbox whose containers are a function, and that keeps what they were given."""

    def __init__(
        self, answer: Answer, *, wall_s: float = 1.0, cut_at: int | None = None, code: int = 3
    ) -> None:
        super().__init__(range(0))
        self.answer, self.wall_s, self.cut_at, self.code = answer, wall_s, cut_at, code
        self.given: list[tuple[str, Given]] = []
        self.limits: list[float] = []

    def run(self, image: Image, job: Job) -> Execution:
        (path,) = job.inputs.iterdir()
        assert not list(job.outputs.iterdir())
        with np.load(path, allow_pickle=False) as archive:
            given = dict(archive)
        self.runs += 1
        if self.runs > 1:  # the first is the warm-up
            if self.runs - 2 == self.cut_at:
                raise KeyboardInterrupt
            self.given.append((path.stem, given))
            self.limits.append(job.limits.timeout_s)
        mask = self.answer(given, len(given["clicks"]) if "clicks" in given else 0)
        if mask is not None:
            np.savez(job.outputs / path.name, segs=mask)
        return Execution(
            ending=Ending.EXITED,
            exit_code=0 if mask is not None else self.code,
            wall_s=self.wall_s,
            cpu_s=None,
            peak_memory_mib=None,
            measured_by="",
            started_at="2026-01-01T00:00:00+00:00",
            log=b"",
            options={},
        )


def learning(given: Given, number: int) -> np.ndarray:
    """Its last answer, and a ball around each last click: better with each click."""
    if number == 0:
        shape = given["imgs"].shape
        return np.zeros(shape[:2] if given["boxes"].shape[1] == 4 else shape, np.uint8)
    mask = given["prev_pred"].copy()
    for label, (sign, *voxel) in zip(given["click_labels"], given["clicks"][-1], strict=True):
        near = sum((axis - at) ** 2 for axis, at in zip(np.indices(mask.shape), voxel, strict=True))
        if sign >= 0:
            mask[(near <= 12) & ((mask == label) | (sign == 1))] = label * sign
    return mask


@pytest.fixture
def rules(tmp_path: Path) -> Callable[..., Rules]:
    """The rules of cvpr24, with rounds and some more lines."""

    def write(more: str = "", *, tables: str = TABLES) -> Rules:
        built_in = Path(__file__).parents[2] / "evaluate" / "protocols" / "cvpr24.toml"
        path = tmp_path / "rules.toml"
        path.write_text(built_in.read_text("utf-8") + tables + more + OVER, "utf-8")
        return load_protocol(str(path))

    return write


def play(data: Path, root: Path, rules: Rules, sandbox: Scripted, **more: Any) -> RunDirectory:
    return run_submissions(
        manifest_path=data,
        protocol=rules,
        references={"team": "image"},
        root=root,
        sandbox=sandbox,
        **more,
    )


def outcomes(run: RunDirectory) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for row in run.read_rows(Attempt):
        found.setdefault(row.case, []).append(row.outcome)
    return found


def scores(run: RunDirectory) -> dict[str, list[float]]:
    """DSC by case, round by round."""
    found: dict[str, list[float]] = {}
    for row in run.read_rows(RoundScore):
        value = row.values["dsc"]
        assert value is not None
        found.setdefault(row.case, []).append(value)
    return found


def test_each_round_tells_all_clicks_and_the_last_answer_and_nothing_else(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    sandbox = Scripted(learning)
    play(small_data, tmp_path / "run", rules(), sandbox)
    manifest = load_manifest(small_data)
    for case in manifest.cases:
        told = [given for name, given in sandbox.given if name == case.id]
        stored = np.load(small_data.parent / case.image.path)
        assert told[0].keys() == set(stored.files)
        answer = learning(told[0], 0)
        for number, given in enumerate(told[1:], start=1):
            assert given.keys() == {*stored.files, "clicks", "click_labels", "prev_pred"}
            assert given["clicks"].shape == (number, 2, 1 + len(case.shape))
            before = told[number - 1].get("clicks", given["clicks"][:0])
            np.testing.assert_array_equal(given["clicks"][:-1], before)
            np.testing.assert_array_equal(given["prev_pred"], answer)
            reference = read_reference(small_data.parent / case.reference.path).labels
            for label, (sign, *voxel) in zip((1, 2), given["clicks"][-1], strict=True):
                here, said = reference[tuple(voxel)] == label, answer[tuple(voxel)] == label
                assert sign == -1 or (bool(sign) == here and here != said)
            answer = learning(given, number)


def test_a_participant_that_learns_gets_better_and_the_area_is_that_of_the_last_five(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    run = play(small_data, tmp_path / "run", rules(), Scripted(learning))
    score_run(run.root)
    rounds = scores(run)
    for row in run.read_rows(CaseScore):
        values = rounds[row.case]
        assert len(values) == ROUNDS and values[0] == 0 and values[-1] > values[1]
        assert row.value("dsc") == values[-1]
        assert row.value("dsc_auc") == pytest.approx(np.trapezoid(values[-5:]))
        assert row.value("wall_s") == ROUNDS
    with (run.root / "case_scores.csv").open(newline="") as stream:
        head = next(csv.reader(stream))
    assert head[6:9] == ["dsc", "nsd", "dsc_auc"]


def dies_in_the_fourth(given: Given, number: int) -> np.ndarray | None:
    return None if number == 3 else learning(given, number)


def test_one_that_dies_in_round_three_scores_what_it_made_and_pays_for_the_rest(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    whole = play(small_data, tmp_path / "whole", rules(), Scripted(learning))
    score_run(whole.root)
    sandbox = Scripted(dies_in_the_fourth)
    run = play(small_data, tmp_path / "run", rules(), sandbox)
    score_run(run.root)
    assert len(sandbox.given) == CASES * 4, "what follows is not run"
    for case, of_case in outcomes(run).items():
        assert of_case == [Outcome.OK] * 3 + [Outcome.NONZERO_EXIT] * 3
        assert scores(run)[case] == [*scores(whole)[case][:3], 0, 0, 0]
        names = {path.name for path in (run.root / "predictions/team").glob(f"{case}.*")}
        assert names == {f"{case}.round{number}.npz" for number in range(3)}
    reasons = [row.reason for row in run.read_rows(Attempt) if row.round == 5]
    assert all("not run, since round 3 failed: exit code 3" in reason for reason in reasons)


def test_a_round_that_leaves_no_file_is_never_scored_by_the_one_before(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    """As the published script does, whose outputs folder keeps the last round's mask."""
    sandbox = Scripted(dies_in_the_fourth, code=0)
    run = play(small_data, tmp_path / "run", rules('after_failure = "go_on"\n'), sandbox)
    score_run(run.root)
    for case, of_case in outcomes(run).items():
        assert of_case[3] is Outcome.NO_OUTPUT and of_case.count(Outcome.OK) == 5
        assert scores(run)[case][3] == 0 < scores(run)[case][2]


def test_where_rounds_go_on_the_next_one_gets_the_last_answer_that_counted(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    sandbox = Scripted(dies_in_the_fourth)
    run = play(small_data, tmp_path / "run", rules('after_failure = "go_on"\n'), sandbox)
    score_run(run.root)
    for case, of_case in outcomes(run).items():
        assert of_case == [Outcome.OK] * 3 + [Outcome.NONZERO_EXIT] + [Outcome.OK] * 2
        assert scores(run)[case][3] == 0 < scores(run)[case][4]
        told = [given for name, given in sandbox.given if name == case]
        np.testing.assert_array_equal(told[4]["prev_pred"], told[3]["prev_pred"])


@pytest.mark.parametrize("cut_at", [0, 3, 6, 8])
def test_a_run_that_is_cut_off_goes_on_with_the_round_that_was_missing(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules], cut_at: int
) -> None:
    whole = play(small_data, tmp_path / "whole", rules(), Scripted(learning))
    with pytest.raises(KeyboardInterrupt):
        play(small_data, tmp_path / "run", rules(), Scripted(learning, cut_at=cut_at))
    again = Scripted(learning)
    run = play(small_data, tmp_path / "run", rules(), again)
    assert len(again.given) == CASES * ROUNDS - cut_at
    assert play(small_data, run.root, rules(), last := Scripted(learning)) and not last.given
    for root in (whole.root, run.root):
        score_run(root)
    for table in ("round_scores.csv", "case_scores.csv", "label_scores.csv"):
        assert (run.root / table).read_bytes() == (whole.root / table).read_bytes()


def test_a_round_whose_answer_was_altered_is_made_again_with_all_that_follow(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    run = play(small_data, tmp_path / "run", rules(), Scripted(learning))
    before = (run.root / "predictions/team/3DBox_CT_1.npz").read_bytes()
    (run.root / "predictions/team/3DBox_CT_1.round2.npz").write_bytes(b"other")
    again = Scripted(learning)
    play(small_data, run.root, rules(), again)
    assert [len(given["clicks"]) for _, given in again.given] == [2, 3, 4, 5]
    assert (run.root / "predictions/team/3DBox_CT_1.npz").read_bytes() == before


@pytest.mark.parametrize("limit", ["label_timeout_s = 40.0", "case_timeout_s = 80.0"])
def test_the_time_of_all_rounds_is_limited_and_the_rest_are_time_outs(
    limit: str, small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    sandbox = Scripted(learning, wall_s=30.0)
    run = play(small_data, tmp_path / "run", rules(f"{limit}\n"), sandbox)
    score_run(run.root)
    assert sandbox.limits == [80.0, 50.0, 20.0] * CASES
    for of_case in outcomes(run).values():
        assert of_case == [Outcome.OK] * 3 + [Outcome.TIMEOUT] * 3
    # A round that was not run costs its share of the limit, and no less than any that was.
    assert {row.value("wall_s") for row in run.read_rows(CaseScore)} == {180.0}


def test_a_case_without_the_first_prompts_begins_with_clicks(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    def answer(given: Given, number: int) -> np.ndarray:
        return learning(given, number) if number else np.zeros(1, np.uint8)

    run = play(small_data, tmp_path / "run", rules('first_needs = "clicks"\n'), Scripted(answer))
    score_run(run.root)
    assert {row.round for row in run.read_rows(Attempt)} == {1, 2, 3, 4, 5}
    assert all(len(values) == 5 for values in scores(run).values())


def test_settings_of_rounds_without_rounds_are_refused(rules: Callable[..., Rules]) -> None:
    with pytest.raises(ProtocolError, match="of 2 or more"):
        rules(tables="\n[rounds]\nprevious = true\n")


def test_a_scribble_a_round_lies_in_the_last_error_and_says_what_is_there(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    def follows(given: Given, _: int) -> np.ndarray:
        """Its last answer, and each scribble with what lies near it."""
        if "scribbles" not in given:
            return learning(given, 0)
        mask, marks = given["prev_pred"].copy(), given["scribbles"]
        for at in np.argwhere(marks).tolist():
            near = tuple(slice(max(0, i - 2), i + 3) for i in at)
            mask[near] = 0 if marks[tuple(at)] == BACKGROUND else marks[tuple(at)]
        return mask

    sandbox = Scripted(follows)
    tables = '[rounds]\nnumber = 3\nprompts = "error_scribble"\nprevious = true\n'
    run = play(small_data, tmp_path / "run", rules(tables=tables), sandbox)
    score_run(run.root)
    for case in load_manifest(small_data).cases:
        told = [given for name, given in sandbox.given if name == case.id]
        assert "scribbles" not in told[0]
        reference = read_reference(small_data.parent / case.reference.path).labels
        before = np.zeros_like(told[1]["scribbles"])
        for given in told[1:]:
            marks = given["scribbles"].astype(int)
            said = np.where(reference == 0, BACKGROUND, reference.astype(int))
            assert (marks[marks > 0] == said[marks > 0]).all()
            assert (marks[before > 0] == before[before > 0]).all(), "earlier ones stay"
            new = (marks > 0) & (before == 0)
            assert new.any() and (given["prev_pred"] != reference)[new].all()
            before = marks
        assert scores(run)[case.id][0] == 0 < scores(run)[case.id][2]


def test_listed_clicks_come_one_a_round_and_none_in_the_first(
    tmp_path: Path, rules: Callable[..., Rules]
) -> None:
    data = build_sanity_cases(
        tmp_path / "data", only=("3DBox_CT_sanity",), prompts=("clicks",), rounds=3
    )
    sandbox = Scripted(lambda given, _: np.zeros(given["imgs"].shape, np.uint8))
    path = tmp_path / "listed.toml"
    path.write_text(
        'base = "cvpr24"\nname = "listed"\nprompts = ["clicks"]\n'
        '[rounds]\nnumber = 4\nprompts = "list"\n'
    )
    play(data, tmp_path / "run", load_protocol(str(path)), sandbox)
    stored = np.load(next((data.parent / "inputs").iterdir()))["clicks"]
    assert stored.shape == (3, 4, 4)
    told = [given.get("clicks") for _, given in sandbox.given]
    assert told[0] is None and "prev_pred" not in sandbox.given[1][1]
    for number, clicks in enumerate(told[1:], start=1):
        np.testing.assert_array_equal(clicks, stored[:number])


def test_prompts_are_made_while_no_container_runs(
    small_data: Path, tmp_path: Path, rules: Callable[..., Rules], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, made = [False], []
    sandbox, make = Scripted(learning), error_clicks.error_clicks

    def run(image: Image, job: Job) -> Execution:
        running[0] = True
        execution = Scripted.run(sandbox, image, job)
        running[0] = False
        return execution

    def watched(*arguments: Any) -> Any:
        made.append(running[0])
        return make(*arguments)

    monkeypatch.setattr(sandbox, "run", run)
    monkeypatch.setattr(error_clicks, "error_clicks", watched)
    play(small_data, tmp_path / "run", rules(), sandbox)
    assert made == [False] * CASES * (ROUNDS - 1)
