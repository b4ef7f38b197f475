"""The case browser: every case of every team, drawn from the run's files, in a real Chromium."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium
from PIL import Image
from synthetic_run import MODALITIES, TEAMS, Scale, Synthetic, make_run

from data_manifest.layouts import OutputFile, read_prediction, read_reference
from data_manifest.manifest import load_manifest
from evaluate.facts.scores import CaseScore
from evaluate.reporting import write_report
from evaluate.reporting.case_assets import CaseJob, draw_assets

CASES = [f"{d}Box_{m}_{n:04d}" for m, d in sorted(MODALITIES.items()) for n in range(6)]
CASES.sort()


@pytest.fixture(scope="module")
def page(ranked_report: Path) -> Path:
    """The case browser of the shared run."""
    return ranked_report.parent / "cases.html"


def job(made: Synthetic, case: str, *, most_slices: int = 32) -> CaseJob:
    manifest = load_manifest(made.data_root / "manifest.json")
    return CaseJob(
        case=next(found for found in manifest.cases if found.id == case),
        data_root=made.data_root,
        predictions={0: made.run.prediction_path(TEAMS[0], case)},
        output=OutputFile(path="{case}.npz", format="npz", key="segs"),
        max_bytes=1 << 24,
        most_slices=most_slices,
    )


def test_a_teams_image_counts_the_errors_of_its_prediction(
    synthetic: Synthetic, tmp_path: Path
) -> None:
    case = "2DBox_Dermoscopy_0003"
    drawn = draw_assets(job(synthetic, case))
    (tmp_path / "0.png").write_bytes(drawn.files["0.png"])
    red, green, blue = np.asarray(Image.open(tmp_path / "0.png").convert("RGB")).T > 0
    reference = read_reference(synthetic.data_root / "references" / f"{case}.npz").labels
    prediction = read_prediction(
        synthetic.run.prediction_path(TEAMS[0], case),
        output=OutputFile(path="{case}.npz", format="npz", key="segs"),
        shape=reference.shape, spacing_mm=None,
        max_bytes=1 << 24,
    )  # fmt: skip
    assert isinstance(prediction, np.ndarray)
    assert not drawn.is_cut
    assert drawn.outside == {0: 0.0}
    assert red.sum() == ((reference == prediction) & (reference > 0)).sum()
    assert green.sum() == ((reference != prediction) & (prediction > 0)).sum()
    assert blue.sum() == ((reference != prediction) & (reference > 0)).sum()


def test_a_volume_has_no_more_slices_than_asked_for_and_always_the_largest(
    synthetic: Synthetic,
) -> None:
    case = "3DBox_CT_0000"
    labels = read_reference(synthetic.data_root / "references" / f"{case}.npz").labels
    areas = (labels > 0).sum(axis=(1, 2))
    for most in (3, 4, 5, 32):
        drawn = draw_assets(job(synthetic, case, most_slices=most))
        assert len(drawn.slices) <= most
        assert areas[list(drawn.slices)].max() == areas.max()
        assert drawn.depth == 12


def test_the_same_files_give_the_same_images(synthetic: Synthetic) -> None:
    wanted = job(synthetic, "3DBox_MR_0001")
    assert draw_assets(wanted) == draw_assets(wanted)


def test_many_cases_are_drawn_in_processes_to_the_same_images(
    synthetic: Synthetic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluate.reporting import case_browser

    jobs = [job(synthetic, case) for case in CASES]
    alone = list(case_browser._draw_all(jobs))
    monkeypatch.setattr(case_browser, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(case_browser.os, "cpu_count", lambda: 2)
    assert list(case_browser._draw_all(jobs)) == alone


def test_no_name_becomes_a_path_or_markup(page: Path) -> None:
    folder = page.parent / "cases"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    masks = ("reference", "0", "1", "2")
    names = {f"{mask}{region}.png" for mask in masks for region in ("", "-1", "-2")}
    names |= {"image.webp", "thumbnail.webp", "told.svg"}
    names |= {"volume.js", *(f"volume-{mask}.js" for mask in masks)}
    viewer = {"niivue.umd.js", "niivue-licences.txt"}
    assert viewer < files
    assert {name.split("/")[1] for name in files - viewer} == names
    assert {name.split("/")[0] for name in files - viewer} == {str(n) for n in range(24)}
    text = page.read_text(encoding="utf-8")
    assert TEAMS[2] not in text
    assert text.count("<script") == 2
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert held
    assert sorted(json.loads(held[1])["teams"]) == sorted(TEAMS)


def test_without_the_data_set_the_browser_keeps_the_scores_and_says_why(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False))
    folder = write_report(made.run, data_root=None).parent
    text = (folder / "cases.html").read_text(encoding="utf-8")
    assert "the data set was not at hand when this report was made" in text
    assert "3DBox_CT_0000" in text
    assert not (folder / "cases").exists()


@pytest.mark.parametrize("width", [375, 768, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_quietly_fits_and_loads_only_what_lies_beside_it(
    browser: Chromium, page: Path, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)
    assert browser.complaints() == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    folder = page.parent.resolve().as_uri()
    assert all(url.startswith((folder + "/cases/", folder + "/cases.html")) for url in
               browser.requests())  # fmt: skip
    dialogs = [e for e in browser.events if e.get("method") == "Page.javascriptDialogOpening"]
    assert dialogs == []


NAMES = (
    "[...document.querySelectorAll('#cases tbody tr')]"
    ".map(r => [...r.querySelector('button > span:last-child').childNodes]"
    ".filter(n => n.nodeType === 3).map(n => n.textContent).join(''))"
)


def set_to(browser: Chromium, name: str, value: str, event: str = "change") -> None:
    browser.run(
        f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event({event!r})); }})"
        f"(document.getElementById({name!r}))"
    )


def test_searching_and_filtering_leave_the_cases_that_match(browser: Chromium, page: Path) -> None:
    browser.open(page, width=1280)
    assert browser.run(NAMES) == CASES
    set_to(browser, "search", "ct_0003", "input")
    assert browser.run(NAMES) == ["3DBox_CT_0003"]
    set_to(browser, "search", "", "input")
    set_to(browser, "modality", "Dermoscopy")
    assert browser.run(NAMES) == [name for name in CASES if "Dermoscopy" in name]
    set_to(browser, "modality", "")
    set_to(browser, "which", "any-failed")
    assert browser.run(NAMES) == ["2DBox_Dermoscopy_0001", "3DBox_CT_0002"]


def test_a_click_on_a_head_sorts_by_the_metric_of_that_team(
    browser: Chromium, page: Path, ranked: Synthetic
) -> None:
    first = {
        row.case: row.value("nsd")
        for row in ranked.run.read_rows(CaseScore)
        if row.team == TEAMS[0]
    }
    expected = sorted(first, key=lambda case: first[case] or 0.0)
    browser.open(page, width=1280)
    set_to(browser, "metric", "1")
    head = "document.querySelector('[data-sort=first]')"
    browser.run(f"{head}.click()")
    assert browser.run(NAMES) == expected
    assert browser.run(f"{head}.closest('th').getAttribute('aria-sort')") == "ascending"
    browser.run(f"{head}.click()")
    assert browser.run(NAMES) == expected[::-1]


def open_case(browser: Chromium, name: str) -> None:
    browser.run(
        "[...document.querySelectorAll('#cases tbody tr')]"
        f".find(r => r.innerText.includes({name!r})).querySelector('button').click()"
    )


def loaded(browser: Chromium) -> list[str]:
    """The images of the panels, once they are decoded."""
    found = browser.call(
        "Runtime.evaluate",
        expression="Promise.all([...document.querySelectorAll('.frame img')].map(i =>"
        " i.decode().then(() => i.src.split('/').slice(-2).join('/'))))",
        awaitPromise=True,
        returnByValue=True,
    )
    names: list[str] = found["result"]["value"]
    return names


def test_image_reference_and_two_teams_stand_side_by_side_and_blend(
    browser: Chromium, page: Path
) -> None:
    browser.open(page, width=1280)
    open_case(browser, "3DBox_MR_0001")
    at = CASES.index("3DBox_MR_0001")
    image, reference, told = (
        f"{at}/{file}" for file in ("image.webp", "reference.png", "told.svg")
    )
    assert loaded(browser) == [
        image, image, reference, image, f"{at}/0.png", told, image, f"{at}/1.png", told
    ]  # fmt: skip
    browser.run("document.getElementById('told').click()")
    assert told not in loaded(browser)
    set_to(browser, "team-1", "2")
    assert loaded(browser)[-1] == f"{at}/2.png"
    browser.run("document.querySelector('[value=blended]').click()")
    assert loaded(browser) == [image, f"{at}/0.png", f"{at}/2.png"]
    shares = "[...document.querySelectorAll('.frame .mask')].map(m => Number(m.style.opacity))"
    set_to(browser, "blend", "100", "input")
    assert browser.run(shares) == [0, 0.6]
    set_to(browser, "blend", "0", "input")
    assert browser.run(shares) == [0.6, 0]


def test_the_slider_moves_all_pictures_to_the_same_slice(browser: Chromium, page: Path) -> None:
    browser.open(page, width=1280)
    assert browser.run("getComputedStyle(document.getElementById('slice-control')).display") == (
        "none"
    )
    open_case(browser, "3DBox_CT_0004")
    slices = browser.run("Number(document.getElementById('slice').max)") + 1
    assert slices > 3
    for slice_ in (0, slices - 1):
        set_to(browser, "slice", str(slice_), "input")
        tops = browser.run("[...document.querySelectorAll('.frame img')].map(i => i.style.top)")
        assert set(tops) == {f"{-100 * slice_}%"}
        assert "of 12" in browser.run("document.getElementById('slice-text').textContent")


def test_errors_are_painted_in_their_colours_and_each_can_be_left_out(
    browser: Chromium, page: Path, tmp_path: Path
) -> None:
    browser.open(page, width=1280)
    set_to(browser, "opacity", "100", "input")
    set_to(browser, "team-0", "2")  # the worst team: all kinds of errors
    loaded(browser)

    def painted() -> set[tuple[int, ...]]:
        browser.screenshot(tmp_path / "shot.png")
        box = browser.run(
            "(b => [b.left, b.top + scrollY, b.right, b.bottom + scrollY])"
            "(document.querySelectorAll('.frame')[2].getBoundingClientRect())"
        )
        pixels = np.asarray(Image.open(tmp_path / "shot.png").convert("RGB").crop(box))
        return {tuple(pixel) for pixel in pixels.reshape(-1, 3).tolist()}

    agree, false_positive, false_negative = (0, 158, 115), (214, 94, 0), (87, 181, 232)
    assert {agree, false_positive, false_negative} <= painted()
    browser.run("document.getElementById('show-false-positive').click()")
    found = painted()
    assert {agree, false_negative} <= found
    assert false_positive not in found


def test_a_failed_case_says_so_in_the_place_of_its_mask(browser: Chromium, page: Path) -> None:
    browser.open(page, width=1280)
    set_to(browser, "team-1", "2")
    open_case(browser, "3DBox_CT_0002")
    words = browser.run("[...document.querySelectorAll('.words')].map(w => w.textContent)")
    assert words == ["time limit"]


def test_it_can_be_used_with_the_keyboard_alone(browser: Chromium, page: Path) -> None:
    browser.open(page, width=1280)
    browser.run("document.querySelector('#cases tbody tr:nth-child(3) button').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
            windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "",
        )  # fmt: skip
    assert browser.run("document.getElementById('case-name').textContent") == CASES[2]
    assert browser.run("document.activeElement.id") == "case-name"
    unnamed = browser.run(
        "[...document.querySelectorAll('button, select, input')].filter(e =>"
        " !(e.textContent.trim() || e.closest('label') || e.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0
