"""Volumes of the case browser in three planes and rendered: right voxels, from beside the page."""

import base64
import gzip
import hashlib
import json
import re
from importlib import resources
from pathlib import Path

import nibabel
import numpy as np
import pytest
from chromium import Chromium
from PIL import Image
from synthetic_run import TEAMS, Synthetic

from data_manifest.layouts import OutputFile, read_prediction, read_reference
from data_manifest.manifest import load_manifest
from evaluate.reporting import case_volumes
from evaluate.reporting.case_files import Window
from evaluate.reporting.case_volumes import VolumeView, with_volumes
from tests.reporting.test_case_browser import CASES, open_case, set_to

CASE = "3DBox_CT_0004"
AGREE, INVENTED, MISSED = (0, 158, 115), (214, 94, 0), (87, 181, 232)


@pytest.fixture(scope="module")
def page(ranked_report: Path) -> Path:
    """The case browser of the shared run."""
    return ranked_report.parent / "cases.html"


def handed_over(script: bytes) -> "nibabel.Nifti1Image":
    held = re.fullmatch(rb'planes\.keep\("([A-Za-z0-9+/=]*)"\);', script)
    assert held
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(held[1])))


def test_the_viewer_is_the_published_file_and_its_licences_stand_beside_it() -> None:
    folder = resources.files("evaluate.reporting") / "niivue"
    told = (folder / "niivue-licences.txt").read_text(encoding="utf-8")
    digest = hashlib.sha256((folder / "niivue.umd.js").read_bytes()).hexdigest()
    assert digest == "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
    assert digest in told
    assert "@niivue/niivue 0.69.0" in told
    assert told.count("Copyright") > 10


def test_a_file_holds_the_voxels_where_the_volume_has_them() -> None:
    volume = np.random.default_rng(0).integers(0, 300, (9, 500, 410))
    affine = np.array([[0, 0.7, 0, -30], [-0.6, 0, 0, 12], [0, 0, 2.5, 5], [0, 0, 0, 1.0]])
    view = VolumeView(
        window=Window(20, 480, 5, 405), first=2, last=7, spacing_mm=(2.5, 0.7, 0.6), affine=affine
    )
    deep, down, across = view.steps
    assert (deep, down, across) == (1, 3, 3)
    kept = handed_over(view.script(volume))
    voxels = np.asanyarray(kept.dataobj)
    assert max(voxels.shape) <= 192
    for x, y, z in ((0, 0, 0), (7, 11, 5)):
        whole = 5 + x * across, 20 + y * down, 2 + z * deep
        assert voxels[x, y, z] == volume[whole[::-1]]
        assert np.allclose(kept.affine @ [x, y, z, 1], affine @ [*whole, 1])
    assert int(kept.header["sform_code"]) == 1  # a file told where left and right are


def test_of_very_many_cases_the_first_ones_have_volumes(
    synthetic: Synthetic, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = load_manifest(synthetic.data_root / "manifest.json").cases
    spacious = [case.id for case in cases if case.dimension == "3D"]
    assert with_volumes(cases, 3) == set(spacious)
    monkeypatch.setattr(case_volumes, "_MOST_FILES", 12)
    assert with_volumes(cases, 3) == set(spacious[:2])
    monkeypatch.setattr(case_volumes, "_MOST_VOXELS", 1)
    assert with_volumes(cases, 3) == set()


def test_three_planes_and_3d_show_a_teams_errors_and_go_by_keys(
    browser: Chromium, page: Path, synthetic: Synthetic, tmp_path: Path
) -> None:
    browser.open(page, width=700, height=500)
    open_case(browser, CASE)
    assert not any("niivue" in url or "volume" in url for url in browser.requests())
    button = "document.getElementById('planes-open')"
    assert browser.run(f"{button}.textContent") == "Three planes and 3D"
    set_to(browser, "opacity", "100", "input")
    browser.run(f"{button}.click()")
    words = "document.getElementById('planes-words').textContent"
    browser.until(f"document.querySelector('#planes canvas') && {words} === ''")
    set_to(browser, "planes-over", "0")
    browser.until(f"{words} === ''")

    browser.run("document.querySelector('#planes canvas').focus()")
    told = "[...document.querySelectorAll('.planes-bar output')].map(o => o.textContent)"
    before = browser.run(told)
    for key in ("PageUp", "PageUp", "ArrowRight", "ArrowDown"):
        browser.key(key)
    slice_, row, column = (int(text.split()[0]) for text in before[:3])
    after = browser.run(told)[:3]
    assert [int(text.split()[0]) for text in after] == [slice_ + 2, row + 1, column + 1]
    assert after[0].endswith("of 12")

    # What the page was handed is what the files of the run say.
    reference = read_reference(synthetic.data_root / "references" / f"{CASE}.npz").labels
    at = CASES.index(CASE)
    held = handed_over((page.parent / "cases" / str(at) / "volume-0.js").read_bytes())
    prediction = read_prediction(
        synthetic.run.prediction_path(TEAMS[0], CASE),
        output=OutputFile(path="{case}.npz", format="npz", key="segs"),
        shape=reference.shape, spacing_mm=None, max_bytes=1 << 24,
    )  # fmt: skip
    assert isinstance(prediction, np.ndarray)
    assert np.count_nonzero(np.asanyarray(held.dataobj)) == np.count_nonzero(prediction)
    assert (prediction != reference).any()

    browser.screenshot(tmp_path / "planes.png")
    box = browser.run(
        "(b => [b.left, b.top + scrollY, b.right, b.bottom + scrollY])"
        "(document.querySelector('#planes canvas').getBoundingClientRect())"
    )
    pixels = np.asarray(Image.open(tmp_path / "planes.png").convert("RGB").crop(box)).reshape(-1, 3)
    painted = {tuple(pixel) for pixel in pixels.tolist()}
    assert {AGREE, INVENTED, MISSED} <= painted

    set_to(browser, "planes-over", "masks")
    browser.until("!document.getElementById('planes-legend-masks').hidden")
    assert browser.complaints() == []
    folder = page.parent.resolve().as_uri()
    assert all(url.startswith(folder) for url in browser.requests())
    unnamed = browser.run(
        "[...document.querySelectorAll('#planes-part :is(canvas, button, select, input)')].filter("
        "e => !(e.ariaLabel || (e.closest('label') ?? e).textContent.trim())).length"
    )
    assert unnamed == 0
    browser.run(f"{button}.click()")
    browser.until("!document.querySelector('#planes canvas')")


def test_a_case_whose_volumes_were_left_out_says_so(browser: Chromium, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    held = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert held
    data = json.loads(held[1])
    data["cases"][CASES.index(CASE)]["picture"]["steps"] = None
    without = page.with_name("without.html")
    without.write_text(
        text.replace(held[1], json.dumps(data).replace("<", "\\u003c")), encoding="utf-8"
    )
    try:
        browser.open(without, width=1280)
        open_case(browser, CASE)
        words = browser.run("document.getElementById('planes-words').textContent")
        assert "left out" in words
        assert browser.run("document.getElementById('planes-open').hidden")
        open_case(browser, CASES[0])
        assert browser.run("document.getElementById('planes-part').hidden")
    finally:
        without.unlink()
