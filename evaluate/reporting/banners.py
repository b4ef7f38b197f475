"""What a reader must know before anything else: what limits the use of a run's results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluate.documents.run_parts import Calibration
from evaluate.facts.outcome import Outcome
from evaluate.reporting.quantities import clipped, count_of, percent
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.words import listed_names

_MUCH = 0.5
"""Processors that are busy with something else: from here on it is said."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """What stands above everything: `kind` is `stop` (do not use) or `note` (know this)."""

    kind: str
    title: str
    text: str


def banners(sources: Sources) -> list[Banner]:
    """What limits the use of these results, the gravest first."""
    limits = (*_invalid(sources), *_odd_data(sources), *_times(sources))
    return [Banner(kind=kind, title=title, text=text) for kind, title, text in limits]


def _invalid(sources: Sources) -> Iterator[tuple[str, str, str]]:
    open_ones = [m.sandbox for m in sources.document.machines.values() if not m.sandbox.isolated]
    if open_ones:
        missing = open_ones[0].engine.get("not_enforced")
        told = missing if isinstance(missing, list) else []
        names = [clipped(str(item).partition(":")[0], 40) for item in told]
        detail = f" Not enforced: {', '.join(names)}." if names else ""
        text = (
            f"The submissions ran in the {clipped(open_ones[0].name, 40)} sandbox, which does not"
            " isolate them: they could reach the network, other files and each other's results."
        )
        yield "stop", "Not valid for official scoring", text + detail
    unscored = [s for s in sources.case_scores.values() if s.outcome is Outcome.HARNESS_ERROR]
    if unscored:
        text = (
            f"{count_of(len(unscored), 'result')} could not be scored because of an error of the"
            " harness, not of a team. Run and score these again."
        )
        yield "stop", "Not complete", text


def _odd_data(sources: Sources) -> Iterator[tuple[str, str, str]]:
    simulated = {case for case in sources.cases if sources.simulated(case)}
    if simulated:
        cases = len(sources.cases)
        shapes = {s.modality for (_, c), s in sources.case_scores.items() if c in simulated}
        share = "All" if len(simulated) == cases else f"{len(simulated)} of the"
        text = (
            f"{share} {count_of(cases, 'case')} are simulated, not taken of a patient or specimen"
            f" ({', '.join(sorted(shapes))}). They show that everything works; they say little"
            " about how a team does on real images."
        )
        yield "note", "Simulated data", text


def _times(sources: Sources) -> Iterator[tuple[str, str, str]]:
    document = sources.document
    if document.unequal_machines:
        text = (
            f"The cases were run on {document.unequal_machines}. Times, CPU and memory compare the"
            " machines as much as the submissions: do not rank by them."
        )
        yield "stop", "Times of several machines", text
    elif document.machines_apart:
        text = (
            f"The cases were run on {document.machines_apart}, each case with all its teams on one"
            " of them. Times, CPU and memory compare submissions within a case; those of one case"
            " say nothing beside those of another. How steady each machine was stands below."
        )
        yield "note", "Cases on several machines", text
    unsteady = [c for c in document.calibration.values() if not c.fair]
    if unsteady:
        yield "note", "Times are not comparable", _unfair(unsteady)
    yield from _beside_others(sources)


def _beside_others(sources: Sources) -> Iterator[tuple[str, str, str]]:
    # Where several containers ran at a time, which is said above, they are each other's others.
    shared = {key for key, c in sources.document.calibration.items() if c.parallel > 1}
    disturbed = [
        run
        for run in sources.runs.values()
        if (run.others_cpus or 0.0) >= _MUCH and run.machine not in shared
    ]
    if not disturbed:
        return
    cases = sorted({run.case for run in disturbed})
    named = [clipped(case, 40) for case in cases[:_MOST_NAMED]]
    if rest := len(cases) - len(named):
        named.append(f"{rest:,} more")
    most = max(run.others_cpus or 0.0 for run in disturbed)
    yield (
        "note",
        "Other programs ran beside",
        f"During {len(disturbed):,} of {count_of(len(sources.runs), 'run')}, of"
        f" {count_of(len(cases), 'case')} ({listed_names(named)}), other programs kept up to"
        f" {most:.1f} processors busy: do not read close differences in time there as real (column"
        " others_cpus of runs.csv).",
    )


def _unfair(unsteady: Sequence[Calibration]) -> str:
    reasons = []
    drifted = [calibration for calibration in unsteady if calibration.drift > calibration.limit]
    if drifted:
        worst = max(drifted, key=lambda calibration: calibration.drift)
        reasons.append(
            f"the machine's own speed drifted by {percent(worst.drift)} during the run (at most"
            f" {percent(worst.limit)} is allowed)"
        )
    parallel = max(calibration.parallel for calibration in unsteady)
    if parallel > 1:
        reasons.append(f"{parallel} containers ran at a time and slowed each other down")
    others = max((cpus for c in unsteady for cpus in c.others_cpus), default=0.0)
    if others >= _MUCH:
        reasons.append(f"other programs kept up to {others:.1f} processors busy")
    if hot := sum(calibration.times_throttled for calibration in unsteady):
        reasons.append(f"its processors were slowed down by their heat {count_of(hot, 'time')}")
    why = listed_names(reasons) if reasons else "the machine was not steady during the run"
    return f"{why[0].upper()}{why[1:]}: do not read close differences in time as real."
