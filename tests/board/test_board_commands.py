"""`segjudge board` by its commands, on this machine's clock: a cluster, an archive, no engine."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evaluate.board.challenge import ChallengeFolder
from evaluate.board.site import publish_site
from evaluate.board.taking import log_of, take_what_is_new
from evaluate.cli import main
from evaluate.sandbox import Execution, Image, Job, Sandbox, SandboxError, open_sandbox
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


def test_a_batch_runs_on_a_cluster(
    season: Season, segjudge: Command, segjudge_process: Command
) -> None:
    for team, shift in (("alpha", 2), ("beta", 5)):
        season.hand_in(team, season.made(team, shift), "one", BEGIN - timedelta(days=9999))
    done = segjudge_process(
        "board", "take", season.root, "--cluster", "local:2", "--sandbox", "local"
    )
    assert done.returncode == 0, done.stderr
    assert "first: ran 0001, 0002" in done.stdout
    assert season.board("first") == [("alpha", "0001"), ("beta", "0002")]
    again = segjudge("board", "take", season.root, "--sandbox", "local")
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


def test_a_challenge_that_is_changed_while_a_board_watches_is_taken_up(
    season: Season, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = season.root / "challenge.toml"
    text = path.read_text("utf-8").replace('anchor = "anchor"', "")
    titles: list[str] = []
    contents = [text.replace("Two", "Three"), text.replace("shows", "show", 1), None]

    def edit(_: float) -> None:
        titles.append("Three &lt;ellipses&gt;" in season.page())
        changed = contents.pop(0)
        if changed is None:
            raise KeyboardInterrupt
        path.write_text(changed, "utf-8")

    monkeypatch.setattr("time.sleep", edit)
    assert main(["board", "take", str(season.root), "--watch", "--sandbox", "local"]) == 130
    assert titles == [False, True, True]
    told = capsys.readouterr()
    assert told.out.count("challenge.toml was changed, and is taken up") == 1
    assert "did you mean `shows`?" in told.err


class Failing:
    """A sandbox whose engine is down for one case."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self.is_down = sandbox, True

    def __getattr__(self, name: str) -> object:
        return getattr(self._sandbox, name)

    def run(self, image: Image, job: Job) -> Execution:
        if self.is_down and (job.inputs / "3DBox_CT_1.npz").exists():
            raise SandboxError(where="engine", found="gone")
        return self._sandbox.run(image, job)


def test_a_case_that_the_harness_lost_is_run_again_when_the_command_is_given_again(
    season: Season, tmp_path: Path
) -> None:
    season.hand_in("alpha", season.made("alpha", 2), "one", BEGIN - timedelta(days=9999))
    path = season.root / "challenge.toml"
    path.write_text(path.read_text("utf-8").replace('anchor = "anchor"', ""), "utf-8")
    folder = ChallengeFolder(season.root)

    def take(again: bool) -> list[str]:
        done = take_what_is_new(
            folder, sandbox=sandbox, workers=1, again=again, pause=lambda _: None
        )
        publish_site(folder, now=datetime.now(UTC))
        return [note.found for note in done.notes]

    sandbox = Failing(open_sandbox("local", scratch=tmp_path, environment={}, cache=tmp_path))
    assert take(again=True) == ["cases without a score, by an error of this machine"]
    assert season.board("first") == []
    assert "an error of the organiser's machine and not of yours" in season.own_page(1)
    sandbox.is_down = False
    assert take(again=False) == []
    assert season.board("first") == []
    assert take(again=True) == []
    assert season.board("first") == [("alpha", "0001")]


def test_a_damaged_log_is_refused_by_its_line(season: Season, segjudge: Command) -> None:
    (season.root / "board.jsonl").write_text(json.dumps({"event": "run"}) + "\n")
    done = segjudge("board", "publish", season.root)
    assert done.returncode == 2
    assert "board.jsonl, line 1: can't be read" in done.stderr
