"""The figures on how well the ranking holds say what ranking.json says, and no more."""

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest
from synthetic_run import TEAMS, Scale, Synthetic, make_run

from evaluate.documents.ranking import RankingDocument, read_ranking
from evaluate.facts.errors import TableError
from evaluate.facts.ranking_record import ResampledPlaces
from evaluate.reporting.figures import Figure, ranking_figures
from evaluate.reporting.robustness import place_shares
from evaluate.reporting.run_sources import read_sources

NAMES = {
    "rank-heat", "blobs", "blobs-dsc", "blobs-nsd", "blobs-wall_s",
    "significance-dsc", "significance-nsd", "significance-wall_s", "methods", "tau",
}  # fmt: skip


@pytest.fixture(scope="module")
def figures(ranked: Synthetic) -> dict[str, Figure]:
    return {figure.name: figure for figure in ranking_figures(read_sources(ranked.run))}


@pytest.fixture(scope="module")
def ranking(ranked: Synthetic) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ranked.run.root / "ranking.json").read_text("utf-8"))
    return found


def _parsed(figure: Figure) -> ET.Element:
    return ET.fromstring(str(figure.drawing))  # noqa: S314  # our own


def _with_class(figure: Figure, class_: str) -> list[ET.Element]:
    root = _parsed(figure)
    return [e for e in root.iter() if class_ in (e.get("class") or "").split()]


def test_every_figure_is_there_with_one_sentence_on_how_to_read_it(
    figures: dict[str, Figure],
) -> None:
    assert set(figures) == NAMES
    for figure in figures.values():
        assert figure.reading.endswith(".")
        assert figure.reading.count(". ") == 0
        root = _parsed(figure)
        assert [child.tag for child in root[:2]] == ["title", "desc"]


def test_a_blob_has_an_area_in_proportion_to_its_resamples(
    figures: dict[str, Figure], ranking: dict[str, Any]
) -> None:
    counts = [c for row in ranking["bootstrap"]["rank_counts"].values() for c in row.values()]
    areas = [float(e.attrib["r"]) ** 2 for e in _with_class(figures["blobs"], "cell")]
    largest = max(areas) / max(counts)
    found = sorted(round(area / largest) for area in areas)
    assert found == pytest.approx(sorted(counts), abs=2)


def test_the_rank_heat_map_has_a_cell_for_each_place_that_came(
    figures: dict[str, Figure], ranking: dict[str, Any]
) -> None:
    places = sum(len(row) for row in ranking["bootstrap"]["rank_counts"].values())
    assert len(_with_class(figures["rank-heat"], "cell")) == places


@pytest.mark.parametrize("metric", ["dsc", "nsd", "wall_s"])
def test_a_square_of_the_significance_map_is_a_win_after_adjustment(
    figures: dict[str, Figure], ranking: dict[str, Any], metric: str
) -> None:
    wins = ranking["tests"]["wilcoxon"][metric]["ALL"]["wins"]
    expected = sum(len(beaten) for beaten in wins.values())
    figure = figures[f"significance-{metric}"]
    assert expected > 0
    assert len(_with_class(figure, "beats")) == len(_with_class(figure, "beaten")) == expected
    assert len(_with_class(figure, "itself")) == len(TEAMS)


def test_each_method_is_a_column_with_the_place_of_every_team(
    figures: dict[str, Figure], ranking: dict[str, Any]
) -> None:
    methods = ranking["sensitivity"]["methods"]
    assert len(_with_class(figures["methods"], "path")) == len(TEAMS)
    shown = [e.text for e in _with_class(figures["methods"], "tick") if (e.text or "").isdigit()]
    expected = [str(rank) for entry in methods.values() for rank in entry["ranks"].values()]
    assert sorted(map(str, shown)) == sorted([*expected, "1", "2", "3"])


def test_tau_is_shown_for_the_scheme_and_for_each_metric_and_method(
    figures: dict[str, Figure],
) -> None:
    assert len(_with_class(figures["tau"], "median")) == 1 + 3 * 5


def test_a_name_in_a_figure_is_text(figures: dict[str, Figure]) -> None:
    for figure in figures.values():
        root = _parsed(figure)
        assert {e.tag for e in root.iter()} <= {
            "svg", "title", "desc", "g", "text", "line", "circle", "rect", "path",
        }  # fmt: skip


@pytest.mark.parametrize("section", ["bootstrap", "tests", "sensitivity", "settings"])
def test_a_section_that_is_absent_only_loses_its_figures(ranked: Synthetic, section: str) -> None:
    sources = read_sources(ranked.run)
    without = msgspec.structs.replace(sources.ranking, **{section: msgspec.UNSET})
    sources = dataclasses.replace(sources, ranking=without)
    lost = {
        "bootstrap": re.compile("rank-heat|blobs.*|tau"),
        "tests": re.compile("significance.*"),
        "sensitivity": re.compile("methods"),
        "settings": re.compile("significance.*"),
    }[section]
    expected = {name for name in NAMES if not lost.fullmatch(name)}
    assert {figure.name for figure in ranking_figures(sources)} == expected


@pytest.mark.parametrize("value", [None, [], "text", {"methods": 3}])
def test_a_section_of_another_form_is_refused_by_the_name_of_the_file(
    tmp_path: Path, ranking: dict[str, Any], value: object
) -> None:
    path = tmp_path / "ranking.json"
    path.write_text(json.dumps({**ranking, "bootstrap": value}), encoding="utf-8")
    with pytest.raises(TableError, match=r"ranking\.json: .*rank again"):
        read_ranking(path)


def test_a_team_alone_has_no_such_figures(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, teams=("alone",), with_ranking_json=False))
    assert ranking_figures(read_sources(made.run)) == ()


def test_shares_of_places_sum_to_one() -> None:
    counts = {"a": {"1": 3, "2.5": 1}, "b": {"1": 1, "2.5": 3}}
    places = ResampledPlaces(replicates=4, rank_counts=counts)
    shares = place_shares(RankingDocument(bootstrap=places), ["a", "b"])
    assert shares == {"a": {1: 0.75, 3: 0.25}, "b": {1: 0.25, 3: 0.75}}
