"""`segjudge rank` and `segjudge report`."""

import argparse
import webbrowser
from collections.abc import Sequence

from evaluate.cli.terminal import number, say, show_progress, table, warn
from evaluate.facts.errors import Problem, UsageError
from evaluate.facts.rules import load_protocol
from evaluate.ranking import RankingRow
from evaluate.ranking.stage import RankOptions, rank_run, rank_table
from evaluate.reporting.stage import report_run

__all__ = ["rank", "report", "say_leaderboard"]


def rank(options: argparse.Namespace) -> int:
    """Rank a run, or a table of case scores."""
    chosen = RankOptions(
        bootstrap=options.bootstrap,
        seed=options.seed,
        adjustment=options.adjustment,
        compat=options.compat,
    )
    if options.run_dir is not None and (options.scores, options.out, options.metric) == (None,) * 3:
        result = rank_run(options.run_dir, chosen)
        say_leaderboard(result.rows)
        say(f"next: segjudge report {options.run_dir}")
        return 0
    if options.run_dir is not None or None in (options.scores, options.protocol, options.out):
        raise UsageError(
            Problem(
                where="segjudge rank",
                found="neither a run directory nor a table",
                expected="RUN_DIR, or all of --scores, --protocol and --out",
                mend="`segjudge rank --help` shows both",
            )
        )
    result, notes = rank_table(
        scores=options.scores,
        protocol=load_protocol(options.protocol, other_columns=True),
        out=options.out,
        options=chosen,
        metrics=options.metric,
    )
    for note in notes:
        warn(note)
    say_leaderboard(result.rows)
    say(f"ranking.csv and ranking.json in {options.out}")
    return 0


def report(options: argparse.Namespace) -> int:
    """Write a run's report."""
    with show_progress("report") as progress:
        path = report_run(options.run_dir, manifest_path=options.manifest, progress=progress)
    say(f"report: {path}")
    if options.open:
        webbrowser.open(path.resolve().as_uri())
    return 0


def say_leaderboard(rows: Sequence[RankingRow]) -> None:
    """The places, best first."""
    table(
        "Leaderboard",
        ["team", "place", "mean rank", "DSC", "NSD", "time s", "failed"],
        [
            [
                row.team,
                str(row.rank),
                number(row.mean_rank, 2),
                number(row.value("dsc"), 4),
                number(row.value("nsd"), 4),
                number(row.value("wall_s"), 2),
                str(row.failures),
            ]
            for row in sorted(rows, key=lambda row: (row.rank, row.team))
        ],
    )
