"""Two submissions are compared on the cases that both have, or it is said why they can't be.

Intervals, tests and ratios are held against scipy's; runs are synthetic, with hostile names.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import bootstrap, gmean, wilcoxon
from synthetic_run import HOSTILE, TEAMS, Scale, Synthetic, make_run

from data_manifest.manifest import load_manifest, save_manifest
from evaluate.cli import main
from evaluate.comparing.two_runs import compare_runs
from evaluate.documents.run import RunDocument
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import RankOptions, rank_result
from evaluate.store import RunDirectory

A, B, _ = TEAMS
Change = Callable[[CaseScore], CaseScore | None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    """Three teams, 24 cases of four modalities, without pictures; B fails one case."""
    failures = {(B, "3DBox_CT_0002"): Outcome.TIMEOUT}
    return make_run(tmp_path_factory.mktemp("compared"), Scale(masks=False, failures=failures))


def successor(
    made: Synthetic,
    folder: Path,
    change: Change,
    facts: Callable[[RunDocument], RunDocument] = lambda document: document,
) -> RunDirectory:
    """A copy of the run in which the scores are changed; None takes a row away."""
    shutil.copytree(made.run.root, folder)
    run = RunDirectory.open(folder)
    rows = [row for old in run.read_rows(CaseScore) if (row := change(old)) is not None]
    run.write_rows(rows, CaseScore)
    run.write_run_document(facts(run.document()))
    return run


def _with(part: str, **values: object) -> Callable[[RunDocument], RunDocument]:
    """run.json with other rules."""

    def change(document: RunDocument) -> RunDocument:
        rules = document.rules_of("run")
        changed = msgspec.structs.replace(getattr(rules, part), **values)
        rules = msgspec.structs.replace(rules, **{part: changed})
        return document.with_rules("run", rules).with_rules("score", rules)

    return change


def scores_of(run: RunDirectory, team: str) -> dict[str, CaseScore]:
    return {row.case: row for row in run.read_rows(CaseScore) if row.team == team}


def refused(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["compare", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


def test_differences_tests_and_ratios_are_those_of_scipy(made: Synthetic) -> None:
    (found,) = compare_runs(made.run.root, made.run.root, team=A, other=B).comparisons
    a, b = scores_of(made.run, A), scores_of(made.run, B)
    ct = sorted(case for case in a if "CT" in case)
    values = [np.array([side[c].values["nsd"] for c in ct]) for side in (a, b)]
    ours = found.difference("nsd", "CT")
    assert ours is not None and ours.interval is not None
    assert ours.mean == pytest.approx((values[1] - values[0]).mean())
    theirs = bootstrap(
        (values[1] - values[0],), np.mean, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert (ours.interval.low, ours.interval.high) == pytest.approx(theirs, abs=0.08 * width)
    everything = sorted(a)
    pooled = [b[c].values["nsd"] - a[c].values["nsd"] for c in everything]  # type: ignore[operator]
    micro = found.difference("nsd", "micro")
    theirs = wilcoxon(pooled, correction=True, method="asymptotic")
    assert micro is not None and micro.p_value == pytest.approx(theirs.pvalue)
    ratio = next(r for r in found.ratios if r.where == "micro")
    both = [c for c in everything if b[c].outcome is Outcome.OK]
    assert ratio.n == len(both) == 23
    assert ratio.ratio == pytest.approx(
        gmean([b[c].values["wall_s"] / a[c].values["wall_s"] for c in both])
    )  # type: ignore[operator]


def test_two_teams_have_one_p_value_by_compare_and_by_ranking(made: Synthetic) -> None:
    (found,) = compare_runs(made.run.root, made.run.root, team=A, other=B).comparisons
    document = rank_result(made.run, RankOptions(bootstrap=0)).to_json()
    for metric in ("dsc", "nsd"):
        for where in ("CT", "ALL"):
            tests = document["tests"]["wilcoxon"][metric][where]["p"]
            one_sided = min(tests[A][B], tests[B][A])
            ours = found.difference(metric, "micro" if where == "ALL" else where)
            assert ours is not None and ours.p_value == pytest.approx(min(2 * one_sided, 1))


def test_the_mean_over_modalities_is_not_the_mean_over_cases(
    tmp_path: Path,
) -> None:
    left_out = tuple(f"3DBox_CT_{n:04d}" for n in range(1, 6))
    made = make_run(tmp_path, Scale(masks=False, left_out=left_out))
    (found,) = compare_runs(made.run.root, made.run.root, team=A, other=B).comparisons
    a, b = scores_of(made.run, A), scores_of(made.run, B)
    by_modality: dict[str, list[float]] = {}
    for case, score in a.items():
        by_modality.setdefault(score.modality, []).append(
            b[case].values["dsc"] - score.values["dsc"]
        )  # type: ignore[operator]
    macro, micro = found.difference("dsc", "macro"), found.difference("dsc", "micro")
    assert macro is not None and micro is not None
    assert macro.mean == pytest.approx(np.mean([np.mean(v) for v in by_modality.values()]))
    assert micro.mean == pytest.approx(np.mean([x for v in by_modality.values() for x in v]))
    assert found.difference("dsc", "CT").interval is None  # type: ignore[union-attr]


def test_the_same_seed_gives_the_same_interval_and_swapping_turns_it_round(
    made: Synthetic,
) -> None:
    root = made.run.root
    (one,) = compare_runs(root, root, team=A, other=B, seed=5).comparisons
    (again,) = compare_runs(root, root, team=A, other=B, seed=5).comparisons
    (back,) = compare_runs(root, root, team=B, other=A, seed=5).comparisons
    assert one == again
    d, e = one.difference("dsc", "macro"), back.difference("dsc", "macro")
    assert d is not None and e is not None and d.interval is not None and e.interval is not None
    assert (d.mean, d.interval.low, d.b_ahead) == pytest.approx(
        (-e.mean, -e.interval.high, 1 - e.b_ahead)
    )
    assert {c.case for c in one.worse} == {c.case for c in back.better}


def test_one_sentence_says_which_is_better_by_how_much_and_how_sure(
    made: Synthetic, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(made.run.root)
    assert main(["compare", root, root, "--team", A, "--with", B]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{B} is worse than {A} on 24 cases: DSC -0.")
    for words in ("95 % interval", "of the resamples", "times the time", "1 new"):
        assert words in first


def test_a_copy_of_a_run_has_the_same_scores_in_every_case(made: Synthetic, tmp_path: Path) -> None:
    copy = successor(made, tmp_path / "copy", lambda row: row)
    found = compare_runs(made.run.root, copy.root).comparisons
    assert [f.a.team for f in found] == sorted(TEAMS)
    for comparison in found:
        assert "the same scores in every one of 24 cases" in comparison.answer
        assert comparison.better == comparison.worse == ()
        ratio = comparison.ratios[0]
        assert (ratio.ratio, ratio.corrected) == (pytest.approx(1), pytest.approx(1))


def test_cases_that_changed_are_listed_largest_first_and_failures_are_counted(
    made: Synthetic, tmp_path: Path
) -> None:
    def change(row: CaseScore) -> CaseScore:
        if row.case == "3DBox_MR_0001":
            return row.with_values(dsc=row.values["dsc"] + 0.001)  # type: ignore[operator]
        if row.case == "3DBox_MR_0002":
            return row.with_values(nsd=row.values["nsd"] - 0.02)  # type: ignore[operator]
        if row.case == "3DBox_CT_0002":
            return msgspec.structs.replace(
                row.with_values(dsc=0.7, nsd=0.6, wall_s=2.0), outcome=Outcome.OK
            )
        if row.case == "3DBox_CT_0003":
            return msgspec.structs.replace(
                row.with_values(dsc=0.0, nsd=0.0), outcome=Outcome.OUT_OF_MEMORY
            )
        return row

    run = successor(made, tmp_path / "next", change)
    (found,) = compare_runs(made.run.root, run.root, team=B).comparisons
    assert [c.case for c in found.better] == ["3DBox_CT_0002", "3DBox_MR_0001"]
    assert [c.case for c in found.worse] == ["3DBox_CT_0003", "3DBox_MR_0002"]
    assert [c.case for c in found.failures_lost] == ["3DBox_CT_0002"]
    assert [c.case for c in found.failures_gained] == ["3DBox_CT_0003"]


def test_times_of_two_machines_are_corrected_by_their_calibration_load(
    made: Synthetic, tmp_path: Path
) -> None:
    def elsewhere(document: RunDocument) -> RunDocument:
        ((key, machine),) = document.machines.items()
        host = msgspec.structs.replace(machine.host, cpu="another", cores=2, memory_mib=8000)
        known = msgspec.structs.replace(document.calibration[key], samples=(1.5, 1.575, 1.65))
        return msgspec.structs.replace(
            document,
            machines={key: msgspec.structs.replace(machine, host=host)},
            calibration={key: known},
        )

    slower = successor(
        made,
        tmp_path / "slower",
        lambda row: row.with_values(wall_s=row.values["wall_s"] * 3),  # type: ignore[operator]
        elsewhere,
    )
    compared = compare_runs(made.run.root, slower.root, team=A)
    (found,) = compared.comparisons
    assert compared.calibration == pytest.approx(1.575 / 0.525)
    assert found.ratios[0].ratio == pytest.approx(3)
    assert found.ratios[0].corrected == pytest.approx(1)
    assert any("two machines: cpu Xeon W-2133 and another" in note for note in found.notes)
    assert "corrected" in found.answer


def test_cases_that_only_one_has_are_left_out_and_said(made: Synthetic, tmp_path: Path) -> None:
    run = successor(
        made, tmp_path / "fewer", lambda row: None if row.case == "3DBox_MR_0004" else row
    )
    manifest = load_manifest(run.root / "manifest.json")
    kept = tuple(case for case in manifest.cases if case.id != "3DBox_MR_0004")
    save_manifest(replace_cases(manifest, kept), run.root / "manifest.json")
    (found,) = compare_runs(made.run.root, run.root, team=A).comparisons
    assert len(found.cases) == 23
    assert any("only run has 1 case (3DBox_MR_0004)" in note for note in found.notes)


def replace_cases(manifest: Any, cases: tuple[Any, ...]) -> Any:
    return msgspec.structs.replace(manifest, cases=cases)


def test_another_reference_for_the_same_case_is_refused(
    made: Synthetic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = successor(made, tmp_path / "other", lambda row: row)
    path = run.root / "manifest.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["cases"][0]["reference"]["sha256"] = "1" * 64
    path.write_text(json.dumps(data), encoding="utf-8")
    said = refused([made.run.root, run.root], capsys)
    assert "another reference for 1 case" in said
    assert data["cases"][0]["id"] in said


def test_masks_scored_by_other_rules_are_refused(
    made: Synthetic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dsc, nsd = load_protocol("cvpr24").scoring.metrics
    wider = msgspec.structs.replace(nsd, options={"tolerance_mm": 3.5})
    other = _with("scoring", metrics=(dsc, wider))
    run = successor(made, tmp_path / "rules", lambda row: row, other)
    assert "scoring.nsd.tolerance_mm 2.0 and 3.5" in refused([made.run.root, run.root], capsys)


def test_another_time_limit_is_said(made: Synthetic, tmp_path: Path) -> None:
    run = successor(made, tmp_path / "limit", lambda row: row, _with("limits", timeout_s=77.0))
    (found,) = compare_runs(made.run.root, run.root, team=A).comparisons
    assert any("limits.timeout_s" in note and "77.0" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "a run and itself"),
        (["--team", A], "a run and itself"),
        (["--with", A], "no --team"),
        (["--team", "nobody", "--with", A], "no such team"),
        (["--team", A, "--with", "nobody"], "no such team"),
    ],
)
def test_teams_that_make_no_pair_are_refused_in_one_line(
    made: Synthetic, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused([made.run.root, made.run.root, *options], capsys)
    assert said in message
    assert message.count("\n") == 1


def test_a_case_that_failed_on_our_side_is_left_out_and_named(
    made: Synthetic, tmp_path: Path
) -> None:
    def change(row: CaseScore) -> CaseScore:
        if row.case != "3DBox_CT_0001":
            return row
        return msgspec.structs.replace(row, outcome=Outcome.HARNESS_ERROR, values={})

    run = successor(made, tmp_path / "harness", change)
    (found,) = compare_runs(made.run.root, run.root, team=A).comparisons
    assert "3DBox_CT_0001" not in found.cases
    assert any("3DBox_CT_0001" in note for note in found.notes)


def test_the_json_is_strict_and_whole(made: Synthetic, tmp_path: Path) -> None:
    path = tmp_path / "compare.json"
    root = str(made.run.root)
    assert main(["compare", root, root, "--team", A, "--with", B, "--json", str(path)]) == 0

    def fail(text: str) -> None:
        raise AssertionError(text)

    data = json.loads(path.read_text(encoding="utf-8"), parse_constant=fail)
    (found,) = data["comparisons"]
    assert data["schema"] == 1
    assert {d["where"] for d in found["differences"]} >= {"macro", "micro", "CT", "MR"}
    assert {d["metric"] for d in found["differences"]} == {
        "dsc", "nsd", "wall_s", "cpu_s", "peak_memory_mib",
    }  # fmt: skip
    assert len(found["better"]) + len(found["worse"]) == 24
    assert HOSTILE not in path.read_text(encoding="utf-8")
