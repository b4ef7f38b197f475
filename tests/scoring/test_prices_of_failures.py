"""A failure has one price a metric, paid once, in scoring; every table says the same."""

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from data_manifest.layouts import BadPrediction
from evaluate.facts.turns import Turn
from evaluate.scoring import jobs
from evaluate.store import RunDirectory
from tests.conftest import submissions_in
from tests.scoring.folders import command, protocol_file, read_rows

CRASH = """
for path in inputs.iterdir():
    if path.stem == '3DBox_CT_1':
        sys.exit(3)
    shape = np.load(path)['imgs'].shape
    shape = shape[:2] if shape[-1] == 3 else shape
    np.savez(outputs / path.name, segs=np.ones(shape, np.uint8))
"""
METRICS = ('name = "dsc"', 'name = "hd95"', 'name = "lesion_f1"')
RANKED = ", ".join(
    f'{{ name = "{name}" }}'
    for name in ("dsc", "hd95", "lesion_f1", "wall_s", "cpu_s", "peak_memory_mib")
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Path:
    folder = tmp_path_factory.mktemp("prices")
    arguments = ["run", "--manifest", small_data, "--protocol"]
    arguments.append(protocol_file(folder, *METRICS, ranked=RANKED))
    for name, lines in (("crash", CRASH), ("sound", CRASH.replace("3DBox_CT_1", "no such"))):
        arguments += ["--submission", f"{name}={submissions_in(folder)(name, lines)}"]
    assert command(*arguments, folder / "run", "--sandbox", "local") == 0
    assert command("score", folder / "run", "--jobs", 1) == 0
    return folder / "run"


@pytest.fixture
def crashed(ran: Path, tmp_path: Path) -> Path:
    """A run of a team that crashes on one case of four, and of one that does not."""
    return Path(shutil.copytree(ran, tmp_path / "run"))


def test_scoring_and_ranking_give_a_crash_the_same_price(crashed: Path) -> None:
    assert command("rank", crashed, "--bootstrap", 20) == 0
    (failed,) = [r for r in read_rows(crashed / "case_scores.csv") if r["outcome"] != "ok"]
    assert (failed["wall_s"], failed["peak_memory_mib"]) == ("60.0", "4096.0")
    assert (failed["cpu_s"], failed["dsc"], failed["lesion_f1"]) == ("60.0", "0.0", "0.0")
    # The case is 6 x 30 x 40 voxels of 2.5 x 0.8 x 0.8 mm.
    diagonal = float(np.linalg.norm([6 * 2.5, 30 * 0.8, 40 * 0.8]))
    assert float(failed["hd95"]) == pytest.approx(diagonal)
    ranking = json.loads((crashed / "ranking.json").read_text("utf-8"))
    for row in read_rows(crashed / "modality_scores.csv"):
        told = ranking["methods"]["mean_then_rank"][row["metric"]][row["modality"]][row["team"]]
        assert told["value"] == pytest.approx(float(row["mean"]), rel=1e-12), row
    assert ranking["overall"]["sound"]["rank"] == 1


def test_a_failure_costs_no_less_than_the_worst_result_of_the_run(crashed: Path) -> None:
    """Also where a sandbox could not enforce a limit, and a result lies above it."""
    run = RunDirectory(crashed)
    turn = Turn(team="sound", case="3DBox_CT_1")
    entry = run.journal()[turn.team, turn.case, turn.round]
    over = msgspec.structs.replace(entry.record, wall_s=61.5, cpu_s=90.0, peak_memory_mib=5000.0)
    run.keep(
        over,
        number=run.begin(turn, job_sha256=entry.job_sha256),
        job_sha256=entry.job_sha256,
        options={},
        prediction=run.prediction_path(turn.team, turn.case).read_bytes(),
        log=b"",
    )
    assert command("score", crashed, "--jobs", 1) == 0
    (failed,) = [r for r in read_rows(crashed / "case_scores.csv") if r["outcome"] != "ok"]
    assert [failed[name] for name in ("wall_s", "cpu_s", "peak_memory_mib")] == [
        *("61.5", "90.0", "5000.0")
    ]


def test_what_a_run_took_as_a_mask_is_never_judged_again_against_the_team(
    crashed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (crashed / "scores.sqlite").unlink()

    def unreadable(*_: object, **__: object) -> BadPrediction:
        return BadPrediction(reason="no array `segs`")

    monkeypatch.setattr(jobs, "read_prediction", unreadable)
    capsys.readouterr()
    assert command("score", crashed, "--jobs", 1) == 0
    outcomes = {row["outcome"] for row in read_rows(crashed / "case_scores.csv")}
    assert outcomes == {"harness_error", "nonzero_exit"}
    assert "a failure on our side" in capsys.readouterr().err
    assert command("rank", crashed) == 2


@pytest.mark.parametrize(
    "ranked", ['{ name = "hd95" }', '{ name = "warp", direction = "lower" }', '{ name = "warp" }']
)
def test_a_protocol_that_ranks_by_what_no_stage_makes_is_refused_by_the_run(
    tmp_path: Path, small_data: Path, capsys: pytest.CaptureFixture[str], ranked: str
) -> None:
    mine = protocol_file(tmp_path, 'name = "dsc"', ranked=ranked)
    run = ["run", "--manifest", small_data, "--protocol", mine, "--submission", f"a={tmp_path}"]
    assert command(*run, tmp_path / "run", "--sandbox", "local") == 2
    said = capsys.readouterr().err
    assert "ranking.metrics" in said and ("hd95" in said or "warp" in said)
    assert not (tmp_path / "run").exists()
