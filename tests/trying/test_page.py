"""`segjudge try` in a real browser: a box is drawn, Segment pressed, the mask and numbers seen."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import psutil
import pytest

from evaluate.cli import main
from tests.reporting.chromium import Chromium
from tests.trying.served_page import serving

CRASHING = "import sys\nprint('no such weights')\nsys.exit(3)\n"
A_SECOND = r"Number($('state').textContent.match(/^running: (\d+)/)?.[1]) >= 1"
SLEEPING = "import time\nprint('thinking', flush=True)\ntime.sleep(600)\n"


@contextmanager
def commanded(
    *arguments: str | Path, sandbox: str = "local"
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The page's address, while it is served."""
    process = subprocess.Popen(
        [sys.executable, "-m", "segjudge", "try", *map(str, arguments), "--no-open",
         "--sandbox", sandbox],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
        env={**os.environ, "COLUMNS": "300"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                yield found[0], process
                break
        else:
            pytest.fail("no address was printed")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


def drag(browser: Chromium, start: tuple[int, int], end: tuple[int, int]) -> None:
    """From one pixel of the first pane's image to another, with the mouse."""
    box = browser.run(
        "(() => { const c = document.querySelector('canvas').getBoundingClientRect();"
        " return [c.left, c.top, c.width / width()] })()"
    )
    points = [(box[0] + (x + 0.5) * box[2], box[1] + (y + 0.5) * box[2]) for x, y in (start, end)]
    for kind, (x, y) in zip(
        ("mousePressed", "mouseMoved", "mouseReleased"), (points[0], points[1], points[1]),
        strict=True,
    ):  # fmt: skip
        browser.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )


def press(browser: Chromium, button: str) -> None:
    browser.run(f"$('{button}').click()")


def test_a_box_on_a_picture_gives_a_mask_with_its_time(
    browser: Chromium, images: Path, boxfill: Path
) -> None:
    with commanded(boxfill, images / "disc.png") as (address, _):
        browser.open(address, width=1300)
        browser.until("state.image && state.pixels")
        drag(browser, (50, 30), (110, 90))
        assert browser.run("$('drawn').textContent").startswith("boxes, object 1: (30, 50) to (90,")
        # A connection that is cut off, as by a lid that was closed, is made again.
        browser.run(
            "(() => { const real = fetch; window.cuts = 1; window.fetch = (path, options) =>"
            " path.startsWith('api/attempt') && cuts-- > 0"
            " ? Promise.reject(new TypeError('cut off')) : real(path, options) })()"
        )
        press(browser, "segment")
        browser.until("state.panes[0].mask && !state.busy")
        assert browser.run("cuts") < 0
        inside = browser.run("state.panes[0].mask.reduce((n, label) => n + (label === 1), 0)")
        assert inside == 61 * 61
        told = str(browser.run("document.querySelector('.result').textContent"))
        assert told.startswith("ok")
        assert re.search(r"time \d+\.\d\d s · CPU time \d+\.\d\d s · memory \d+ MiB", told)
        assert browser.complaints() == []
        assert all(url.startswith(address) for url in browser.requests())


SLEEPS_OF_TWO = """
if __name__ == "__main__":
    import sys, time
    if any(len(np.load(path)["boxes"]) > 1 for path in Path(sys.argv[1]).iterdir()):
        time.sleep(600)
    answer_all(segment)
"""


@pytest.mark.engine
def test_a_container_answers_a_box_and_ctrl_c_leaves_none_behind(
    browser: Chromium, images: Path, boxfill: Path, tmp_path: Path
) -> None:
    team = tmp_path / "team"
    shutil.copytree(boxfill, team)
    program, _, _ = (team / "predict.py").read_text("utf-8").partition("if __name__")
    (team / "predict.py").write_text(f"from pathlib import Path\n{program}{SLEEPS_OF_TWO}")
    with commanded(team, images / "disc.png", sandbox="docker") as (address, process):
        browser.open(address, width=1300)
        browser.until("state.image && state.pixels")
        drag(browser, (50, 30), (110, 90))
        press(browser, "segment")
        browser.until("state.panes[0].mask && !state.busy", seconds=240)  # the image is built
        assert browser.run("state.panes[0].mask.reduce((n, label) => n + label, 0)") == 61 * 61
        told = str(browser.run("document.querySelector('.result').textContent"))
        assert re.search(r"time \d+\.\d\d s · CPU time \d+\.\d\d s · memory \d+ MiB", told)
        drag(browser, (10, 10), (20, 20))
        press(browser, "segment")
        browser.until("state.busy && state.attempt")
        owners = [f"_{child.pid}_t" for child in psutil.Process(process.pid).children()]
        started = time.monotonic()
        while not containers_of(owners):
            assert time.monotonic() - started < 60
    assert containers_of(owners) == []


@pytest.mark.engine
@pytest.mark.soak  # its image takes minutes to build
def test_the_real_model_segments_a_disc_in_2d_and_in_3d(
    browser: Chromium, images: Path, participants: Path
) -> None:
    model, truth = participants / "litemedsam_fast", images / "truth.nii.gz"
    with commanded(model, images / "disc.png", sandbox="docker") as (address, _):
        browser.open(address, width=1300)
        browser.until("state.image && state.pixels")
        drag(browser, (45, 25), (115, 95))
        press(browser, "segment")
        browser.until("state.panes[0].mask && !state.busy", seconds=1800)
        mask = np.array(browser.run("[...state.panes[0].mask]")).reshape(120, 160)
        disc = np.asanyarray(nibabel.load(truth).dataobj)[:, :, 3].T
        assert 2 * np.sum((mask == 1) & (disc == 1)) / (mask.sum() + disc.sum()) > 0.9
    arguments = (images / "volume.nii.gz", "--reference", truth)
    with commanded(model, *arguments, sandbox="docker") as (address, _):
        browser.open(address, width=1300)
        browser.until("state.image && state.truth")
        browser.run("$('from').value = 2; $('to').value = 6")
        drag(browser, (45, 25), (115, 95))
        press(browser, "segment")
        browser.until("state.panes[0].mask && !state.busy", seconds=600)
        cells = "[...document.querySelectorAll('.result tr')[1].cells].map((c) => c.textContent)"
        _, dsc, nsd = browser.run(cells)
        assert float(dsc) > 0.9
        assert float(nsd) > 0.5
        browser.run("$('planes-open').click()")
        browser.until("space.shown && $('planes-words').textContent === ''")
        assert browser.complaints() == []


def containers_of(owners: list[str]) -> list[str]:
    """The labels of the containers that bear one of these tokens."""
    listed = subprocess.run(
        ["docker", "ps", "--all", "--format", "{{.Labels}}"],
        check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    return [line for line in listed.stdout.splitlines() if any(o in line for o in owners)]


def test_a_volume_with_its_reference_gives_the_protocols_scores_and_a_mask_in_its_place(
    browser: Chromium, images: Path, boxfill: Path
) -> None:
    truth = images / "truth.nii.gz"
    with serving(boxfill, image=images / "volume.nii.gz", reference=truth) as address:
        browser.open(address, width=1000, height=600)
        browser.until("state.image && state.truth")
        browser.run("$('from').value = 2; $('to').value = 6")
        drag(browser, (51, 31), (109, 89))
        press(browser, "segment")
        browser.until("state.panes[0].mask && !state.busy")
        scores = browser.run(
            "Object.fromEntries([...document.querySelectorAll('.result tr')[0].cells]"
            ".map((cell, i) => [cell.textContent,"
            " document.querySelectorAll('.result tr')[1].cells[i].textContent]))"
        )
        labels = np.asanyarray(nibabel.load(truth).dataobj).transpose(2, 1, 0)
        box = np.zeros(labels.shape, bool)
        box[1:6, 31:90, 51:110] = True
        dsc = 2 * np.sum(box & (labels == 1)) / (box.sum() + (labels == 1).sum())
        assert float(scores["dsc"]) == pytest.approx(dsc, abs=5e-5)
        assert 0 < float(scores["nsd"]) < 1
        link = browser.run("document.querySelector('.result a').href")
        saved = images / "saved.nii.gz"
        with urllib.request.urlopen(str(link)) as answer:  # noqa: S310  # the page's own
            saved.write_bytes(answer.read())
        mask = nibabel.load(saved)
        assert np.allclose(mask.affine, nibabel.load(truth).affine)
        assert np.array_equal(np.asanyarray(mask.dataobj).transpose(2, 1, 0) == 1, box)

        assert not any("niivue" in url for url in browser.requests())
        browser.run("$('slice').value = 3; $('planes-open').click()")
        browser.until("space.shown && $('planes-words').textContent === ''")
        assert browser.run("[...$('planes-over').options].map((each) => each.value)") == [
            "mask 0", "errors 0", "reference", "nothing"
        ]  # fmt: skip
        browser.run("$('planes-over').value = 'errors 0'; $('planes-over').onchange()")
        browser.until("$('planes-legend').hidden === false")
        codes = browser.run("[...codesOver()[0]]")
        expected = np.where(box & (labels == 1), 1, np.where(box, 2, np.where(labels == 1, 3, 0)))
        assert codes == expected.ravel().tolist()
        browser.run("document.querySelector('#planes canvas').focus()")
        browser.key("PageUp")
        assert browser.run("$('at').textContent") == "5 of 6"  # the slice beside it goes along
        assert browser.complaints() == []
        assert all(url.startswith(address) for url in browser.requests())


def test_crashes_hangs_and_files_that_are_no_images_leave_the_page_alive(
    browser: Chromium,
    images: Path,
    boxfill: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken, slow = tmp_path / "broken", tmp_path / "slow"
    for folder, program in ((broken, CRASHING), (slow, SLEEPING)):
        folder.mkdir()
        for path in boxfill.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "predict.py").write_text(program)
    with serving(broken, slow, image=images / "disc.png") as address:
        browser.open(address, width=1300)
        browser.until("state.image && state.pixels")
        drag(browser, (50, 30), (110, 90))
        press(browser, "segment")
        first, second = (
            f"document.querySelectorAll('.result')[{pane}].textContent" for pane in (0, 1)
        )
        browser.until(f"{first}.includes('no such weights')")
        # The very case, for whoever mends it.
        link = browser.run("document.querySelector('.result a').href")
        saved = tmp_path / "case.zip"
        with urllib.request.urlopen(str(link)) as answer:  # noqa: S310  # the page's own
            saved.write_bytes(answer.read())
        browser.until(A_SECOND)
        press(browser, "cancel")
        browser.until(
            f"!state.busy && {second}.includes('ended by hand')",
        )
        no_image = "new File(['nonsense'], 'scan.nii.gz')"
        browser.run(
            "(() => { const form = new FormData(); form.append('image', " + no_image + ");"
            " form.append('modality', 'MR');"
            " opened(json('api/open', { method: 'POST', body: form })) })()"
        )
        browser.until(
            "$('state').className === 'bad' && $('state').textContent.includes('scan.nii.gz')",
        )
        assert "Traceback" not in str(browser.run("document.body.textContent"))
        browser.run(
            "document.querySelectorAll('.result').forEach((part) => part.replaceChildren())"
        )
        drag(browser, (50, 30), (110, 90))
        press(browser, "segment")
        browser.until(f"{first}.includes('no such weights')")
        browser.until(A_SECOND)
        # Whoever leaves in the middle leaves no container behind: `serving` waits for the end.
    assert main(["check", str(broken), "--case", str(saved), "--sandbox", "local"]) == 1
    told = capsys.readouterr().out
    assert "broken by protocol segjudge" in told
    assert "2DBox_MR_disc" in told
    assert "  | no such weights" in told


def test_a_file_that_is_no_saved_case_is_refused_in_a_sentence(
    boxfill: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "case.zip"
    for members, words in (
        (None, "can't be unpacked"),
        ({"manifest.json": "{}"}, "a zip file without protocol.json"),
        ({"manifest.json": "{}", "protocol.json": "{"}, "protocol.json is no JSON"),
        ({"../out": ""}, "not a path inside the bundle"),
    ):
        manifest.write_text("nonsense")
        if members:
            with zipfile.ZipFile(manifest, "w") as archive:
                for name, text in members.items():
                    archive.writestr(name, text)
        assert main(["check", str(boxfill), "--case", str(manifest), "--static"]) == 2
        told = capsys.readouterr().err
        assert "case.zip" in told
        assert words in " ".join(told.split())


def test_nothing_is_served_without_the_token_or_to_another_host(
    images: Path, boxfill: Path
) -> None:
    with serving(boxfill, image=images / "disc.png") as address:
        root = address.rsplit("/", 2)[0]
        for url, headers in (
            (f"{root}/", {}),
            (f"{root}/api/start", {}),
            (address, {"Host": "evil.example"}),
        ):
            with pytest.raises(urllib.error.HTTPError, match=r"40[04]"):
                urllib.request.urlopen(urllib.request.Request(url, headers=headers))  # noqa: S310


def test_the_page_fits_a_telephone_and_follows_the_dark(
    browser: Chromium, images: Path, boxfill: Path
) -> None:
    with serving(boxfill, image=images / "disc.png") as address:
        seen = []
        for width, dark in ((390, False), (1300, True)):
            browser.open(address, width=width, dark=dark)
            browser.until("state.image && state.pixels")
            assert browser.run("document.documentElement.scrollWidth") <= width
            seen.append(browser.run("getComputedStyle(document.body).backgroundColor"))
        assert seen[0] != seen[1]
