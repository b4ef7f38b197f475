"""The page of `segjudge compare`: the answer, the differences, the cases that changed, in pictures.

One self-contained file in the report's style, which opens anywhere without a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from data_manifest.layouts import BadPrediction, read_prediction
from data_manifest.manifest import Manifest
from data_manifest.progress import Progress, silent
from evaluate.documents.tables import write_atomically
from evaluate.documents.team_comparison import (
    CaseChange,
    Difference,
    ResampledInterval,
    TeamComparison,
    TimeRatio,
)
from evaluate.facts.rules import Rules
from evaluate.reporting.case_files import CaseFiles, Unreadable, read_case_files
from evaluate.reporting.case_pictures import draw_case
from evaluate.reporting.charts import trade_chart
from evaluate.reporting.quantities import DASH, QUANTITIES, Quantity, clipped, percent
from evaluate.reporting.rendering import render
from evaluate.store import RunDirectory

_MOST_PICTURES = 6
"""Cases with pictures, of the better and of the worse each; all are in the table."""
_MOST_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSide:
    """Where one side's masks and data are."""

    run: RunDirectory
    manifest: Manifest
    data_root: Path
    protocol: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One side's mask of a case, drawn, or why not."""

    letter: str
    picture: Markup | None
    problem: str
    where: str
    outcome: str
    dsc: str
    nsd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A case that changed, with both masks."""

    change: CaseChange
    panels: tuple[_Panel, _Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComparisonRow:
    """A metric's row of the table: text only."""

    where: str
    metric: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """What the page shows of one pair."""

    number: int
    comparison: TeamComparison
    chart: Markup | None
    rows: tuple[_ComparisonRow, ...]
    ratios: tuple[_ComparisonRow, ...]
    better: tuple[_Shown, ...]
    worse: tuple[_Shown, ...]
    changes: tuple[tuple[str, ...], ...]
    changes_left_out: int
    failures: tuple[CaseChange, ...]
    dominance: str


def write_comparison_page(
    path: Path,
    comparisons: Sequence[TeamComparison],
    *,
    a: ComparedSide,
    b: ComparedSide,
    calibration: float | None,
    progress: Progress = silent,
) -> None:
    """Write the page."""
    studio = _PairStudio(a, b)
    total = sum(
        min(_MOST_PICTURES, len(side))
        for comparison in comparisons
        for side in (comparison.better, comparison.worse)
    )
    sections = []
    for number, comparison in enumerate(comparisons, start=1):
        drawn: dict[str, tuple[_Shown, ...]] = {}
        for kind, changes in (("better", comparison.better), ("worse", comparison.worse)):
            shown = []
            for change in changes[:_MOST_PICTURES]:
                shown.append(studio.draw(comparison, change, number))
                progress(studio.drawn, total, change.case)
            drawn[kind] = tuple(shown)
        sections.append(_section(number, comparison, drawn))
    text = render(
        "comparison.html.j2",
        styles=("style.css", "charts.css", "comparison.css"),
        scripts=("theme.js",),
        sections=sections,
        notes=list(dict.fromkeys(note for comparison in comparisons for note in comparison.notes)),
        calibration=None if calibration is None else f"{calibration:.3f}",
        images=tuple(studio.images.values()),
    )
    write_atomically(path, text.encode("utf-8"))


def _section(
    number: int, comparison: TeamComparison, drawn: dict[str, tuple[_Shown, ...]]
) -> _Section:
    dsc, nsd = QUANTITIES["dsc"], QUANTITIES["nsd"]
    changes = sorted(
        (*comparison.better, *comparison.worse), key=lambda c: (-abs(c.change), c.case)
    )
    trade = comparison.trade
    dominance = ""
    if trade is not None:
        dominance = (
            f"B is at least as accurate and as fast in {percent(trade.b_dominates)} of the"
            f" resamples, A in {percent(trade.a_dominates)}; in the others one is more accurate"
            " and the other faster."
        )
    return _Section(
        number=number,
        comparison=comparison,
        chart=trade_chart(comparison, trade, name=f"trade-{number}") if trade is not None else None,
        rows=tuple(
            _difference_row(d)
            for place in ("macro", "micro", *comparison.modalities)
            for d in comparison.differences
            if d.where == place
        ),
        ratios=tuple(_ratio_row(r) for r in comparison.ratios),
        better=drawn["better"],
        worse=drawn["worse"],
        changes=tuple(
            (
                c.case,
                c.modality,
                c.outcome_a if c.outcome_a == c.outcome_b else f"{c.outcome_a} → {c.outcome_b}",
                dsc.text(c.dsc_a),
                dsc.text(c.dsc_b),
                nsd.text(c.nsd_a),
                nsd.text(c.nsd_b),
                f"{c.change:+.3f}",
            )
            for c in changes[:_MOST_ROWS]
        ),
        changes_left_out=max(0, len(changes) - _MOST_ROWS),
        failures=(*comparison.failures_gained, *comparison.failures_lost),
        dominance=dominance,
    )


def _place(where: str) -> str:
    return {"macro": "All, modalities alike", "micro": "All, cases alike"}.get(where, where)


def _difference_row(d: Difference) -> _ComparisonRow:
    quantity = QUANTITIES[d.metric]
    return _ComparisonRow(
        where=_place(d.where),
        metric=quantity.head,
        cells=(
            str(d.n),
            quantity.text(d.mean_a),
            quantity.text(d.mean_b),
            _signed(quantity, d.mean),
            DASH if d.interval is None else _ends(quantity, d.interval),
            DASH if d.p_value is None else f"{d.p_value:.3g}",
            percent(d.b_ahead),
        ),
    )


def _ends(quantity: Quantity, interval: ResampledInterval) -> str:
    return f"{_signed(quantity, interval.low)} to {_signed(quantity, interval.high)}"


def _signed(quantity: Quantity, value: float) -> str:
    shown = quantity.text(abs(value))
    if not any(digit in shown for digit in "123456789"):
        return shown
    return f"+{shown}" if value > 0 else f"\N{MINUS SIGN}{shown}"


def _ratio_row(r: TimeRatio) -> _ComparisonRow:
    def ends(interval: ResampledInterval | None) -> str:
        return DASH if interval is None else f"{interval.low:.2f} to {interval.high:.2f}"

    corrected = DASH if r.corrected is None else f"{r.corrected:.2f}"
    return _ComparisonRow(
        where=_place(r.where),
        metric="Time ratio",
        cells=(str(r.n), f"{r.ratio:.2f}", ends(r.interval), corrected, ends(r.corrected_interval)),
    )


class _PairStudio:
    """Draws both masks of a case; holds each image once."""

    def __init__(self, a: ComparedSide, b: ComparedSide) -> None:
        self.sides = (a, b)
        self.images: dict[str, Markup] = {}
        self.drawn = 0

    def draw(self, comparison: TeamComparison, change: CaseChange, number: int) -> _Shown:
        self.drawn += 1
        files = self._files(change.case)
        panels = []
        for letter, team, side, outcome, dsc, nsd in (
            ("A", comparison.a.team, self.sides[0], change.outcome_a, change.dsc_a, change.nsd_a),
            ("B", comparison.b.team, self.sides[1], change.outcome_b, change.dsc_b, change.nsd_b),
        ):
            picture, problem, where = self._draw(files, side, team, change, letter, number)
            panels.append(
                _Panel(
                    letter=letter,
                    picture=picture,
                    problem=problem,
                    where=where,
                    outcome=outcome,
                    dsc=QUANTITIES["dsc"].text(dsc),
                    nsd=QUANTITIES["nsd"].text(nsd),
                )
            )
        return _Shown(change=change, panels=(panels[0], panels[1]))

    def _files(self, case: str) -> CaseFiles | Unreadable:
        """The case's files, from whichever side has them still: the references are the same."""
        files: CaseFiles | Unreadable = Unreadable(reason="the case is in no manifest")
        for side in self.sides:
            known = next((c for c in side.manifest.cases if c.id == case), None)
            if known is not None:
                files = read_case_files(side.data_root, known)
            if isinstance(files, CaseFiles):
                return files
        return files

    def _draw(
        self,
        files: CaseFiles | Unreadable,
        side: ComparedSide,
        team: str,
        change: CaseChange,
        letter: str,
        number: int,
    ) -> tuple[Markup | None, str, str]:
        if isinstance(files, Unreadable):
            return None, files.reason, ""
        outcome = change.outcome_a if letter == "A" else change.outcome_b
        if outcome != "ok":
            return None, f"no mask: {outcome}", ""
        prediction = read_prediction(
            side.run.prediction_path(team, change.case),
            output=side.protocol.output,
            shape=files.reference.labels.shape,
            spacing_mm=files.reference.spacing_mm,
            affine=files.reference.affine,
            max_bytes=side.protocol.limits.output_mib << 20,
        )
        if isinstance(prediction, BadPrediction):
            return None, f"no mask to show: {prediction.reason}", ""
        picture = draw_case(
            files.inputs,
            files.reference,
            prediction,
            name=f"pair-{number}-{self.drawn}-{letter}",
            title=f"{change.case}, {letter}: {clipped(team, 60)}",
            description="The image with the outlines of the reference and of the mask.",
        )
        self.images[picture.image_id] = picture.image
        return picture.drawing, "", picture.where
