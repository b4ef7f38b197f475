"""`segjudge score`."""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evaluate.cli.command_arguments import positive
from evaluate.cli.terminal import number, say, show_progress, table, warn
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore, ModalityScore
from evaluate.facts.scoring_rules import MEASURED, metric_named
from evaluate.scoring.stage import RunScores, score_folders, score_run

__all__ = ["add_arguments", "call", "say_scores"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge score`."""
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--manifest", type=Path, help="where the run's data lie now, if moved")
    command.add_argument("--references", type=Path, help="folder of references, one file a case")
    command.add_argument("--predictions", type=Path, help="folder of masks, as the protocol says")
    command.add_argument("--protocol", help="built-in name or TOML file (default: the run's own)")
    command.add_argument("--out", type=Path, help="folder of the tables")
    command.add_argument("--jobs", type=positive, help="processes (default: one a CPU)")


def call(options: argparse.Namespace) -> int:
    """Score a run directory or a folder."""
    folder_options = ("references", "predictions", "out")
    given = [name for name in folder_options if getattr(options, name) is not None]
    if options.run_dir is not None and not given:
        protocol = load_protocol(options.protocol) if options.protocol else None
        with show_progress("scoring") as progress:
            scores = score_run(
                options.run_dir,
                manifest_path=options.manifest,
                protocol=protocol,
                workers=options.jobs,
                progress=progress,
            )
        say_scores(scores)
        say(f"next: segjudge rank {options.run_dir}")
        return 0
    if options.run_dir is not None or len(given) < len(folder_options) or not options.protocol:
        raise UsageError(
            Finding(
                where="segjudge score",
                found="neither a run directory nor two folders",
                expected="RUN_DIR, or all of --references, --predictions, --protocol and --out",
                mend="`segjudge score --help` shows both",
            )
        )
    with show_progress("scoring") as progress:
        made = score_folders(
            references=options.references,
            predictions=options.predictions,
            protocol=load_protocol(options.protocol),
            out=options.out,
            workers=options.jobs,
            progress=progress,
        )
    for warning in made.warnings:
        warn(Finding(where=str(options.predictions), found=warning))
    say_scores(made.scores)
    say(f"tables in {options.out}")
    return 0


def _without_value(case: CaseScore) -> list[str]:
    """The metrics of masks that have no value."""
    return [n for n, value in case.values.items() if value is None and n not in MEASURED]


def _case(case: CaseScore) -> str:
    return f"{case.team} {case.case}".strip()


def _mean(score: ModalityScore | None, cases: int) -> str:
    """A mean, and over how many cases where not over all."""
    if score is None or score.mean is None:
        return number(None)
    return number(score.mean, 4) + ("" if score.n == cases else f" (n={score.n})")


def _title(name: str) -> str:
    metric = metric_named(name)
    return metric.title if metric else name


def say_definitions(names: Iterable[str]) -> None:
    """What a metric is whose name alone does not say it."""
    for metric in map(metric_named, names):
        if metric is not None and metric.has_variants:
            say(f"{metric.title}: {metric.definition}")


def say_scores(scores: RunScores) -> None:
    """Means by team and modality, and what failed."""
    cells: dict[tuple[str, str], dict[str, ModalityScore]] = {}
    for row in scores.modalities:
        cells.setdefault((row.team, row.modality), {})[row.metric] = row
    counts = Counter(
        (case.team, case.modality)
        for case in scores.cases
        if case.outcome is not Outcome.HARNESS_ERROR
    )
    shown = [
        name for name in dict.fromkeys(m.metric for m in scores.modalities) if name not in MEASURED
    ]
    rows = [
        [
            team,
            modality,
            str(counts[team, modality]),
            str(next(iter(metrics.values())).failures),
            *(_mean(metrics.get(name), counts[team, modality]) for name in shown),
        ]
        for (team, modality), metrics in sorted(cells.items())
    ]
    heads = [_title(name) for name in shown]
    table("Means over cases", ["team", "modality", "cases", "failed", *heads], rows)
    say_definitions(shown)
    undefined = [
        c for c in scores.cases if c.outcome is not Outcome.HARNESS_ERROR and _without_value(c)
    ]
    for case in undefined[:5]:
        names = ", ".join(_without_value(case))
        fault = f"{names} undefined; the case is left out of that mean"
        warn(Finding(where=_case(case), found=fault))
    if scores.unlike:
        first, more = "; ".join(scores.unlike[:3]), len(scores.unlike) - 3
        fault = f"{len(scores.unlike)} predictions have none of their reference's labels: {first}"
        mend = "look whether labels are numbered otherwise, such as 255 for 1"
        warn(Finding(where="labels", found=fault + (f" and {more} more" * (more > 0)), mend=mend))
    ours = [case for case in scores.cases if case.outcome is Outcome.HARNESS_ERROR]
    for case in ours[:5]:
        fault = f"not scored, a failure on our side: {case.reason}"
        mend = "`segjudge run` again (it resumes), then `segjudge score`"
        warn(Finding(where=_case(case), found=fault, mend=mend))
    for kind, odd in (("undefined", undefined), ("not scored", ours)):
        if len(odd) > 5:
            fault = f"{len(odd)} cases {kind}"
            warn(Finding(where="case_scores.csv", found=fault, mend="it lists them all"))
