"""A run loses nothing: not by a crash of a submission, not by Ctrl-C, not by `kill -9`."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSubmission = Callable[[str, str], Path]

FILL_BOXES = """
for path in sorted(inputs.glob('*.npz')):
    case = np.load(path, allow_pickle=False)
    volume = case['boxes'].shape[1] == 6
    shape = case['imgs'].shape if volume else case['imgs'].shape[:2]
    segs = np.zeros(shape, np.uint8)
    for label, box in enumerate(case['boxes'], start=1):
        low, high = np.split(box, 2)
        segs[tuple(slice(a, b + 1) for a, b in zip(low[::-1], high[::-1]))] = label
    np.savez_compressed(outputs / path.name, segs=segs)
"""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def run_arguments(data: Path, run: Path, **submissions: Path) -> list[object]:
    named = [a for team, ref in submissions.items() for a in ("--submission", f"{team}={ref}")]
    return ["run", "--manifest", data, "--protocol", "cvpr24", *named, run, "--sandbox", "local"]


def test_every_way_to_fail_has_its_outcome_and_stays_in_the_denominator(
    small_data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    good = make_submission("good", FILL_BOXES)
    mixed = make_submission(
        "mixed",
        """
(path,) = inputs.glob('*.npz')
if path.stem == '2DBox_US_1': sys.exit(3)
if path.stem == '2DBox_US_2': sys.exit(0)
if path.stem == '2DBox_XRay_1': np.savez(outputs / path.name, segs=np.zeros((1, 64), np.uint8))
if path.stem == '3DBox_CT_1': np.savez(outputs / path.name, segs=np.array([{}], dtype=object))
""",
    )
    assert segjudge(*run_arguments(small_data, run, good=good, mixed=mixed)).returncode == 0
    outcomes = {(r["team"], r["case"]): r["outcome"] for r in rows(run / "runs.csv")}
    assert outcomes["mixed", "2DBox_US_1"] == "nonzero_exit"
    assert outcomes["mixed", "2DBox_US_2"] == "no_output"
    assert outcomes["mixed", "2DBox_XRay_1"] == "bad_output"
    assert outcomes["mixed", "3DBox_CT_1"] == "bad_output"
    assert {o for (team, _), o in outcomes.items() if team == "good"} == {"ok"}

    assert segjudge("score", run).returncode == 0
    cases = {(r["team"], r["case"]): r for r in rows(run / "case_scores.csv")}
    assert len(cases) == 8
    for case in ("2DBox_US_1", "2DBox_US_2", "2DBox_XRay_1", "3DBox_CT_1"):
        failed = cases["mixed", case]
        assert (failed["dsc"], failed["nsd"], failed["wall_s"]) == ("0.0", "0.0", "600.0")
        assert failed["reason"]
    summary = {
        (r["team"], r["modality"]): r
        for r in rows(run / "modality_scores.csv")
        if r["metric"] == "dsc"
    }
    assert (summary["mixed", "Ultrasound"]["n"], summary["mixed", "Ultrasound"]["failures"]) == (
        "2",
        "2",
    )

    assert segjudge("rank", run, "--bootstrap", 50).returncode == 0
    places = {r["team"]: r["rank"] for r in rows(run / "ranking.csv")}
    assert places == {"good": "1", "mixed": "2"}
    assert segjudge("report", run).returncode == 0
    page = (run / "report" / "index.html").read_text("utf-8")
    assert "good" in page and "exit code 3" in page

    passed = segjudge("audit", run)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    prediction = run / "predictions" / "good" / "3DBox_CT_1.npz"
    prediction.write_bytes(prediction.read_bytes()[:-1] + b"x")
    assert segjudge("audit", run).returncode == 1
    assert json.loads((run / "audit.json").read_text("utf-8"))["passed"] is False
    altered = segjudge("score", run)
    assert altered.returncode == 2
    assert str(prediction) in altered.stderr
    # The same command mends it: the case whose file was altered is run again, no other is.
    before = {(r["team"], r["case"]): r["started_at"] for r in rows(run / "runs.csv")}
    assert segjudge(*run_arguments(small_data, run, good=good, mixed=mixed)).returncode == 0
    after = {(r["team"], r["case"]): r["started_at"] for r in rows(run / "runs.csv")}
    assert [key for key in before if before[key] != after[key]] == [("good", "3DBox_CT_1")]


def start(arguments: list[object], cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "segjudge", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for_end(process: subprocess.Popen[bytes]) -> int:
    """Its exit code. A flush of a busy disk may take half a minute; what hangs says where."""
    try:
        return process.wait(timeout=120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        assert process.stderr is not None
        pytest.fail(f"did not end in two minutes: {process.stderr.read().decode()}")


def ended(ledger: Path) -> list[dict[str, Any]]:
    """What has ended by a ledger, read as any tool may read it."""
    if not ledger.exists():
        return []
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute(
                "select case_id, started_at from attempts where outcome is not null"
            ).fetchall()
        except sqlite3.OperationalError:  # the table is being made
            return []
        return [{"case": case, "started_at": started_at} for case, started_at in found]


def wait_for_results(ledger: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(ended(ledger)) >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"{ledger} did not get {count} results in a minute")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_cut_off_continues_and_repeats_no_finished_case(
    how: signal.Signals, small_data: Path, make_submission: MakeSubmission, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    slow = make_submission("slow", FILL_BOXES + "\ntime.sleep(0.5)\n")
    arguments = run_arguments(small_data, run, slow=slow)
    cut = start(arguments, tmp_path)
    wait_for_results(run / "ledger.sqlite", 2)
    if how is signal.SIGKILL:
        os.killpg(cut.pid, how)
    else:
        cut.send_signal(how)
    code = wait_for_end(cut)
    error = cut.stderr.read().decode() if cut.stderr else ""
    assert code == (130 if how is signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in error
    if how is signal.SIGKILL:
        # What a power failure may leave: a page of the write-ahead log that is cut short.
        with (run / "ledger.sqlite-wal").open("ab") as log:
            log.write(b"\0\0\0\x03 half a page")
    else:
        assert not (run / "ledger.sqlite-wal").exists()
    first = {record["case"]: record["started_at"] for record in ended(run / "ledger.sqlite")}
    assert 2 <= len(first) < 4
    again = start(arguments, tmp_path)
    assert wait_for_end(again) == 0
    if again.stderr:
        again.stderr.close()
    if cut.stderr:
        cut.stderr.close()
    after = {r["case"]: r["started_at"] for r in rows(run / "runs.csv")}
    assert len(after) == 4
    assert {case: after[case] for case in first} == first


def test_two_commands_do_not_work_in_one_run_directory_at_once(
    small_data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    slow = make_submission("slow", "time.sleep(60)\n")
    arguments = run_arguments(small_data, run, slow=slow)
    holder = start(arguments, tmp_path)
    try:
        deadline = time.monotonic() + 60
        while not (run / "manifest.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        second = segjudge("score", run)
    finally:
        os.killpg(holder.pid, signal.SIGINT)
        wait_for_end(holder)
        if holder.stderr:
            holder.stderr.close()
    assert second.returncode == 2
    assert "another segjudge is working in it" in second.stderr


def test_a_run_directory_of_other_data_is_refused_and_left_alone(
    small_data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    good = make_submission("good", FILL_BOXES)
    assert segjudge(*run_arguments(small_data, run, good=good)).returncode == 0
    before = (run / "run.json").read_bytes()
    other = tmp_path / "other" / "manifest.json"
    other.parent.mkdir()
    for kind in ("inputs", "references"):
        (other.parent / kind).symlink_to(small_data.parent / kind)
    data = json.loads(small_data.read_text("utf-8"))
    data["cases"] = data["cases"][:2]
    other.write_text(json.dumps(data))
    refused = segjudge(*run_arguments(other, run, good=good))
    assert refused.returncode == 2
    assert "choose another run directory" in refused.stderr
    assert (run / "run.json").read_bytes() == before


def test_a_case_that_was_cut_off_again_and_again_is_named(
    small_data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = run_arguments(small_data, run, good=make_submission("good", FILL_BOXES))
    assert "was cut off" not in segjudge(*arguments).stderr
    with closing(sqlite3.connect(run / "ledger.sqlite")) as ledger:
        for _ in range(3):  # as a machine leaves it that went down
            ledger.execute(
                "insert into attempts (team, case_id, round, job_sha256, began_at)"
                " values ('good', '3DBox_CT_1', 0, '', '')"
            )
        ledger.commit()

    again = segjudge(*arguments)

    assert again.returncode == 0
    assert "good 3DBox_CT_1: began 3 times and was cut off each time" in again.stderr
