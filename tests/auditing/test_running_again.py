"""Running again: what is the same, what differs, and what is never the same twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import ttest_rel

from data_manifest.manifest import Case, FileEntry, load_manifest
from evaluate.auditing.reruns.again import sample_cases
from evaluate.auditing.reruns.changes import change_of, equivalence_p, ratio_of
from evaluate.auditing.standing import bounds_of_places
from evaluate.facts.outcome import Outcome
from evaluate.facts.run_rules import Limits
from evaluate.facts.scores import CaseScore
from evaluate.sandbox.case_folders import folder_digest
from tests.auditing.conftest import code, command

Tampered = Callable[[], Path]


def rerun(run: Path, *options: object) -> dict[str, Any]:
    returned = command("audit", run, "--rerun", "--sandbox", "local", *options)
    document: dict[str, Any] = json.loads((run / "audit.json").read_text("utf-8"))
    assert document["passed"] is (returned == 0)
    return document


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {verdict["team"]: verdict["verdict"] for verdict in document["verdicts"]}


def resubmit(run: Path, team: str, lines: str) -> None:
    """Another code under the same name, and a record that takes it for the one that was run."""
    folder = run.parent / team
    path = folder / "predict.py"
    head = path.read_text("utf-8").partition("SHRINK")[0]
    before = f"sha256:{folder_digest(folder)}"
    path.write_text(head + lines, "utf-8")
    after = f"sha256:{folder_digest(folder)}"
    for name in ("run.json", "evidence.json"):
        text = (run / name).read_text("utf-8")
        assert before in text
        (run / name).write_text(text.replace(before, after), "utf-8")


def test_deterministic_submissions_are_reproduced_bit_for_bit(tampered: Tampered) -> None:
    run = tampered()
    document = rerun(run)
    assert set(verdicts(document).values()) == {"reproduced bit for bit"}
    assert document["passed"] is True
    assert [place["stands"] for place in document["places"]] == [True] * 3
    teams = {team["team"]: team for team in document["rerun"]["teams"]}
    assert all(case["is_same"] for team in teams.values() for case in team["cases"])
    failed = next(c for c in teams["gamma"]["cases"] if c["case"] == "2DBox_XRay_1")
    assert failed["outcomes"] == ["no_output"] * 3
    assert teams["alpha"]["ratios"]["wall_s"]["n"] == 4
    assert teams["alpha"]["changes"]["dsc"]["change"] == 0.0


def test_a_model_that_is_never_the_same_twice_is_told_from_one_that_changed(
    tampered: Tampered,
) -> None:
    run = tampered()
    # beta is random now, gamma changed for good, and alpha in one voxel of each case.
    voxel = "\nfor path in sorted(outputs.glob('*.npz')):\n    segs = np.load(path)['segs']\n"
    voxel += "    segs[tuple(np.argwhere(segs == 1)[0])] = 0\n"
    resubmit(run, "alpha", code() + voxel + "    np.savez_compressed(path, segs=segs)\n")
    noise = "\nimport secrets\nfor path in sorted(outputs.glob('*.npz')):\n"
    noise += "    segs = np.load(path)['segs']\n"
    resubmit(
        run,
        "beta",
        code(shrink=1)
        + noise
        + "    segs.reshape(-1)[secrets.randbelow(segs.size)] = 3\n"
        + "    segs.reshape(-1)[secrets.randbelow(segs.size)] = 4\n"
        + "    np.savez_compressed(path, segs=segs)\n",
    )
    resubmit(run, "gamma", code(shrink=3, fails="2DBox_XRay_1"))
    document = rerun(run)
    # The jobs of the journal are those of the old images: the record was edited, and that is told.
    assert {f["cause"] for f in document["findings"]} == {"edited journal"}
    assert verdicts(document) == {
        "alpha": "equivalent",
        "beta": "never the same twice",
        "gamma": "differs",
    }
    words = {verdict["team"]: verdict["words"] for verdict in document["verdicts"]}
    assert "another mask or outcome in 4 cases of 4, the same one twice" in words["alpha"]
    alpha = next(team for team in document["rerun"]["teams"] if team["team"] == "alpha")
    assert {case["voxels"] for case in alpha["cases"]} == {1}
    assert alpha["changes"]["dsc"]["p_equivalence"] < 0.05
    assert "the same one twice" in words["gamma"] and "DSC" in words["gamma"]
    assert "place" in words["gamma"]
    assert document["passed"] is False
    gamma = next(team for team in document["rerun"]["teams"] if team["team"] == "gamma")
    change = gamma["changes"]["dsc"]
    assert change["low"] < change["change"] < change["high"] <= 0


def test_a_submission_that_was_replaced_is_not_run_and_the_reason_is_said(
    tampered: Tampered,
) -> None:
    run = tampered()
    with (run.parent / "beta" / "predict.py").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    document = rerun(run, "--sample", 2)
    assert verdicts(document)["beta"] == "could not be run"
    (finding,) = document["findings"]
    assert (finding["cause"], finding["teams"]) == ("image replaced", ["beta"])
    places = {place["team"]: place for place in document["places"]}
    assert (places["beta"]["best"], places["beta"]["worst"]) == (1, 3)
    assert places["beta"]["depends_on"] == ["beta"] and places["beta"]["stands"] is False
    # A submission that is gone can't be run either.
    (run.parent / "alpha" / "predict.sh").unlink()
    document = rerun(run, "--sample", 2)
    assert "predict.sh" in next(v["words"] for v in document["verdicts"] if v["team"] == "alpha")


def test_the_sample_that_was_run_is_named(tampered: Tampered) -> None:
    run = tampered()
    made = rerun(run, "--sample", 3, "--seed", 5)["rerun"]
    drawn = made["cases"]
    cases = load_manifest(run / "manifest.json").cases
    assert drawn == [case.id for case in sample_cases(cases, 3, seed=5)]
    assert {name.split("_")[1] for name in drawn} == {"US", "XRay", "CT"}
    # One case a modality: the interval is drawn over all of them, and has a width.
    ratio = made["teams"][0]["ratios"]["wall_s"]
    assert ratio["n"] == 3 and ratio["low"] < ratio["ratio"] < ratio["high"]


def test_another_sandbox_than_the_runs_is_refused(
    tampered: Tampered, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tampered()
    for name in ("run.json", "evidence.json"):
        document = json.loads((run / name).read_text("utf-8"))
        (machine,) = document.get("run", document)["machines"].values()
        machine["sandbox"]["name"] = "docker"
        (run / name).write_text(json.dumps(document), "utf-8")
    assert command("audit", run, "--rerun", "--sandbox", "local") == 2
    assert "--sandbox docker" in capsys.readouterr().err


def test_every_modality_has_its_share_of_the_sample(small_data: Path) -> None:
    template = load_manifest(small_data).cases[0]

    def case(modality: str, index: int) -> Case:
        entry = FileEntry(path=f"inputs/{modality}{index}.npz", sha256="0" * 64)
        return msgspec.structs.replace(
            template, id=f"{modality}{index:03}", modality=modality, image=entry
        )

    sizes = {"CT": 60, "MR": 30, "PET": 9, "OCT": 1}
    cases = [case(name, index) for name, size in sizes.items() for index in range(size)]
    drawn = sample_cases(cases, 20, seed=1)
    counts = {name: sum(c.modality == name for c in drawn) for name in sizes}
    assert counts == {"CT": 12, "MR": 6, "PET": 1, "OCT": 1}
    assert sample_cases(cases, 20, seed=1) == drawn != sample_cases(cases, 20, seed=2)
    assert {c.modality for c in sample_cases(cases, 2, seed=1)} == {"CT", "MR"}
    assert len(sample_cases(cases, None, seed=1)) == len(sample_cases(cases, 500, seed=1)) == 100


def test_the_equivalence_test_is_two_paired_t_tests() -> None:
    generator = np.random.default_rng(3)
    old = generator.random(30)
    new = old + generator.normal(0.001, 0.01, 30)
    found = equivalence_p(new - old, 0.005)
    above = ttest_rel(new, old - 0.005, alternative="greater").pvalue
    below = ttest_rel(new, old + 0.005, alternative="less").pvalue
    assert found == pytest.approx(max(above, below), rel=1e-9)
    assert equivalence_p(np.full(5, 0.02), 0.01) == 1.0
    assert equivalence_p(np.full(5, 0.002), 0.01) == 0.0
    assert equivalence_p(np.array([0.0, 0.1]), 0.01) is None


def test_the_interval_of_a_change_holds_what_students_holds() -> None:
    generator = np.random.default_rng(4)
    old = generator.random(200)
    new = old + generator.normal(0.02, 0.05, 200)
    counts = generator.multinomial(200, np.full(200, 1 / 200), size=2000).T.astype(np.int32)
    change = change_of(list(old), list(new), counts, margin=0.01, alpha=0.05)
    assert change is not None
    student = ttest_rel(new, old).confidence_interval(0.95)
    assert change.low == pytest.approx(student.low, abs=1.5e-3)
    assert change.high == pytest.approx(student.high, abs=1.5e-3)
    assert change.is_equivalent is False  # the change is larger than the margin


def test_what_the_machine_explains_is_taken_from_the_ratio() -> None:
    generator = np.random.default_rng(5)
    old = generator.uniform(1, 20, 40)
    new = old * 1.3 * np.exp(generator.normal(0, 0.02, 40))
    counts = generator.multinomial(40, np.full(40, 1 / 40), size=2000).T.astype(np.int32)
    calibration = ([0.1, 0.101, 0.099], [0.13, 0.131, 0.129])
    ratio = ratio_of(
        list(old), list(new), counts, calibration=calibration, margin=1.25, generator=generator
    )
    assert ratio is not None
    assert ratio.ratio == pytest.approx(1.3, rel=0.02) and ratio.low < 1.3 < ratio.high
    assert ratio.machine == pytest.approx(1.3)
    assert ratio.left_low < 1.0 < ratio.left_high and ratio.is_equivalent
    alone = ratio_of(
        list(old), list(new), counts, calibration=None, margin=1.25, generator=generator
    )
    assert alone is not None and alone.machine is None and not alone.is_equivalent


def test_few_cases_feign_no_certainty() -> None:
    counts = np.ones((2, 50), np.int32)
    ratio = ratio_of(
        *([1.0, 2.0], [1.0, 2.0], counts),
        calibration=None,
        margin=1.25,
        generator=np.random.default_rng(0),
    )
    assert ratio is not None and ratio.low is None and not ratio.is_equivalent


def test_places_that_no_unresolved_result_can_move_stand() -> None:
    def row(team: str, dsc: float) -> CaseScore:
        return CaseScore(
            team=team,
            case="c",
            modality="CT",
            dimension="3D",
            outcome=Outcome.OK,
            reason="",
            values={"dsc": dsc, "nsd": None},
        )

    scores = [row("a", 0.9), row("b", 0.7), row("c", 0.5), row("d", 0.3)]

    def rank(rows: list[CaseScore]) -> dict[str, float]:
        return {
            r.team: 1 + sum((o.value("dsc") or 0) > (r.value("dsc") or 0) for o in rows)
            for r in rows
        }

    limits = Limits(timeout_s=1, memory_mib=1)
    # c is known to be one of two values: it may pass b, and nobody else's place can change.
    known = {("c", "c"): [row("c", 0.5), row("c", 0.8)]}
    found = {p.team: p for p in bounds_of_places(scores, known, rank, limits, ["dsc"])}
    assert {team: (p.best, p.worst) for team, p in found.items()} == {
        "a": (1, 1),
        "b": (2, 3),
        "c": (2, 3),
        "d": (4, 4),
    }
    assert [team for team, p in found.items() if p.stands] == ["a", "d"]
    anything = bounds_of_places(scores, {("c", "c"): []}, rank, limits, ["dsc"])
    assert {p.team: (p.best, p.worst) for p in anything}["d"] == (3, 4)

    # At worst it fails, and a failure stands behind a result of the same value.
    def strict(rows: list[CaseScore]) -> dict[str, float]:
        keys = {r.team: (r.value("dsc") or 0, not r.outcome.is_failure) for r in rows}
        return {team: 1 + sum(other > key for other in keys.values()) for team, key in keys.items()}

    useless = [*scores[:3], row("d", 0.0)]
    found = {
        p.team: p for p in bounds_of_places(useless, {("c", "c"): []}, strict, limits, ["dsc"])
    }
    assert (found["c"].worst, found["d"].best) == (4, 3)
