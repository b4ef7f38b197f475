"""`segjudge demo`: the whole way in one command."""

import argparse
import time
from pathlib import Path

from evaluate.cli.clusters import add_cluster_arguments
from evaluate.cli.command_arguments import natural
from evaluate.cli.run import run_into
from evaluate.cli.sandboxes import NOT_ISOLATED, add_sandbox_arguments
from evaluate.cli.terminal import say, show_progress, warn

PROTOCOL = "cvpr24"
BASELINE, BOOSTER = "litemedsam", "litemedsam_fast"
OTHERS = frozenset(("fromprompts",))
"""Participants for other prompts; to the demo's they answer as `boxfill` does."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge demo`."""
    command.add_argument("run_dir", type=Path, nargs="?", default=Path("demo-run"))
    command.add_argument("--data", type=Path, help="folder of the demo data (default: beside it)")
    command.add_argument("--seed", type=natural, default=0)
    add_cluster_arguments(command)
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Demo data, the shipped participants, scores, ranking, a comparison and the report."""
    from data_manifest.findings import printable
    from data_manifest.making.build import build_demo
    from evaluate.checking.starter import ready_participants
    from evaluate.cli.rank_words import say_leaderboard
    from evaluate.cli.run_words import say_outcomes
    from evaluate.cli.score_words import say_scores
    from evaluate.comparing.two_runs import compare_runs
    from evaluate.facts.rules import load_protocol
    from evaluate.pipeline.comparisons import write_comparison
    from evaluate.ranking.stage import rank_run
    from evaluate.reporting.page import report_run
    from evaluate.sandbox.choice import refuse_on_windows
    from evaluate.scoring.stage import score_run

    refuse_on_windows(options.sandbox)
    root: Path = options.run_dir
    data: Path = options.data or root.parent / "demo-data"
    took = _Stopwatch()
    with show_progress("building demo data") as progress:
        manifest = build_demo(data, seed=options.seed, progress=progress)
    simulated = sum(case.origin == "simulated" for case in manifest.cases)
    say(
        f"demo data: {len(manifest.cases)} cases of"
        f" {len({case.modality for case in manifest.cases})} modalities in {data}"
        f" ({simulated} simulated, the others real; each says which)"
    )
    ready = ready_participants(root.parent / "demo-participants")
    took.lap("data")
    made = run_into(
        options,
        manifest=data / "manifest.json",
        protocol=load_protocol(PROTOCOL),
        references={name: str(ready[name]) for name in sorted(ready.keys() - OTHERS)},
    )
    say_outcomes(made)
    took.lap("images and runs")
    with show_progress("scoring") as progress:
        scores = score_run(root, progress=progress)
    say_scores(scores)
    result = rank_run(root)
    took.lap("scores and ranking")
    with show_progress("comparison") as progress:
        compared = compare_runs(root, root, team=BASELINE, other=BOOSTER)
        write_comparison(root / "compare.html", compared, progress=progress)
    took.lap("comparison")
    with show_progress("report") as progress:
        path = report_run(root, progress=progress)
    took.lap("report")
    say_leaderboard(result)
    if not made.document().is_isolated:
        warn(NOT_ISOLATED)
    for comparison in compared.comparisons:
        say(printable(comparison.answer))
    say(f"took: {took}")
    say(f"baseline and booster: {root / 'compare.html'}")
    say(f"report: {path}")
    return 0


class _Stopwatch:
    """What took how long, in the order in which it was done."""

    def __init__(self) -> None:
        self._since_s = time.monotonic()
        self._laps: list[str] = []

    def lap(self, what: str) -> None:
        """Write down the time since the last lap, or the start."""
        now_s = time.monotonic()
        self._laps.append(f"{what} {now_s - self._since_s:.0f} s")
        self._since_s = now_s

    def __str__(self) -> str:
        return ", ".join(self._laps)
