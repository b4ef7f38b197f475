"""A standing challenge over simulated weeks: who is taken, what counts, and what anyone sees."""

import csv
import html
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from data_manifest.findings import passes
from evaluate.auditing.examination import examine
from evaluate.board.challenge import ChallengeFolder
from evaluate.board.inbox import take_new
from evaluate.board.site import publish_site
from evaluate.board.taking import TakenNow, board_held, log_of, take_what_is_new
from evaluate.documents.board_log import CameAgain
from evaluate.facts.protocol_files import protocol_text
from evaluate.sandbox import open_sandbox
from evaluate.store import RunDirectory
from tests.harness.answering_image import answering_files

BEGIN = datetime(2031, 3, 3, 9, tzinfo=UTC)
PHASE = """
[[phases]]
name = "{name}"
manifest = "{manifest}"
protocol = "rules.toml"
opens = {opens}
closes = {closes}
submissions_a_day = 2
shows = "{shows}"
counts = "{counts}"
"""


def write_rules(root: Path) -> None:
    """No place by times: those of a busy machine are nobody's merit."""
    text = protocol_text("segjudge").replace(', { name = "wall_s" }', "")
    (root / "rules.toml").write_text(text, "utf-8")


def week(number: float) -> datetime:
    return BEGIN + timedelta(weeks=number)


def challenge_text(manifest: Path) -> str:
    phases = [
        ("first", "leaderboard", "best"),
        ("second", "own", "last"),
        ("third", "nothing", "last"),
    ]
    return 'title = "Two <ellipses>"\nanchor = "anchor"\n' + "".join(
        PHASE.format(
            name=name,
            manifest=manifest,
            opens=week(2 * k).isoformat(),
            closes=week(2 * k + 2).isoformat(),
            shows=shows,
            counts=counts,
        )
        for k, (name, shows, counts) in enumerate(phases)
    )


def take(root: Path, at: datetime, *, stop_after: int | None = None) -> TakenNow:
    """One look, at a moment; as a process of its own it may be killed at a call of progress."""
    calls = 0

    def progress(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_after:
            os.kill(os.getpid(), signal.SIGKILL)

    folder = ChallengeFolder(root)
    scratch = root.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    sandbox = open_sandbox("local", scratch=scratch, environment=os.environ, cache=scratch)
    with board_held(root):
        done = take_what_is_new(
            folder, sandbox=sandbox, now=lambda: at, workers=1, progress=progress
        )
        publish_site(folder, now=at)
    sandbox.close()
    return done


def kill_while_it_takes(root: Path, at: datetime, *, stop_after: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=take, args=(root, at), kwargs={"stop_after": stop_after}
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


class Season:
    """A challenge's folder, and what teams do."""

    def __init__(self, root: Path, make: Callable[[str, str], Path], manifest: Path) -> None:
        self.root, self._make, self._manifest = root, make, manifest
        (root / "inbox").mkdir(parents=True)
        (root / "challenge.toml").write_text(challenge_text(manifest), "utf-8")
        write_rules(root)
        shutil.copytree(self.made("anchor", 3), root / "anchor")

    def made(self, name: str, shift: int) -> Path:
        """A submission whose masks lie some columns beside the references."""
        folder = self._make(name, "")
        (folder / "answers").mkdir()
        answers = answering_files(self._manifest, seconds=0.02, shift=shift)
        for file, content in answers.items():
            (folder / file).write_bytes(content)
        return folder

    def hand_in(self, team: str, source: Path, name: str, at: datetime) -> None:
        target = self.root / "inbox" / team / name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        for path in (target, *target.rglob("*")):
            os.utime(path, (at.timestamp(), at.timestamp()))

    def page(self, name: str = "index.html") -> str:
        return (self.root / "site" / name).read_text("utf-8")

    def part(self, phase: str) -> str:
        found = re.search(rf'<section id="{phase}">.*?</section>', self.page(), re.S)
        assert found
        return found[0]

    def own_page(self, number: int) -> str:
        event = next(e for e in log_of(ChallengeFolder(self.root)).handed_in if e.number == number)
        return self.page(f"s/{event.token}.html")

    def board(self, phase: str) -> list[tuple[str, str]]:
        """Teams and the numbers of their submissions, as the leaderboard has them."""
        table = self.part(phase).partition("<details>")[0]
        return re.findall(r'<th scope="row">(\w+)</th>.*?<td>(\d{4}), ', table)

    def board_times(self, phase: str) -> list[tuple[str, float]]:
        """Submissions, and the seconds that the leaderboard has."""
        table = self.part(phase).partition("<details>")[0]
        rows = (row for row in table.split("<tr>") if '<th scope="row">' in row)
        found = [re.findall(r'<td class="number">([\d.]+)</td>', row)[3] for row in rows]
        names = (f"{team}.{number}" for team, number in self.board(phase))
        return [(name, float(text)) for name, text in zip(names, found, strict=True)]


def test_a_season_of_six_teams(
    tmp_path: Path, make_submission: Callable[[str, str], Path], small_data: Path
) -> None:
    season = Season(tmp_path / "board", make_submission, small_data)
    root = season.root
    good, fair, poor = (season.made(name, shift) for name, shift in (("a", 1), ("b", 2), ("c", 5)))
    crash = make_submission("crash", "print('<script>alert(1)</script>'); sys.exit(3)\n")
    silent = make_submission("silent", "pass\n")
    flat = make_submission(
        "flat",
        "for path in inputs.glob('*.npz'):\n"
        "    np.savez(outputs / path.name, segs=np.zeros((3, 3), np.uint8))\n",
    )
    junk = tmp_path / "junk"
    junk.write_bytes(b"no archive")

    # First week: one is broken, one crashes, one is half copied; and the machine goes down.
    at = week(0.5)
    before = at - timedelta(hours=1)
    season.hand_in("alpha", fair, "one", before - timedelta(minutes=5))
    season.hand_in("beta", poor, "one", before - timedelta(minutes=4))
    season.hand_in("gamma", junk, "image.tar.gz", before - timedelta(minutes=3))
    season.hand_in("delta", crash, "<img src=x>", before - timedelta(minutes=2))
    season.hand_in("epsilon", good, "slow", at - timedelta(seconds=5))
    kill_while_it_takes(root, at, stop_after=9)
    assert not (root / "site").exists()
    done = take(root, at)
    assert [note.where.rpartition("/")[2] for note in done.notes] == ["slow"]
    assert season.board("first") == [("alpha", "0001"), ("beta", "0002"), ("delta", "0004")]
    assert "not run: it is nothing that can be run" in season.own_page(3)
    assert "archive-readable" in season.own_page(3)
    assert "4 cases: crashed" in season.own_page(4)
    assert "&lt;img src=x&gt;" in season.own_page(4)

    # Minutes later the slow copy is whole.
    take(root, at + timedelta(minutes=2))
    assert season.board("first")[0] == ("epsilon", "0005")
    assert_times_are_on_the_first_anchors_scale(season, "epsilon.0005")
    nothing_new = take(root, at + timedelta(minutes=3))
    assert nothing_new.events == []

    # Next day: the same again, then two others, then one too many.
    at += timedelta(days=1)
    before = at - timedelta(hours=1)
    season.hand_in("alpha", fair, "again", before)
    season.hand_in("alpha", good, "two", before + timedelta(minutes=1))
    season.hand_in("alpha", flat, "three", before + timedelta(minutes=2))
    season.hand_in("alpha", crash, "four", before + timedelta(minutes=3))
    kill_while_it_takes(root, at, stop_after=14)
    take(root, at)
    events = log_of(ChallengeFolder(root)).events
    again = [event for event in events if isinstance(event, CameAgain)]
    assert [(event.file.name, event.number) for event in again] == [("again", 1)]
    assert "again, seen 2031-03-07, is the same, byte for byte" in season.own_page(1)
    assert "over the day&#39;s number" in season.own_page(8)
    assert dict(season.board("first"))["alpha"] == "0006"  # the best, not the last
    assert "4 cases: bad output (the file is no mask of the image&#39;s shape" in season.own_page(7)
    assert "time ÷ anchor" in season.part("first")

    # Second phase: own scores, no leaderboard before the closing; the last one counts.
    season.hand_in("alpha", good, "five", week(2.1))
    season.hand_in("beta", fair, "five", week(2.1))
    take(root, week(2.2))
    season.hand_in("gamma", good, "pipe", week(2.4))
    os.mkfifo(root / "inbox/gamma/pipe/weights")
    season.hand_in("alpha", silent, "six", week(2.5))
    kill_while_it_takes(root, week(2.6), stop_after=1)
    take(root, week(2.6))
    assert season.board("second") == []
    assert "alpha" not in season.part("second")
    assert "<h3>Scores</h3>" in season.own_page(9)
    assert (root / "site/report-first/index.html").is_file()
    assert not (root / "site/report-first/teams").exists()
    assert "image/webp" not in season.page("report-first/index.html")  # no picture of the data
    assert not (root / "site/report-second").exists()
    assert "not run: it is nothing that can be run" in season.own_page(11)
    assert "<dd>pipe/weights is no file, folder or link; remove it</dd>" in season.own_page(11)
    assert "4 cases: no output (the outputs folder had no file" in season.own_page(12)
    assert_each_team_is_ranked_once(season)

    # Third: nothing before the closing.
    season.hand_in("zeta", good, "seven", week(4.1))
    take(root, week(4.2))
    assert dict(season.board("second")) == {"beta": "0010", "alpha": "0012"}
    assert season.board("third") == []
    assert "<h3>Scores</h3>" not in season.own_page(13)
    assert "4 cases: a mask that counts" in season.own_page(13)

    # After all is over.
    season.hand_in("gamma", good, "late", week(7))
    take(root, week(8))
    assert "no phase was open" in season.own_page(14)
    assert season.board("third") == [("zeta", "0013")]
    assert "<h3>Scores</h3>" in season.own_page(13)

    news = json.loads(season.page("feed.json"))
    assert news["version"] == "https://jsonfeed.org/version/1.1"
    titles = [item["title"] for item in news["items"]]
    assert titles[0] == "Phase third closed"
    assert "first: 3 submissions ranked" in titles
    handed_in = [*log_of(ChallengeFolder(root)).handed_in]
    pages = {path: path.read_text("utf-8") for path in (root / "site").glob("**/*.html")}
    for event in handed_in:
        assert [p.stem for p, text in pages.items() if event.token in text + p.name] == [
            event.token
        ]
    assert all("<script>alert" not in text and "<img src=x>" not in text for text in pages.values())
    assert [(root / event.kept_as).exists() for event in handed_in] == [True] * 14


def assert_each_team_is_ranked_once(season: Season) -> None:
    """In the first phase's report; an audit ranks alike."""
    run = RunDirectory.open(season.root / "runs/first")
    with (run.root / "ranking.csv").open(newline="") as stream:
        ranked = {row["team"] for row in csv.DictReader(stream)}
    assert ranked == {"alpha.0006", "beta.0002", "delta.0004", "epsilon.0005"}
    report = html.unescape(season.page("report-first/index.html"))
    assert "Not ranked, the anchor: anchor.0001, anchor.0005, anchor.0006" in report
    assert "Not ranked, since each team's best submission counts: alpha.0001, alpha.0007" in report
    assert_times_are_on_the_first_anchors_scale(season, "epsilon.0005")
    with (season.root / "reports/first/tables/leaderboard.csv").open(newline="") as stream:
        seconds = {row["Team"]: float(row["Time (s), macro"]) for row in csv.DictReader(stream)}
    assert dict(season.board_times("first")) == pytest.approx(seconds, abs=0.006)
    audit = examine(run)
    assert passes(audit.findings), audit.findings
    assert audit.of_run is not None
    assert {place.team for place in audit.of_run.places} == ranked


def assert_times_are_on_the_first_anchors_scale(season: Season, name: str) -> None:
    """By hand, from the run's own table."""
    with (season.root / "runs/first/runs.csv").open(newline="") as stream:
        times = {(r["team"], r["case"]): float(r["wall_s"]) for r in csv.DictReader(stream)}
    cases = ["2DBox_US_1", "2DBox_US_2", "2DBox_XRay_1", "3DBox_CT_1"]
    number = name.partition(".")[2]
    ratio = median(times[name, c] / times[f"anchor.{number}", c] for c in cases)
    slower = median(times[f"anchor.{number}", c] / times["anchor.0001", c] for c in cases)
    us_1, us_2, xray, ct = (times[name, c] / slower for c in cases)
    row = next(r for r in season.part("first").split("<tr>") if name.partition(".")[0] in r)
    assert f"{ratio:.2f} ×" in row
    shown = re.findall(r'<td class="number">([\d.]+)</td>', row)[3]
    assert float(shown) == pytest.approx(((us_1 + us_2) / 2 + xray + ct) / 3, abs=0.006)


def test_what_was_cut_off_while_it_was_written_did_not_happen(
    tmp_path: Path, make_submission: Callable[[str, str], Path], small_data: Path
) -> None:
    season = Season(tmp_path / "board", make_submission, small_data)
    season.hand_in("alpha", season.made("a", 2), "one", BEGIN)
    folder, log = ChallengeFolder(season.root), season.root / "board.jsonl"

    def cut_off() -> str:
        raise InterruptedError

    with pytest.raises(InterruptedError):  # copied, and not written down
        take_new(folder, log_of(folder), now=week(1), token=cut_off)
    assert (season.root / "submissions/0001").is_dir()
    take_new(folder, log_of(folder), now=week(1), token=lambda: "first")
    whole = log.read_bytes()
    log.write_bytes(whole[:-20])
    assert [*log_of(folder).handed_in] == []
    take_new(folder, log_of(folder), now=week(1), token=lambda: "again")
    assert log.read_bytes() == whole.replace(b'"token":"first"', b'"token":"again"')
    assert [event.token for event in log_of(folder).handed_in] == ["again"]


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ('shows = "own"', 'show = "own"', "a key that nobody knows; did you mean `shows`?"),
        ("opens = 2031-03-03T09:00:00+00:00", "opens = 2031-03-03T09:00:00", "with a timezone"),
        ("closes = 2031-03-17T09:00:00+00:00", "closes = 2031-03-18T09:00:00+00:00",
         "phase second: opens before first has closed"),
        ('shows = "own"', 'shows = "all"', "Invalid enum value 'all'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_challenge_toml_is_one_line(
    tmp_path: Path,
    segjudge: Callable[..., "subprocess.CompletedProcess[str]"],
    small_data: Path,
    line: str,
    instead: str,
    told: str,
) -> None:
    text = challenge_text(small_data)
    assert line in text
    write_rules(tmp_path)
    (tmp_path / "challenge.toml").write_text(text.replace(line, instead, 1), "utf-8")
    done = segjudge("board", "publish", tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_new_challenge_can_be_filled_in_and_two_boards_do_not_share_it(
    tmp_path: Path, segjudge: Callable[..., "subprocess.CompletedProcess[str]"], small_data: Path
) -> None:
    root = tmp_path / "mine"
    assert segjudge("board", "init", root).returncode == 0
    assert segjudge("board", "init", root).returncode == 2
    text = (root / "challenge.toml").read_text("utf-8")
    text = re.sub(r'"\w+/manifest.json"', json.dumps(str(small_data)), text)
    (root / "challenge.toml").write_text(text, "utf-8")
    done = segjudge("board", "publish", root)
    assert done.returncode == 0, done.stderr
    page = (root / "site/index.html").read_text("utf-8")
    assert "validation: not open yet" in page
    assert "4 cases: 1 CT 3D, 2 Ultrasound 2D, 1 X-Ray 2D" in page
    assert "The challenge" in (root / "site/rules-test.html").read_text("utf-8")
    with board_held(root):
        second = segjudge("board", "take", root, "--sandbox", "local")
    assert second.returncode == 2
    assert "another board is working in it" in second.stderr
