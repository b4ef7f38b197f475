"""`segjudge export`."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.cli.command_arguments import CommandParser, group_command
from evaluate.cli.terminal import say, show_progress, warn
from evaluate.facts.errors import Finding

if TYPE_CHECKING:
    from evaluate.facts.rules import Rules


def _image(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._/:-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no image's name, such as registry/name:1.0")
    return text


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no slug, such as ct-image")
    return text


def add_arguments(group: CommandParser) -> None:
    """The platforms, and their arguments."""
    into = group.add_subparsers(title="platforms", metavar="PLATFORM", required=True)
    masks = group_command(
        into, "masks", "A run's masks as NIfTI, for viewers.", "segjudge export masks my-run masks"
    )
    masks.set_defaults(call=_masks)
    masks.add_argument("run_dir", type=Path)
    masks.add_argument("out", type=Path, metavar="OUT", help="new folder")
    masks.add_argument("--team", action="append", default=[], help="only this one; repeatable")
    masks.add_argument("--manifest", type=Path, help="where the data lie now, if moved")
    for name, (summary, call) in _PLATFORMS.items():
        example = f"segjudge export {name} --protocol mine.toml --references gts for-{name}"
        command = group_command(into, name, summary, example)
        command.set_defaults(call=call)
        command.add_argument("out", type=Path, metavar="OUT", help="new folder")
        command.add_argument("--protocol", required=True, help="built-in name or TOML file")
        command.add_argument("--references", type=Path, required=True, help="folder of references")
        if name == "grand-challenge":
            command.add_argument(
                "--socket-in",
                type=_slug,
                default="medical-image",
                help="slug of the algorithm's input, whose image's name is the case's",
            )
            command.add_argument(
                "--socket-out",
                type=_slug,
                default="segmentation",
                help="slug of the output that is the mask",
            )
        else:
            command.add_argument(
                "--image", type=_image, help="what the image is called in your registry"
            )


def _masks(options: argparse.Namespace) -> int:
    from data_manifest.findings import listed
    from evaluate.exporting.masks_of_run import export_masks
    from evaluate.store import RunDirectory

    with show_progress("writing masks") as progress:
        written, without = export_masks(
            RunDirectory.open(options.run_dir),
            options.out,
            teams=options.team,
            manifest_path=options.manifest,
            progress=progress,
        )
    if without:
        warn(Finding(where=str(options.run_dir), found=f"no mask that counts: {listed(without)}"))
    say(f"{written} masks: {options.out}")
    return 0


def _protocol(options: argparse.Namespace) -> "tuple[Rules, str]":
    from evaluate.facts.rules import load_protocol

    rules = load_protocol(options.protocol)
    return rules, getattr(options, "image", None) or f"segjudge-{rules.name}:{rules.version}"


def _done(options: argparse.Namespace) -> int:
    say(f"written: {options.out}")
    say(f"next: {options.out / 'README.md'}")
    return 0


def _codabench(options: argparse.Namespace) -> int:
    from evaluate.exporting.codabench_bundle import export_codabench

    rules, image = _protocol(options)
    export_codabench(
        options.out,
        protocol=rules,
        references=options.references,
        image=image,
        now=datetime.now(UTC),
    )
    return _done(options)


def _grand_challenge(options: argparse.Namespace) -> int:
    from evaluate.exporting.evaluation_image import export_grand_challenge

    rules, _ = _protocol(options)
    export_grand_challenge(
        options.out,
        protocol=rules,
        references=options.references,
        socket_in=options.socket_in,
        socket_out=options.socket_out,
    )
    return _done(options)


def _medperf(options: argparse.Namespace) -> int:
    from evaluate.exporting.medperf_evaluator import export_medperf

    rules, image = _protocol(options)
    export_medperf(options.out, protocol=rules, references=options.references, image=image)
    return _done(options)


_PLATFORMS = {
    "codabench": ("A bundle to upload to Codabench, and the image that scores there.", _codabench),
    "grand-challenge": (
        "An evaluation method for Grand Challenge, with its test.",
        _grand_challenge,
    ),
    "medperf": ("An evaluator for MedPerf.", _medperf),
}
