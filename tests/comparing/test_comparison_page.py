"""The page of a comparison: pictures of both masks, nothing fetched, nothing hostile run."""

from pathlib import Path

import pytest
from chromium import Chromium
from synthetic_run import TEAMS, Scale, make_run

from evaluate.cli import main
from evaluate.facts.outcome import Outcome


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first team against the one with a hostile name, which failed one case."""
    folder = tmp_path_factory.mktemp("page")
    failures = {(TEAMS[2], "3DBox_CT_0001"): Outcome.TIMEOUT}
    made = make_run(folder, Scale(cases_each=2, failures=failures))
    root, path = str(made.run.root), folder / "compare.html"
    arguments = ["compare", root, root, "--team", TEAMS[0], "--with", TEAMS[2]]
    manifest = str(made.data_root / "manifest.json")
    assert main([*arguments, "--html", str(path), "--manifest", manifest]) == 0
    return path


def test_a_hostile_team_name_is_text(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text
    assert "&lt;img src=x" in text


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_opens_quietly_and_fits(
    browser: Chromium, page: Path, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_every_changed_case_shows_both_masks_or_says_why_not(browser: Chromium, page: Path) -> None:
    browser.open(page, width=1200)
    pairs = browser.run(
        "[...document.querySelectorAll('.pair')].map(p => [...p.querySelectorAll('figure')].map("
        " f => { const u = f.querySelector('svg use');"
        " return u ? u.getBoundingClientRect().width > 50 : f.innerText; }))"
    )
    assert len(pairs) == 6 + 1  # the worst of the worse, and the one that is better
    assert all(a is True for a, _ in pairs)
    assert next(b for _, b in pairs if b is not True).startswith("no mask: timeout")


def test_ids_are_unique_and_the_answer_comes_first(browser: Chromium, page: Path) -> None:
    browser.open(page, width=1200)
    ids = browser.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    answer = browser.run("document.querySelector('.answer').innerText")
    assert "is worse than aurora-seg" in answer
    assert "95 % interval" in answer
