"""The report in a real browser: nothing complains, nothing is fetched, nothing runs over."""

from pathlib import Path

import pytest
from chromium import Chromium


@pytest.mark.parametrize("width", [375, 768, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_opens_quietly_and_fits(
    browser: Chromium, report: Path, width: int, dark: bool
) -> None:
    browser.open(report, width=width, dark=dark)
    assert browser.complaints() == []
    assert browser.requests() == [report.resolve().as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width
    dialogs = [e for e in browser.events if e.get("method") == "Page.javascriptDialogOpening"]
    assert dialogs == []


def test_every_picture_shows_its_image(browser: Chromium, report: Path) -> None:
    browser.open(report, width=1000)
    sizes = browser.run(
        "[...document.querySelectorAll('.case svg')].map(s => {"
        " const b = s.querySelector('use').getBoundingClientRect(); return [b.width, b.height]; })"
    )
    assert len(sizes) == 18
    assert all(width > 50 and height > 50 for width, height in sizes)


def test_a_click_on_a_head_sorts_the_table_and_another_turns_it_round(
    browser: Chromium, report: Path
) -> None:
    browser.open(report, width=1000)
    column = (
        "[...document.querySelectorAll('#leaderboard tbody tr')].map(r => r.cells[2].innerText)"
    )
    click = "document.querySelector('#leaderboard th[data-column=\"2\"] button').click()"
    browser.run(click)
    up = [float(text) for text in browser.run(column)]
    browser.run(click)
    down = [float(text) for text in browser.run(column)]
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
    assert up != down


def test_dark_and_light_follow_the_system_and_the_button(browser: Chromium, report: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    browser.open(report, width=1000, dark=True)
    dark = browser.run(paper)
    browser.run("document.getElementById('theme').click()")
    light = browser.run(paper)
    browser.open(report, width=1000, dark=False)
    assert browser.run(paper) == light != dark


def test_the_prediction_can_be_hidden_in_all_pictures(browser: Chromium, report: Path) -> None:
    browser.open(report, width=1000)
    shown = (
        "[...document.querySelectorAll('.case .prediction')]"
        ".filter(p => getComputedStyle(p).display !== 'none').length"
    )
    assert browser.run(shown) > 0
    browser.run("document.getElementById('show-prediction').click()")
    assert browser.run(shown) == 0


def test_the_page_is_whole_without_scripts(browser: Chromium, report: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(report, width=1000)
        tree = browser.call("DOM.getDocument", depth=-1)["root"]
        rows = browser.call(
            "DOM.querySelectorAll", nodeId=tree["nodeId"], selector="#leaderboard tbody tr"
        )
        assert len(rows["nodeIds"]) == 3
        assert browser.complaints() == []
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("which", ["ranked_report", "fifty_report"])
def test_the_ranking_figures_fit_for_three_teams_and_for_fifty(
    browser: Chromium, request: pytest.FixtureRequest, which: str, width: int
) -> None:
    browser.open(request.getfixturevalue(which), width=width)
    assert browser.complaints() == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelectorAll('#robustness figure svg').length") == 10


@pytest.mark.parametrize("width", [375, 1440])
def test_a_teams_page_opens_quietly_and_fits(
    browser: Chromium, ranked_report: Path, width: int
) -> None:
    for page in sorted((ranked_report.parent / "teams").glob("*.html")):
        browser.open(page, width=width)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width
