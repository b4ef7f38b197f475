"""The commands by name; each has a file of its own here, with its arguments and its call.

A group of commands is a package, whose `COMMANDS` are its own.

A file is imported only when its command is called: no command waits for another one's libraries.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from evaluate.cli.command_arguments import CommandParser

COMMANDS = {
    "demo": (
        "Demo data, the shipped participants, scores, ranking and report in one command.",
        "segjudge demo demo-run",
    ),
    "run": (
        "Run submissions on every case of a manifest; continues a run that was cut off.",
        "segjudge run --manifest data/manifest.json --protocol cvpr24"
        " --submission alpha=alpha.tar.gz --submission beta=beta.tar.gz my-run",
    ),
    "worker": (
        "Make this machine one slot of a cluster, for `run --cluster` of another.",
        "segjudge worker tls://head:8786 --tls certificates",
    ),
    "score": (
        "Score a run directory, or a folder of predictions against a folder of references.",
        "segjudge score --references gts --predictions segs --protocol cvpr24 --out scores",
    ),
    "rank": (
        "Rank the teams of a scored run, or of a table of case scores.",
        "segjudge rank my-run",
    ),
    "report": (
        "Write report/index.html of a run; scores and ranks it first if that was never done.",
        "segjudge report my-run --open",
    ),
    "init": (
        "Write a new submission's folder, which passes `check` as it is.",
        "segjudge init my-team",
    ),
    "check": (
        "Check a submission as the organiser's run would treat it, and say what to mend.",
        "segjudge check my-image.tar.gz",
    ),
    "audit": (
        "Check that a run's files are what was run, and that its scores and ranks still hold.",
        "segjudge audit my-run --rerun --sample 20",
    ),
    "bundle": (
        "Write a run's evidence for others as one file.",
        "segjudge bundle my-run my-run.zip --sign key.pem",
    ),
    "verify": (
        "Check a bundle, with nothing else at hand.",
        "segjudge verify my-run.zip --key public.pem --references references",
    ),
    "published": (
        "Check a paper's table by itself, or against a run.",
        "segjudge published table.csv my-run",
    ),
    "compare": (
        "Say which of two submissions is better, by how much, and how sure that is.",
        "segjudge compare run-1 run-2 --team alpha --html compare.html",
    ),
    "doctor": (
        "Say what works on this machine: engine, cgroups, memory, disk, clock.",
        "segjudge doctor",
    ),
    "try": (
        "Open an image on a page of this machine, draw a prompt, and see a submission answer.",
        "segjudge try my-team photo.png",
    ),
    "board": (
        "Run a challenge over months: take submissions as they come, and publish its site.",
        "segjudge board take my-challenge --watch",
    ),
    "manifest": (
        "Build, verify or show a manifest.",
        "segjudge manifest build --pairs cases.csv data",
    ),
    "export": (
        "Write a challenge as Codabench, Grand Challenge or MedPerf take it.",
        "segjudge export codabench --protocol mine.toml --references gts for-codabench",
    ),
    "completion": (
        "Print what makes a shell complete segjudge's commands and options.",
        "segjudge completion bash > ~/.local/share/bash-completion/completions/segjudge",
    ),
    "protocol": ("List or show protocols.", "segjudge protocol show cvpr24 > mine.toml"),
}
"""What each is for, and an example."""


_MODULES = {"try": "try_page"}
"""Of commands that Python has another use for."""


class _Version(argparse.Action):
    """Looked up only where it is asked for: reading a package's metadata takes its time."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from evaluate.facts.machine import installed_version

        text = installed_version("segjudge") or "of a checkout that is not installed"
        sys.stdout.write(f"segjudge {text}\n")
        parser.exit()


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Returns:
        The options; `call` is the command's function, to be called with them.

    Raises:
        UsageError: an unknown command, option or value.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    return whole_parser(words).parse_args(words)


def whole_parser(words: Sequence[str] | None = None) -> CommandParser:
    """The command line's parser.

    Args:
        words: the command of which it knows the arguments; without, it knows those of all, which
            take a while.
    """
    parser = CommandParser(
        prog="segjudge",
        description="The evaluation harness for medical image segmentation challenges.",
        epilog="example:\n  segjudge demo        # the whole way, on demo data, in one command",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is")
    _add_commands(parser, sys.modules[__name__], "evaluate.cli", words)
    return parser


def _add_commands(
    parser: argparse.ArgumentParser, group: ModuleType, package: str, words: Sequence[str] | None
) -> None:
    """The commands of a group; one that is a package is a group itself."""
    title = getattr(group, "TITLE", "commands")
    into = parser.add_subparsers(title=title, metavar=title[:-1].upper(), required=True)
    for name, (summary, example) in group.COMMANDS.items():
        command = into.add_parser(
            name, help=summary, description=summary, epilog=f"example:\n  {example}"
        )
        if words is not None and name not in words[:1]:
            continue
        module = import_module(f"{package}.{_MODULES.get(name, name.replace('-', '_'))}")
        if hasattr(module, "COMMANDS"):
            _add_commands(command, module, module.__name__, words and words[1:])
        else:
            command.set_defaults(call=module.call)
            module.add_arguments(command)
