"""The page of a check in a real browser: whatever a participant wrote, it only shows it."""

from collections.abc import Callable
from pathlib import Path

from evaluate.cli import main
from tests.reporting.chromium import Chromium

HOSTILE = "<script>alert(1)</script><img src='https://example.invalid/x' onerror=alert(2)>\\x1b[31m"


def test_the_page_opens_quietly_fits_and_shows_every_case(
    browser: Chromium,
    small_data: Path,
    make_submission: Callable[[str, str], Path],
    tmp_path: Path,
) -> None:
    lines = (
        "for path in inputs.glob('*.npz'):\n"
        "    shape = np.load(path)['imgs'].shape\n"
        "    if path.name.startswith('3D'):\n"
        f'        sys.exit("{HOSTILE}")\n'
        "    np.savez_compressed(outputs / path.name, segs=np.zeros(shape[:2], np.uint8))\n"
        f'    (outputs / "<b>{"x" * 200}").touch()\n'
    )
    page = tmp_path / "page.html"
    arguments = [make_submission("x", lines), "--manifest", small_data, "--html", page]
    assert main(["check", *map(str, arguments), "--sandbox", "local"]) == 1
    for width in (375, 1280):
        browser.open(page, width=width)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.querySelectorAll('.case svg').length") == 4
        dialogs = [e for e in browser.events if e.get("method") == "Page.javascriptDialogOpening"]
        assert dialogs == []
    shown = browser.run("document.querySelector('#findings').innerText")
    assert "<script>alert(1)</script>" in shown
    assert "mask-empty" in shown
