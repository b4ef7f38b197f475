"""A score is made once for the same bytes, rules and code; losing what was kept costs time only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluate.scoring.case_scores import PreparedCase
from evaluate.store.sealing import code_digests
from tests.scoring.folders import command

Counted = Callable[[], list[str]]
TABLES = ("runs.csv", "label_scores.csv", "case_scores.csv", "modality_scores.csv")


def run_of(data: Path, run: Path, **submissions: Path) -> list[object]:
    named = [f"--submission={team}={reference}" for team, reference in submissions.items()]
    return ["run", "--manifest", data, "--protocol", "segjudge", *named, run, "--sandbox", "local"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, small_data: Path, participants: Path) -> Path:
    folder = tmp_path_factory.mktemp("ran") / "run"
    assert command(*run_of(small_data, folder, boxfill=participants / "boxfill")) == 0
    return folder


@pytest.fixture
def run(ran: Path, tmp_path: Path) -> Path:
    """A run of one team, not yet scored."""
    return Path(shutil.copytree(ran, tmp_path / "run"))


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts the cases that are really scored."""
    real, calls = PreparedCase.measures, list[int]()

    def counting(*arguments: object) -> object:
        calls.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PreparedCase, "measures", counting)
    yield calls


def score(run: Path, calls: list[int], *more: object) -> tuple[int, list[bytes]]:
    """How many cases were scored, and the tables."""
    calls.clear()
    assert command("score", run, "--jobs", 1, *more) == 0
    return len(calls), [(run / name).read_bytes() for name in TABLES]


def test_a_second_call_scores_nothing_and_one_more_team_its_own_cases(
    run: Path, scored: list[int], small_data: Path, participants: Path
) -> None:
    first, tables = score(run, scored)
    assert first == 4
    assert score(run, scored) == (0, tables)
    assert command(*run_of(small_data, run, late=participants / "tworegion")) == 0
    assert score(run, scored)[0] == 4


def test_other_rules_score_anew_and_going_back_does_not(run: Path, scored: list[int]) -> None:
    _, tables = score(run, scored)
    assert score(run, scored, "--protocol", "segjudge-1")[0] == 4
    assert score(run, scored, "--protocol", "segjudge") == (0, tables)


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 300, None])
def test_a_damaged_or_missing_cache_costs_time_only(
    run: Path, scored: list[int], damage: bytes | None
) -> None:
    _, tables = score(run, scored)
    cache = run / "scores.sqlite"
    if damage is None:
        cache.unlink()
    else:
        cache.write_bytes(damage)
    assert score(run, scored) == (4, tables)
    assert score(run, scored) == (0, tables)


def test_a_cache_that_is_torn_in_the_middle_costs_time_only(run: Path, scored: list[int]) -> None:
    _, tables = score(run, scored)
    cache = run / "scores.sqlite"
    data = bytearray(cache.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 3000] = b"\xff" * 3000
    cache.write_bytes(data)
    assert score(run, scored)[1] == tables


def test_an_altered_prediction_is_seen_though_its_size_and_time_are_as_before(
    run: Path, scored: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    prediction = run / "predictions" / "boxfill" / "3DBox_CT_1.npz"
    long_ago = prediction.stat().st_mtime_ns - 10_000_000_000
    os.utime(prediction, ns=(long_ago, long_ago))
    score(run, scored)
    data = bytearray(prediction.read_bytes())
    data[-1] ^= 1
    prediction.write_bytes(data)
    os.utime(prediction, ns=(long_ago, long_ago))
    assert command("score", run) == 2
    assert str(prediction) in capsys.readouterr().err


def test_an_edited_source_is_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_reader.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = code_digests(["a_reader"])
    (tmp_path / "a_reader.py").write_text("x = 2\n")
    assert code_digests(["a_reader"]) != before


def test_the_evidence_covers_all_code_that_a_score_passes_through(tmp_path: Path) -> None:
    """Whatever is imported to score a case, but for what carries it there and back."""
    around = ("evaluate.cli", "evaluate.cluster", "evaluate.store", "evaluate.protocols")
    lines = (
        "import sys\n"
        "from evaluate.scoring.jobs import score_job\n"
        "from evaluate.documents import tables\n"
        "print(*(n for n in sys.modules if n.split('.')[0] in"
        " ('evaluate', 'metrics', 'data_manifest')), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, encoding="utf-8", check=True
    )
    loaded = [name for name in done.stdout.split() if not name.startswith(around)]
    covered = tuple(f"{name}." for name in code_digests())
    assert "data_manifest.layouts.npz" in loaded
    assert [name for name in loaded if not f"{name}.".startswith(covered)] == ["evaluate"]
