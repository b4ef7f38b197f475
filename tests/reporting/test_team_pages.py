"""A team's page: all that is its own, and nothing of another team but an anonymous place."""

import hashlib
import re
from pathlib import Path

import pytest
from synthetic_run import HOSTILE, TEAMS, Scale, Synthetic, make_run

from evaluate.facts.outcome import Outcome
from evaluate.reporting import write_report
from evaluate.reporting.run_sources import read_sources
from evaluate.reporting.team_pages import page_name


def _pages(report: Path) -> dict[str, str]:
    folder = report.parent / "teams"
    return {t: (folder / f"{page_name(t)}.html").read_text(encoding="utf-8") for t in TEAMS}


def test_every_team_has_a_page_and_there_is_no_other_file(ranked_report: Path) -> None:
    names = {path.name for path in (ranked_report.parent / "teams").iterdir()}
    assert names == {f"{page_name(team)}.html" for team in TEAMS}


def test_a_page_names_its_team_and_no_other(ranked_report: Path) -> None:
    for team, page in _pages(ranked_report).items():
        assert team[-9:] in page  # a long name keeps its end
        for other in TEAMS:
            if other != team:
                assert other[-9:] not in page
                assert f"sha256:{hashlib.sha256(other.encode()).hexdigest()}" not in page


def test_a_page_has_its_own_failures_with_their_logs(ranked_report: Path) -> None:
    pages = _pages(ranked_report)
    log = "RuntimeError: out of luck"
    assert "No case failed." in pages[TEAMS[0]]
    assert log not in pages[TEAMS[0]]
    assert "time limit" in pages[TEAMS[1]]
    assert log in pages[TEAMS[1]]
    assert "crashed" in pages[TEAMS[2]]
    assert "time limit" not in pages[TEAMS[2]]


def test_logs_of_other_teams_are_nowhere_on_a_page(tmp_path: Path) -> None:
    failures = {(team, "2DBox_Dermoscopy_0001"): Outcome.NONZERO_EXIT for team in TEAMS}
    made = make_run(tmp_path, Scale(failures=failures, cases_each=2))
    for number, team in enumerate(TEAMS):
        made.run.log_path(team, "2DBox_Dermoscopy_0001").write_text(f"secret-{number}\n")
    pages = _pages(write_report(made.run, data_root=made.data_root))
    for number, page in enumerate(pages.values()):
        assert [n for n in range(len(TEAMS)) if f"secret-{n}" in page] == [number]


def test_a_page_has_only_its_own_pictures(ranked: Synthetic, ranked_report: Path) -> None:
    order = read_sources(ranked.run).teams
    for team, page in _pages(ranked_report).items():
        found = {other for other in range(len(TEAMS)) if f'id="case-{other}-' in page}
        assert found == {order.index(team)}
        images = set(re.findall(r'href="#([^"]+)"', page)) - {"result"}
        embedded = set(re.findall(r'<image [^>]*id="([^"]+)"', page))
        assert embedded
        assert embedded <= images


def test_a_page_says_the_place_and_its_interval(ranked_report: Path) -> None:
    page = _pages(ranked_report)[TEAMS[0]]
    assert "place 1 of 3" in page
    assert "of 60 resamples of the cases it stays at place" in page
    assert page.count("another team: place") == 2


def test_hostile_text_on_a_page_is_text(ranked_report: Path) -> None:
    for page in _pages(ranked_report).values():
        assert HOSTILE not in page
        assert "<img" not in page
        assert page.count("<script>") == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "", "x" * 300, "<b>", "."])
def test_a_name_that_is_no_file_name_becomes_one(name: str) -> None:
    found = page_name(name)
    assert Path(found).name == found
    assert not found.startswith(".")
    assert len(found) < 60
    assert found != page_name(name + "!")
