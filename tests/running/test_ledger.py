"""The ledger: readable columns, what is shared stands once, and a look streams."""

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from evaluate.cli import main
from evaluate.documents.journal import JournalEntry
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.turns import Turn
from evaluate.store import Ledger

OPTIONS = {"HostConfig": {"Ulimits": [{"Name": f"limit{n}", "Soft": n} for n in range(50)]}}


def entry(turn: Turn) -> JournalEntry:
    return JournalEntry(
        record=Attempt(
            team=turn.team,
            case=turn.case,
            round=turn.round,
            outcome=Outcome.OK,
            reason="",
            exit_code=0,
            wall_s=0.1 + 0.2,
            cpu_s=None,
            peak_memory_mib=12.5,
            measured_by="cgroup",
            started_at="2026-01-01T00:00:00+00:00",
            machine="0123456789ab",
            rules_sha256="1" * 64,
        ),
        job_sha256="2" * 64,
        prediction_sha256="3" * 64,
        log_sha256="4" * 64,
        sandbox=OPTIONS,
    )


def filled(path: Path, attempts: int, **measured: float) -> Ledger:
    ledger = Ledger(path)
    for number in range(attempts):
        turn = Turn(team="team", case=f"case{number:04d}")
        made = entry(turn)
        record = msgspec.structs.replace(made.record, **measured)
        made = msgspec.structs.replace(made, record=record)
        ledger.end(ledger.begin(turn, job_sha256="2" * 64), made)
    return ledger


def test_what_was_written_is_read_to_the_last_digit(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite", 3)
    assert list(ledger.entries()) == [
        entry(Turn(team="team", case=f"case{number:04d}")) for number in range(3)
    ]


GPUS, FILES = (
    ("peak_gpu_memory_mib", "gpu_busy_s"),
    ("file_pages_mib", "throttled_s", "others_cpus"),
)


@pytest.mark.parametrize(
    ("lacking", "had"),
    [((*GPUS, *FILES), {}), (FILES, {"peak_gpu_memory_mib": 3.0, "gpu_busy_s": 1})],
)
def test_a_ledger_of_an_earlier_version_is_read_with_the_same_digest_and_goes_on(
    tmp_path: Path, lacking: tuple[str, ...], had: dict[str, float]
) -> None:
    ledger = filled(tmp_path / "ledger.sqlite", 2, **had)
    digest = ledger.digest()
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file:
        for name in lacking:
            file.execute(f"alter table attempts drop column {name}")

    old = Ledger(tmp_path / "ledger.sqlite")
    assert len(list(old.entries())) == 2
    assert old.digest() == digest
    turn = Turn(team="team", case="case0002")
    measured = entry(turn)
    record = msgspec.structs.replace(measured.record, peak_gpu_memory_mib=300.0, throttled_s=0.5)
    measured = msgspec.structs.replace(measured, record=record)
    old.end(old.begin(turn, job_sha256="2" * 64), measured)
    assert list(old.entries())[2] == measured
    assert old.digest() != digest


def test_the_last_end_of_a_turn_counts_and_each_round_is_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    first = Turn(team="team", case="case")
    for turn in (first, Turn(team="team", case="case", round=1), first):
        ledger.end(ledger.begin(turn, job_sha256="2" * 64), entry(turn))
    ledger.begin(first, job_sha256="9" * 64)
    assert [e.record.round for e in ledger.entries()] == [0, 1]
    assert [job for _, job, _, _ in ledger.results()] == ["2" * 64] * 2
    assert ledger.cut_off() == {("team", "case"): 1}


def test_a_look_holds_one_attempt_at_a_time(tmp_path: Path) -> None:
    filled(tmp_path / "ledger.sqlite", 400).close()
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert sum(1 for _ in ledger.entries()) == 400  # what is imported late is imported now
    tracemalloc.start()
    try:
        assert sum(1 for _ in ledger.entries()) == 400
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000  # all 400 at once are over half a megabyte


def test_a_run_keeps_what_containers_were_given_once(
    small_data: Path, participants: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    options = ("--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "local")
    submission = f"--submission=team={participants / 'boxfill'}"
    assert main(["run", *map(str, options), submission, str(root)]) == 0
    with closing(sqlite3.connect(root / "ledger.sqlite")) as ledger:
        rows = ledger.execute("select team, case_id, outcome, wall_s, machine from attempts")
        assert [(team, outcome) for team, _, outcome, *_ in rows] == [("team", "ok")] * 4
        assert ledger.execute("select count(*) from options").fetchone() == (1,)
        (given,) = ledger.execute("select given from options").fetchone()
    assert "not_enforced" in given and "segjudge-tmp-" not in given


def test_a_ledger_of_the_first_version_is_refused_in_one_line(
    small_data: Path, participants: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as old:
        old.execute("create table attempts (attempt integer primary key, entry text)")
    options = ("--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "local")
    (tmp_path / "run.json").write_text("{}")
    submission = f"--submission=team={participants / 'boxfill'}"
    capsys.readouterr()
    assert main(["run", *map(str, options), submission, str(tmp_path)]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("segjudge:")]
    assert len(said) == 1 and "run again into a new folder" in said[0]
