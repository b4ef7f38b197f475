"""The methods section says what this run did, and leaves open what only the organiser knows."""

from pathlib import Path

import pytest
from markupsafe import escape
from synthetic_run import Scale, Synthetic, make_run

from evaluate.reporting.checklist import checklist, checklist_table
from evaluate.reporting.methods_text import methods_paragraphs
from evaluate.reporting.run_sources import Sources, read_sources


@pytest.fixture(scope="module")
def sources(ranked: Synthetic) -> Sources:
    return read_sources(ranked.run)


@pytest.mark.parametrize(
    "fact",
    [
        "has 24 cases, 12 2D and 12 3D, of 4 modalities",
        "Ultrasound 6 (simulated)",
        "Each of 3 submissions was run on every case",
        "without the isolation of a container",
        "at most 600\N{NO-BREAK SPACE}s, 8,192\N{NO-BREAK SPACE}MiB of memory",
        "the tolerance of NSD was 2\N{NO-BREAK SPACE}mm",
        "Dice similarity coefficient, higher is better",
        "ranked in every case, metric by metric",
        "so that every modality weighs alike",
        "weights: DSC 1, NSD 1, Time 1",
        "Equal values share the best of their ranks",
        "Of 72 results 2 were such: 1 timeout, 1 nonzero exit",
        "60 resamples of the cases, drawn with replacement within each modality (seed 0)",
        "p-values adjusted by Holm’s method, at alpha 0.05",
        "numpy 2.4.6, scipy 1.17.1",
    ],
)
def test_the_paragraphs_state_the_runs_facts(sources: Sources, fact: str) -> None:
    assert fact in " ".join(methods_paragraphs(sources))


def test_a_run_without_failures_or_statistics_says_so(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, with_ranking_json=False))
    text = " ".join(methods_paragraphs(read_sources(made.run)))
    assert "There was none among 72 results." in text
    assert "No resamples or tests were computed." in text


def test_the_checklist_answers_from_the_run_and_marks_the_rest(sources: Sources) -> None:
    items = {(item.guideline, item.asks): item.answer for item in checklist(sources)}
    assert (
        "made by a test (CC0-1.0)." in items["BIAS", "Source of the data, acquisition, and ethics"]
    )
    assert items["BIAS", "Organisers, conflicts of interest, funding"] == ""
    assert items["BIAS", "Ranking: missing results"].startswith("A missing, late or unusable")
    assert "2 mm" in items["Metrics Reloaded", "Boundary-based metric and its tolerance"]
    answers = [row[2] for row in checklist_table(checklist(sources)).rows]
    open_items = sum(answer == "" for answer in items.values())
    assert answers.count("to be filled in by the organiser") == open_items > 0


def test_the_section_is_on_the_page_and_beside_it(sources: Sources, ranked_report: Path) -> None:
    page = ranked_report.read_text(encoding="utf-8")
    first = methods_paragraphs(sources)[1]
    assert str(escape(first)) in page
    for ending in ("tex", "md"):
        text = (ranked_report.parent / f"methods.{ending}").read_text(encoding="utf-8")
        assert "ranked in every case" in text
        assert (ranked_report.parent / "tables" / f"checklist.{ending}").is_file()
