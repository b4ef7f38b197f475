"""`segjudge rank`."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.cli.command_arguments import natural
from evaluate.cli.terminal import say, say_next, warn
from evaluate.facts.errors import Finding, UsageError

if TYPE_CHECKING:
    from evaluate.facts.ranking_rules import RankedMetric
    from evaluate.ranking.score_table import Missing

_MISSING: "dict[str, Missing]" = {"failure": "failure", "leave-out": "undefined"}


def _ranked_metric(text: str) -> "RankedMetric":
    """Read from the end: the name is another tool's and may have colons of its own."""
    import msgspec

    from evaluate.facts.ranking_rules import RankedMetric

    name, direction = text, None
    head, _, last = name.rpartition(":")
    if head and last in ("higher", "lower"):
        name, direction = head, last
    weight = 1.0
    head, _, last = name.rpartition(":")
    try:
        # What is no number is a part of another tool's name.
        if head and (direction is None or re.fullmatch(r"[0-9.eE+-]+", last.strip())):
            name, weight = head, float(last)
        metric = {"name": name.strip(), "weight": weight, "direction": direction}
        return msgspec.convert(metric, RankedMetric)
    except (ValueError, msgspec.ValidationError) as error:
        expected = "expected NAME, NAME:WEIGHT (above 0) or NAME:WEIGHT:higher (or lower)"
        raise argparse.ArgumentTypeError(f"{text!r}; {expected}") from error


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge rank`."""
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--scores", type=Path, help="a case_scores.csv")
    command.add_argument("--protocol", help="with --scores: built-in name or TOML file")
    command.add_argument("--out", type=Path, help="folder of ranking.csv and ranking.json")
    command.add_argument(
        "--metric",
        type=_ranked_metric,
        action="append",
        metavar="NAME[:WEIGHT][:higher|:lower]",
        help="with --scores: rank by these columns instead of the protocol's; another tool's column"
        " needs its direction; repeatable",
    )
    command.add_argument(
        "--missing",
        choices=tuple(_MISSING),
        help="with --scores: what an empty cell is where other teams have a value: the team's"
        " failure, last in its case; or no value, and the case is left out for all teams (default:"
        " a failure, unless the table has a column `outcome`)",
    )
    command.add_argument("--bootstrap", type=natural, default=1000, help="replicates")
    command.add_argument("--seed", type=natural, help="of the bootstrap (default: the run's)")
    command.add_argument(
        "--adjustment",
        choices=("holm", "bh", "none"),
        help="of the tests' p-values for many pairs of teams (default: the protocol's)",
    )
    command.add_argument(
        "--compat",
        choices=("challenger",),
        help="repeat known errors of challengeR 1.0.5 in the bootstrap, to compare with it",
    )


def call(options: argparse.Namespace) -> int:
    """Rank a run, or a table of case scores."""
    from evaluate.cli.rank_words import say_leaderboard
    from evaluate.cli.run_words import warn_of_machines
    from evaluate.facts.rules import load_protocol
    from evaluate.ranking.stage import RankOptions, rank_run, rank_table
    from evaluate.store import RunDirectory

    chosen = RankOptions(
        bootstrap=options.bootstrap,
        seed=options.seed,
        adjustment=options.adjustment,
        compat=options.compat,
    )
    of_a_table = ("scores", "protocol", "out", "metric", "missing")
    given = [name for name in of_a_table if vars(options)[name] is not None]
    if options.run_dir is not None and not given:
        result = rank_run(options.run_dir, chosen)
        for note in result.notes:
            warn(Finding(where=str(options.run_dir), found=note))
        run = RunDirectory.open(options.run_dir)
        say_leaderboard(result, run.document().rules_of("score").scoring)
        warn_of_machines(run)
        say_next("report", options.run_dir)
        return 0
    if options.run_dir is not None or None in (options.scores, options.protocol, options.out):
        raise UsageError(
            where="segjudge rank",
            found=f"RUN_DIR with --{given[0]}"
            if options.run_dir is not None
            else "neither a run directory nor a table",
            expected="RUN_DIR alone (a run is ranked by the rules that it was scored by:"
            " `segjudge score RUN_DIR --protocol ...`), or all of --scores, --protocol and --out",
            mend="`segjudge rank --help` shows both",
        )
    result, notes = rank_table(
        scores=options.scores,
        protocol=load_protocol(options.protocol, other_columns=True),
        out=options.out,
        options=chosen,
        metrics=options.metric,
        missing=_MISSING[options.missing] if options.missing else None,
    )
    for note in (*notes, *result.notes):
        warn(Finding(where=str(options.scores), found=note))
    say_leaderboard(result)
    say(f"ranking.csv and ranking.json in {options.out}")
    return 0
