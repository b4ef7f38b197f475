"""The site in a real browser: three and fifty teams, failures, long names, three widths."""

from pathlib import Path

import pytest
from synthetic_run import Scale, make_run

from evaluate.board.challenge import ChallengeFolder
from evaluate.board.site import publish_site
from evaluate.board.taking import log_of
from evaluate.documents.board_log import BatchRun, HandedIn, SeenFile
from evaluate.documents.check import CheckedThing
from evaluate.facts.outcome import Outcome
from tests.board.test_board import BEGIN, challenge_text, week, write_rules
from tests.reporting.chromium import Chromium

HOSTILE = "<script>alert('name')</script>" + "x" * 90


@pytest.fixture(scope="module", params=[3, 50])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a phase whose run is synthetic: what was handed in is written down by hand."""
    root = tmp_path_factory.mktemp("board")
    teams = [f"team-{number:02d}-of-somewhere-with-a-long-name" for number in range(request.param)]
    names = tuple(f"{team}.{number:04d}" for number, team in enumerate(teams, 1))
    failures = {(names[1], "3DBox_CT_0002"): Outcome.TIMEOUT}
    scale = Scale(teams=names, cases_each=3, masks=False, failures=failures)
    made = make_run(root / "runs", scale)
    made.run.root.rename(root / "runs" / "first")
    (root / "challenge.toml").write_text(challenge_text(made.data_root / "manifest.json"))
    write_rules(root)
    folder = ChallengeFolder(root)
    log = log_of(folder)
    told = CheckedThing(
        id="dockerfile", severity="warning", subject=HOSTILE, expected="", found=HOSTILE, why="",
        mend=HOSTILE,
    )  # fmt: skip
    for number, team in enumerate(teams, 1):
        file = SeenFile(team=team, name=HOSTILE, size=1, changed_ns=0)
        log.append(
            HandedIn(
                number=number, file=file, sha256="0" * 64, arrived_at=BEGIN.isoformat(),
                phase="first", kept_as="", token=f"token-{number}", findings=(told,),
            )
        )  # fmt: skip
    numbers = tuple(range(1, len(teams) + 1))
    log.append(BatchRun(phase="first", numbers=numbers, anchor=None, at=week(1).isoformat()))
    publish_site(folder, now=week(1))
    return root / "site"


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_runs_over_complains_or_is_fetched(
    browser: Chromium, site: Path, width: int
) -> None:
    for name in ("index.html", "rules-first.html", "s/token-2.html"):
        page = site / name
        browser.open(page, width=width)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.getElementsByTagName('script').length") == 1


def test_every_team_has_its_row_and_its_failure_is_seen(browser: Chromium, site: Path) -> None:
    browser.open(site / "index.html", width=1280)
    rows = browser.run("document.querySelectorAll('#first > .scroll tbody tr').length")
    assert rows == len([*(site / "s").glob("token-*.html")])
    shown = browser.run("document.querySelector('#first > .scroll tbody').innerText")
    assert shown.count("1 of ") == 1
    browser.open(site / "s/token-2.html", width=1280)
    assert "1 case: time limit" in browser.run("document.body.innerText")
