"""The case browser steps through rounds: each team's mask, its scores, and what it was told."""

import json
import re

import numpy as np
import pytest
from chromium import Chromium

from data_manifest.manifest import load_manifest
from evaluate.checking import build_sanity_cases
from evaluate.facts.rules import load_protocol
from evaluate.ranking.stage import rank_run
from evaluate.reporting import write_report
from evaluate.running.stage import run_submissions
from evaluate.scoring.stage import score_run
from evaluate.store import RunDirectory
from tests.running.test_rounds import Given, Scripted, learning

LAST = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A team that learns from clicks, and dies in the last round."""
    root = tmp_path_factory.mktemp("rounds")
    rules = root / "rules.toml"
    rules.write_text(
        'base = "cvpr24"\nname = "rounds"\n[rounds]\n'
        f'number = {LAST + 1}\nprompts = "largest_error_click"\nprevious = true\n'
    )

    def answer(given: Given, number: int) -> np.ndarray | None:
        return None if number == LAST else learning(given, number)

    sandbox = Scripted(answer)
    made = run_submissions(
        manifest_path=build_sanity_cases(root / "data", only=("3DBox_CT_sanity",)),
        protocol=load_protocol(str(rules)),
        references={"team": "image"},
        root=root / "run",
        sandbox=sandbox,
    )
    np.save(root / "clicks.npy", sandbox.given[2][1]["clicks"])
    score_run(made.root)
    rank_run(made.root)
    write_report(made, data_root=root / "data")
    return made


def test_what_a_container_was_told_is_drawn_where_it_was(run: RunDirectory) -> None:
    (case,) = load_manifest(run.root.parent / "data/manifest.json").cases
    text = (run.root / "report/cases.html").read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    picture = data["cases"][0]["picture"]
    clicks = np.load(run.root.parent / "clicks.npy")
    assert picture["rounds"] == {"0": [0, 1, 2]}
    assert picture["toldRounds"]["0"]["2"] == sorted(
        {click[1] for click in clicks[:, :].reshape(-1, 4)}
    )
    drawn = (run.root / "report/cases/0/0.r2.svg").read_text("utf-8")
    dots = {(float(x), float(y)) for x, y in re.findall(r'd="M([\d.]+) ([\d.]+)h0"', drawn)}
    assert dots == {(x + 0.5, y + 0.5) for _, _, y, x in clicks.reshape(-1, 4).tolist()}
    assert "h0" not in (run.root / "report/cases/0/0.r0.svg").read_text("utf-8")
    assert case.id == data["cases"][0]["name"]


def test_a_slider_shows_each_round_and_says_what_became_of_it(
    browser: Chromium, run: RunDirectory
) -> None:
    browser.open(run.root / "report/cases.html", width=1280)
    seen = []
    for number in range(LAST + 1):
        browser.run(
            f"(e => {{ e.value = {number}; e.dispatchEvent(new Event('input')); }})"
            "(document.getElementById('round'))"
        )
        panel = browser.run("document.querySelector('#panels .panel:last-child').innerText")
        files = browser.run(
            "[...document.querySelectorAll('#panels .panel:last-child img')].map(i => i.src).join()"
        )
        seen.append((f"0.r{number}.png" in files, f"0.r{number}.svg" in files))
        assert ("NSD" in panel) == (number < LAST), panel
    assert seen == [(True, True)] * LAST + [(False, True)]
    assert browser.complaints() == []


def test_time_and_scores_are_drawn_by_round(run: RunDirectory) -> None:
    names = {path.name for path in (run.root / "report/figures").glob("rounds-*.svg")}
    assert names == {"rounds-dsc.svg", "rounds-nsd.svg", "rounds-wall_s.svg"}
