"""Every command, its options and its example, in one place."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from evaluate.facts.errors import Problem, UsageError
from evaluate.facts.rules import RankedMetric

__all__ = ["parse"]


class _Parser(argparse.ArgumentParser):
    """Wrong use is one of our errors, and `--help` keeps the example's lines."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            Problem(where=self.prog, found=message, mend=f"`{self.prog} --help` shows how")
        )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is not 0 or more")
    return value


def _metric(text: str) -> RankedMetric:
    """Read from the end: the name is another tool's and may have colons of its own."""
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
        expected = "expected NAME, NAME:WEIGHT or NAME:WEIGHT:higher (or lower)"
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; {expected}") from error


_positive.__name__ = _natural.__name__ = "whole number"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Returns:
        The options; `command` names the function of this package to call with them.

    Raises:
        UsageError: an unknown command, option or value.
    """
    parser = _Parser(
        prog="segjudge",
        description="The evaluation harness for medical image segmentation challenges.",
        epilog="example:\n  segjudge demo        # the whole way, on demo data, in one command",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, summary: str, example: str, command: str, into: Any = commands) -> _Parser:
        made: _Parser = into.add_parser(
            name, help=summary, description=summary, epilog=f"example:\n  {example}"
        )
        made.set_defaults(command=command)
        return made

    _add_running(add)
    _add_scoring(add)
    _add_checking(add)
    _add_data(add, commands)
    return parser.parse_args(arguments)


def _sandbox(command: _Parser) -> None:
    command.add_argument(
        "--sandbox",
        metavar="NAME",
        default="auto",
        help="docker; local (a subprocess, not isolated, not for official scores);"
        " auto: docker where an engine answers; or another package's",
    )
    command.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for the ARGs of a Dockerfile, where a submission is a folder to build; repeatable",
    )
    command.add_argument(
        "--runtime",
        help="of the engine, for the containers, such as gVisor's runsc or Kata's kata-runtime"
        " (default: the engine's own)",
    )


def _add_running(add: Any) -> None:
    command = add(
        "demo",
        "Demo data, the shipped participants, scores, ranking and report in one command.",
        "segjudge demo demo-run",
        "demo.demo",
    )
    command.add_argument("run_dir", type=Path, nargs="?", default=Path("demo-run"))
    command.add_argument("--data", type=Path, help="folder of the demo data (default: beside it)")
    command.add_argument("--seed", type=_natural, default=0)
    _sandbox(command)

    command = add(
        "run",
        "Run submissions on every case of a manifest; continues a run that was cut off.",
        "segjudge run --manifest data/manifest.json --protocol cvpr24"
        " --submission alpha=alpha.tar.gz --submission beta=beta.tar.gz my-run",
        "run.run",
    )
    command.add_argument("run_dir", type=Path)
    command.add_argument("--manifest", type=Path, required=True)
    command.add_argument("--protocol", required=True, help="built-in name, or a TOML file")
    command.add_argument(
        "--submission",
        action="append",
        required=True,
        metavar="NAME=REF",
        help="REF: image.tar[.gz], image reference, or folder with predict.sh; repeatable",
    )
    command.add_argument("--seed", type=_natural, default=0, help="of the order of turns")
    command.add_argument(
        "--jobs",
        type=_positive,
        default=1,
        help="containers at a time; with more than one, times can't be compared",
    )
    _sandbox(command)

    command = add(
        "report",
        "Write report/index.html of a run that is scored and ranked.",
        "segjudge report my-run --open",
        "ranking.report",
    )
    command.add_argument("run_dir", type=Path)
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--open", action="store_true", help="show it in the browser")


def _add_scoring(add: Any) -> None:
    command = add(
        "score",
        "Score a run directory, or a folder of predictions against a folder of references.",
        "segjudge score --references gts --predictions segs --protocol cvpr24 --out scores",
        "scoring.score",
    )
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--manifest", type=Path, help="where the run's data lie now, if moved")
    command.add_argument("--references", type=Path, help="folder of references, one file a case")
    command.add_argument("--predictions", type=Path, help="folder of masks, as the protocol says")
    command.add_argument("--protocol", help="built-in name or TOML file (default: the run's own)")
    command.add_argument("--out", type=Path, help="folder of the tables")
    command.add_argument("--jobs", type=_positive, help="processes (default: one a CPU)")

    command = add(
        "rank",
        "Rank the teams of a scored run, or of a table of case scores.",
        "segjudge rank my-run",
        "ranking.rank",
    )
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--scores", type=Path, help="a case_scores.csv")
    command.add_argument("--protocol", help="built-in name or TOML file (default: the run's own)")
    command.add_argument("--out", type=Path, help="folder of ranking.csv and ranking.json")
    command.add_argument(
        "--metric",
        type=_metric,
        action="append",
        metavar="NAME[:WEIGHT][:higher|:lower]",
        help="with --scores: rank by these columns instead of the protocol's; another tool's column"
        " needs its direction; repeatable",
    )
    command.add_argument("--bootstrap", type=_natural, default=1000, help="replicates")
    command.add_argument("--seed", type=_natural, help="of the bootstrap (default: the run's)")
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


def _add_checking(add: Any) -> None:
    command = add(
        "init",
        "Write a new submission's folder, which passes `check` as it is.",
        "segjudge init my-team",
        "init.init",
    )
    command.add_argument("name", type=Path, metavar="NAME", help="the new folder")
    command.add_argument("--protocol", default="cvpr24", help="built-in name, or a TOML file")

    command = add(
        "check",
        "Check a submission as the organiser's run would treat it, and say what to mend.",
        "segjudge check my-image.tar.gz",
        "check.check",
    )
    command.add_argument("reference", metavar="REF")
    command.add_argument(
        "--manifest", type=Path, help="cases of your own (default: the sanity cases)"
    )
    command.add_argument("--protocol", default="cvpr24")
    command.add_argument("--static", action="store_true", help="look at it, and run nothing")
    command.add_argument("--json", type=Path, metavar="FILE", help="all findings, as data")
    command.add_argument("--html", type=Path, metavar="FILE", help="a page with pictures")
    _sandbox(command)

    command = add(
        "audit",
        "Check that a run's files are what was run, and that its scores and ranks still hold.",
        "segjudge audit my-run --rerun --sample 20 --bundle my-run.zip",
        "audit.audit",
    )
    command.add_argument(
        "--published", type=Path, metavar="FILE", help="check a paper's table (CSV) instead"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="with --published: its result")
    command.add_argument("run_dir", type=Path, nargs="?")
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--jobs", type=_positive, help="processes (default: one a CPU)")
    command.add_argument("--rerun", action="store_true", help="run the submissions again, twice")
    command.add_argument(
        "--sample",
        type=_positive,
        metavar="N",
        help="with --rerun: so many cases, each modality with its share (default: all)",
    )
    command.add_argument("--seed", type=_natural, default=0, help="of the sample")
    command.add_argument(
        "--bundle", type=Path, metavar="FILE", help="write the evidence for others, a zip file"
    )
    command.add_argument("--include-images", action="store_true", help="put the inputs in it")
    command.add_argument("--include-references", action="store_true", help="and the references")
    command.add_argument(
        "--sign", type=Path, metavar="KEYFILE", help="sign it with this Ed25519 private key"
    )
    command.add_argument(
        "--verify", type=Path, metavar="FILE", help="check a bundle, with nothing else at hand"
    )
    command.add_argument(
        "--key", type=Path, metavar="PUBLIC", help="with --verify: who must have signed it"
    )
    command.add_argument(
        "--references", type=Path, metavar="DIR", help="with --verify: references to score by"
    )
    _sandbox(command)

    command = add(
        "compare",
        "Say which of two submissions is better, by how much, and how sure that is.",
        "segjudge compare run-1 run-2 --team alpha --html compare.html",
        "compare.compare",
    )
    command.add_argument("run_a", type=Path, metavar="RUN_A")
    command.add_argument("run_b", type=Path, metavar="RUN_B", help="may be the same as RUN_A")
    command.add_argument("--team", metavar="X", help="of RUN_A (default: all that both hold)")
    command.add_argument(
        "--with", dest="with_team", metavar="Y", help="the team of RUN_B (default: the same)"
    )
    command.add_argument("--json", type=Path, metavar="FILE")
    command.add_argument("--html", type=Path, metavar="FILE", help="a page with pictures")
    command.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    command.add_argument("--bootstrap", type=_positive, default=2000, help="replicates")
    command.add_argument("--seed", type=_natural, default=0, help="of the bootstrap")

    command = add(
        "doctor",
        "Say what works on this machine: engine, cgroups, memory, disk, clock.",
        "segjudge doctor",
        "doctor.doctor",
    )
    command.add_argument("--engine", action="store_true", help="only whether an engine answers")
    command.add_argument("--json", type=Path, metavar="FILE", help="the findings, as a file")


def _add_data(add: Any, commands: Any) -> None:
    group = commands.add_parser("manifest", help="Build, verify or show a manifest.")
    into = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = add(
        "build",
        "Make cases and a manifest from pairs of images and references.",
        "segjudge manifest build --pairs cases.csv data",
        "manifest.build",
        into,
    )
    command.add_argument("out", type=Path)
    command.add_argument("--pairs", type=Path, help="CSV: image,reference,modality[,id,...]")
    command.add_argument("--images", type=Path, help="folder of images")
    command.add_argument("--references", type=Path, help="folder of references of the same names")
    command.add_argument("--modality", help="of all images in --images")
    command.add_argument("--name", help="of the data set (default: the folder's)")
    command.add_argument("--margin", type=_natural, default=0, help="of the prompts, in voxels")
    command.add_argument("--jitter", type=_natural, default=0, help="of the prompts, in voxels")
    command.add_argument(
        "--remove-small",
        action="store_true",
        help="take objects under 100 voxels, or 10 pixels a slice, from the references",
    )
    command.add_argument(
        "--crop", action="store_true", help="cut volumes to the slices with an object"
    )
    command.add_argument("--window", type=float, nargs=2, metavar=("LEVEL", "WIDTH"))
    command.add_argument("--seed", type=_natural, default=0)
    command = add(
        "verify",
        "Find every missing, altered, surplus or malformed file of a data set.",
        "segjudge manifest verify data/manifest.json",
        "manifest.verify",
        into,
    )
    command.add_argument("manifest", type=Path)
    command = add(
        "show",
        "List a manifest's cases.",
        "segjudge manifest show data/manifest.json",
        "manifest.show",
        into,
    )
    command.add_argument("manifest", type=Path)

    group = commands.add_parser("protocol", help="List or show protocols.")
    into = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add("list", "List the built-in protocols.", "segjudge protocol list", "protocol.names", into)
    command = add(
        "show",
        "Print a protocol whole, as TOML.",
        "segjudge protocol show cvpr24 > mine.toml",
        "protocol.show",
        into,
    )
    command.add_argument("name")
