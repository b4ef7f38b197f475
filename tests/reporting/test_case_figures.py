"""Podiums and modality pages: made from the cases that they name, and from no others."""

import dataclasses
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import numpy as np
import pytest
from chromium import Chromium
from scipy.stats import rankdata
from synthetic_run import MODALITIES, TEAMS, Scale, Synthetic, make_run

from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore, ModalityScore
from evaluate.reporting import write_report
from evaluate.reporting.case_figures import CaseFigure, podiums
from evaluate.reporting.run_sources import Sources, read_sources


@pytest.fixture(scope="module")
def sources(ranked: Synthetic) -> Sources:
    return read_sources(ranked.run)


def counted(figure: CaseFigure) -> dict[tuple[str, int], int]:
    """The bars' own notes: in how many cases each team came to each place."""
    titles = [e.text or "" for e in ET.fromstring(str(figure.drawing)).iter("title")]  # noqa: S314
    found = [re.fullmatch(r"(.+): place (\d+) in (\d+) cases?", title) for title in titles]
    return {(m[1], int(m[2])): int(m[3]) for m in found if m}


@pytest.mark.parametrize("modality", [None, "CT", "Ultrasound"])
def test_a_podium_counts_the_places_that_scipy_gives(
    sources: Sources, modality: str | None
) -> None:
    cases = sorted({c for _, c in sources.case_scores if modality is None or modality in c})
    figure = podiums(sources, modality)[0]
    assert figure.name == "podium-dsc"
    values = np.array(
        [
            [-1.0 if (s := sources.case_scores[team, case]).outcome.is_failure else s.value("dsc")
             for team in sources.teams] for case in cases
        ]
    )  # fmt: skip
    places = rankdata(-values, method="min", axis=1).astype(int)
    expected = {
        (team, place): int((places[:, at] == place).sum())
        for at, team in enumerate(sources.teams)
        for place in (1, 2, 3)
        if (places[:, at] == place).any()
    }
    assert counted(figure) == expected


def test_a_failed_team_is_last_in_its_case_even_where_another_scored_nothing(
    sources: Sources,
) -> None:
    case = "3DBox_CT_0002"  # box-filler reached the time limit here
    scores = dict(sources.case_scores)
    for (team, name), score in sources.case_scores.items():
        if name == case and team != TEAMS[1]:
            scores[team, name] = score.with_values(dsc=0.0)
    teams = {t: [scores[t, s.case] for s in of] for t, of in sources.team_scores.items()}
    changed = dataclasses.replace(sources, case_scores=scores, team_scores=teams)
    only = [s for s in teams[TEAMS[1]] if s.case == case]
    assert only[0].outcome is Outcome.TIMEOUT
    alone = dataclasses.replace(
        changed, team_scores={t: [s for s in of if s.case == case] for t, of in teams.items()}
    )
    assert counted(podiums(alone)[0]) == {
        (TEAMS[0], 1): 1,
        (TEAMS[2], 1): 1,
        (TEAMS[1], 3): 1,
    }


def test_every_modality_has_a_page_of_its_own_cases_alone(
    ranked_report: Path, ranked: Synthetic
) -> None:
    pages = sorted((ranked_report.parent / "modalities").iterdir())
    assert [page.name for page in pages] == [
        "01-ct.html", "02-dermoscopy.html", "03-mr.html", "04-ultrasound.html"
    ]  # fmt: skip
    means = {
        (s.team, s.modality): s.mean
        for s in ranked.run.read_rows(ModalityScore)
        if s.metric == "dsc"
    }
    for page, modality in zip(pages, sorted(MODALITIES), strict=True):
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"[23]DBox_[A-Za-z]+_\d{4}", text))
        assert named == {f"{MODALITIES[modality]}Box_{modality}_{n:04d}" for n in range(6)}
        for team in TEAMS:
            assert f'data-order="{means[team, modality]}"' in text


def test_a_modality_that_is_named_like_a_path_or_markup_stays_text(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, cases_each=2))
    hostile = "../../<script>alert(1)</script>"
    scores = made.run.read_rows(CaseScore)
    rename = {"MR": hostile}
    made.run.write_rows(
        [msgspec.structs.replace(s, modality=rename.get(s.modality, s.modality)) for s in scores],
        CaseScore,
    )
    means = made.run.read_rows(ModalityScore)
    made.run.write_rows(
        [msgspec.structs.replace(s, modality=rename.get(s.modality, s.modality)) for s in means],
        ModalityScore,
    )
    folder = write_report(made.run, data_root=None).parent
    pages = sorted(path.name for path in (folder / "modalities").iterdir())
    assert pages[0] == "01-script-alert-1-script.html"
    assert not (tmp_path / "run" / "script").exists()
    for page in [*(folder / "modalities").iterdir(), folder / "index.html", folder / "cases.html"]:
        assert "<script>alert" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [375, 1440])
def test_a_modality_page_opens_quietly_and_fits(
    browser: Chromium, ranked_report: Path, fifty_report: Path, width: int
) -> None:
    for report in (ranked_report, fifty_report):
        page = sorted((report.parent / "modalities").iterdir())[0]
        browser.open(page, width=width)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width


def test_teams_that_are_not_chosen_leave_the_tables_and_fade_in_the_figures(
    browser: Chromium, ranked_report: Path
) -> None:
    browser.open(ranked_report, width=1280)
    rows = (
        "[...document.querySelectorAll('#leaderboard tbody tr')]"
        ".filter(r => r.getBoundingClientRect().height > 0).length"
    )
    faint = (
        "[...new Set([...document.querySelectorAll('svg .dim')].map(g => g.dataset.team))].sort()"
    )
    assert browser.run(rows) == 3
    assert browser.run(faint) == []
    browser.run("document.getElementById('no-team').click()")
    assert browser.run(rows) == 0
    browser.run("document.querySelector('#pick-teams input').click()")
    assert browser.run(rows) == 1
    assert browser.run(faint) == sorted(TEAMS[1:])
    assert browser.run("document.getElementById('teams-shown').textContent") == "1 of 3"
    browser.run("document.getElementById('all-teams').click()")
    assert browser.run(rows) == 3
    assert browser.run(faint) == []
