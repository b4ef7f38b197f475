"""What BIAS and Metrics Reloaded ask a challenge to report, filled in as far as the run knows it.

BIAS: Maier-Hein et al., Medical Image Analysis 2020. Metrics Reloaded: Maier-Hein et al., Nature
Methods 2024. Items are in our words; what only the organiser knows is marked as open.
"""

from dataclasses import dataclass

from evaluate.reporting.data_tables import DataColumn, DataTable
from evaluate.reporting.methods_text import (
    aggregation_text,
    data_text,
    metrics_text,
    missing_text,
    software_text,
    statistics_text,
    ties_text,
)
from evaluate.reporting.provenance import submissions
from evaluate.reporting.quantities import clipped, count_of
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.words import metric_title


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item; `answer` is empty where only the organiser can give it."""

    guideline: str
    asks: str
    answer: str


def checklist(sources: Sources) -> tuple[Item, ...]:
    """All items, those of BIAS first."""
    bias = {
        "Challenge name and task": sources.protocol.title,
        "Organisers, conflicts of interest, funding": "",
        "Participation, award and publication policies": "",
        "How algorithms were submitted": _submitted(sources),
        "Source of the data, acquisition, and ethics": _sources_of_data(sources),
        "Number of test cases, and why so many": data_text(sources),
        "Training cases, and how they differ from the test cases": "",
        "Who annotated the reference, by what instructions, and how well they agree": "",
        "Metrics": metrics_text(sources),
        "Why these metrics suit the clinical aim": "",
        "Ranking: aggregation": aggregation_text(sources),
        "Ranking: ties": ties_text(sources),
        "Ranking: missing results": missing_text(sources),
        "Statistical analyses": statistics_text(sources),
        "Software": software_text(sources),
    }
    reloaded = {
        "Problem category": "Semantic segmentation of each prompted target.",
        "Overlap-based metric": "DSC, for each label of a case.",
        "Boundary-based metric and its tolerance": _tolerance(sources),
        "Why this tolerance (such as the agreement of annotators)": "",
        "Aggregation over labels, cases and groups": aggregation_text(sources),
        "Missing results in the aggregation": missing_text(sources),
        "Uncertainty of the ranking": statistics_text(sources),
        "Values of each case are published": "case_scores.csv and label_scores.csv of the run.",
    }
    return tuple(
        Item(guideline=guideline, asks=asks, answer=answer)
        for guideline, items in (("BIAS", bias), ("Metrics Reloaded", reloaded))
        for asks, answer in items.items()
    )


def checklist_table(items: tuple[Item, ...]) -> DataTable:
    """The checklist for the files beside the page."""
    return DataTable(
        name="checklist",
        title="Reporting checklist",
        columns=tuple(DataColumn(head=head) for head in ("Guideline", "Item", "Answer")),
        rows=tuple(
            (item.guideline, item.asks, item.answer or "to be filled in by the organiser")
            for item in items
        ),
    )


def _submitted(sources: Sources) -> str:
    kinds = [clipped(submission.kind, 30) for submission in submissions(sources)]
    counted = ", ".join(f"{kinds.count(kind)} as {kind}" for kind in sorted(set(kinds)))
    return f"{count_of(len(kinds), 'submission')}, each fixed by its digest: {counted}."


def _sources_of_data(sources: Sources) -> str:
    cases = sources.manifest_cases.values()
    sources_and_licences = sorted({(case.source, case.licence) for case in cases})
    if not sources_and_licences:
        return ""
    if len(sources_and_licences) > 12:
        return f"{len(sources_and_licences)} sources, named with their licences in manifest.json."
    return (
        "; ".join(
            f"{clipped(source, 120)} ({clipped(licence, 40)})"
            for source, licence in sources_and_licences
        )
        + "."
    )


def _tolerance(sources: Sources) -> str:
    tolerances = [
        f"{metric_title(metric)} with a tolerance of {tolerance:g} mm."
        for metric in sources.protocol.scoring.metrics
        if (tolerance := metric.options.get("tolerance_mm")) is not None
    ]
    return " ".join(tolerances) or "No metric has a tolerance."
