"""The audit as a page: linked from the report, quiet in a browser, and nothing in it runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.auditing.conftest import command
from tests.reporting.chromium import Chromium

_HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(tampered: Callable[[], Path]) -> Path:
    """Of a run with a report, a finding, a re-run, and a machine with a hostile name."""
    run = tampered()
    assert command("report", run) == 0
    facts = json.loads((run / "run.json").read_text("utf-8"))
    (machine,) = facts["machines"].values()
    machine["host"]["cpu"] = _HOSTILE
    (run / "run.json").write_text(json.dumps(facts), "utf-8")
    assert command("audit", run, "--rerun", "--sample", 1, "--sandbox", "local") == 1
    return run / "report" / "audit.html"


def test_the_page_tells_what_was_found_and_the_report_links_it(
    page: Path, request: pytest.FixtureRequest
) -> None:
    text = page.read_text("utf-8")
    for words in ("Something is open", "reproduced bit for bit", "host.cpu", "case_scores.csv"):
        assert words in text
    assert _HOSTILE not in text and "&lt;img src=x" in text
    assert '<a href="audit.html">' in page.with_name("index.html").read_text("utf-8")
    browser: Chromium = request.getfixturevalue("browser")  # after what needs none
    for width in (375, 1280):
        browser.open(page, width=width, dark=False)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width
        shown = browser.run("document.getElementById('environment').innerText")
        assert "cpu" in shown and "numpy" in shown
