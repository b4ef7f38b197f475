"""`segjudge board` by its commands, on this machine's clock: a cluster, an archive, no engine."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evaluate.board.challenge import ChallengeFolder
from evaluate.board.taking import log_of
from tests.board.test_board import BEGIN, Season
from tests.checking.gallery import GOOD_ARCHIVE

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def season(tmp_path: Path, make_submission: Callable[[str, str], Path], small_data: Path) -> Season:
    """Whose first phase is open now."""
    made = Season(tmp_path / "board", make_submission, small_data)
    path = made.root / "challenge.toml"
    now = datetime.now(UTC).replace(microsecond=0)
    shift = now - timedelta(days=1) - BEGIN
    text = path.read_text("utf-8")
    for week in range(0, 8, 2):
        moment = BEGIN + timedelta(weeks=week)
        text = text.replace(moment.isoformat(), (moment + shift).isoformat())
    path.write_text(text, "utf-8")
    return made


def test_a_batch_runs_on_a_cluster(season: Season, segjudge_process: Command) -> None:
    for team, shrink in (("alpha", 2), ("beta", 5)):
        season.hand_in(team, season.made(team, shrink), "one", BEGIN - timedelta(days=9999))
    done = segjudge_process(
        "board", "take", season.root, "--cluster", "local:2", "--sandbox", "local"
    )
    assert done.returncode == 0, done.stderr
    assert "first: ran 0001, 0002" in done.stdout
    assert season.board("first") == [("alpha", "0001"), ("beta", "0002")]
    again = segjudge_process(
        "board", "take", season.root, "--cluster", "local:2", "--sandbox", "local"
    )
    assert again.returncode == 0, again.stderr
    assert "0001" not in again.stdout


def test_without_an_engine_an_archive_is_kept_and_the_organiser_is_told(
    season: Season, segjudge: Command, tmp_path: Path
) -> None:
    image_archive = GOOD_ARCHIVE(tmp_path)
    season.hand_in("alpha", image_archive, "image.tar", BEGIN - timedelta(days=9999))
    done = segjudge("board", "take", season.root, "--sandbox", "local")
    assert done.returncode == 2
    assert "which needs a container engine" in done.stderr
    log = log_of(ChallengeFolder(season.root))
    assert [event.number for event in log.outstanding] == [1]
    assert (season.root / log.outstanding[0].kept_as).read_bytes() == image_archive.read_bytes()


def test_a_damaged_log_is_refused_by_its_line(season: Season, segjudge: Command) -> None:
    (season.root / "board.jsonl").write_text(json.dumps({"event": "run"}) + "\n")
    done = segjudge("board", "publish", season.root)
    assert done.returncode == 2
    assert "board.jsonl, line 1: can't be read" in done.stderr
