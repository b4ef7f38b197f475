"""`segjudge manifest build`, `verify` and `show`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from data_manifest.errors import ManifestError
from data_manifest.findings import Finding, Tell, grouped
from evaluate.cli.command_arguments import CommandParser, group_command, natural
from evaluate.cli.terminal import say, show_progress, table, warn
from evaluate.facts.errors import UsageError

if TYPE_CHECKING:
    from data_manifest.making.image_pairs import Pair

__all__ = ["add_arguments"]


def add_arguments(group: CommandParser) -> None:
    """The commands of `segjudge manifest`, and their arguments."""
    into = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = group_command(
        into,
        "build",
        "Make cases and a manifest from pairs of images and references.",
        "segjudge manifest build --pairs cases.csv data",
    )
    command.set_defaults(call=build)
    command.add_argument("source", type=Path, nargs="?", help="folder in a --layout")
    command.add_argument("out", type=Path)
    command.add_argument(
        "--layout", choices=["cvpr"], help="of SOURCE; cvpr: imgs/ and gts/ of CVPR 2025, 3D"
    )
    command.add_argument("--pairs", type=Path, help="CSV: image,reference,modality[,id,...]")
    command.add_argument("--images", type=Path, help="folder of images")
    command.add_argument("--references", type=Path, help="folder of references of the same names")
    command.add_argument("--modality", help="of all images in --images")
    command.add_argument("--name", help="of the data set (default: the folder's)")
    command.add_argument("--margin", type=natural, default=0, help="of the prompts, in voxels")
    command.add_argument("--jitter", type=natural, default=0, help="of the prompts, in voxels")
    command.add_argument(
        "--remove-small",
        action="store_true",
        help="take objects under 100 voxels, or 10 pixels a slice, from the references",
    )
    command.add_argument(
        "--crop", action="store_true", help="cut volumes to the slices with an object"
    )
    command.add_argument("--window", type=float, nargs=2, metavar=("LEVEL", "WIDTH"))
    command.add_argument("--seed", type=natural, default=0)
    command = group_command(
        into,
        "verify",
        "Find every missing, altered, surplus or malformed file of a data set.",
        "segjudge manifest verify data/manifest.json",
    )
    command.set_defaults(call=verify)
    command.add_argument("manifest", type=Path)
    command = group_command(
        into, "show", "List a manifest's cases.", "segjudge manifest show data/manifest.json"
    )
    command.set_defaults(call=show)
    command.add_argument("manifest", type=Path)


def _pairs(options: argparse.Namespace, tell: Tell) -> "list[Pair]":
    from data_manifest.making.image_pairs import pairs_from_csv, pairs_from_folders

    folders = (options.images, options.references, options.modality)
    if options.pairs is not None and folders == (None, None, None):
        return pairs_from_csv(options.pairs, tell=tell)
    if options.pairs is not None or None in folders:
        raise UsageError(
            where="segjudge manifest build",
            found="neither a table of pairs nor two folders",
            expected="--pairs, or all of --images, --references and --modality",
            mend="`segjudge manifest build --help` shows both",
        )
    return pairs_from_folders(options.images, options.references, modality=options.modality)


def build(options: argparse.Namespace) -> int:
    """Make cases and a manifest from pairs of images and references."""
    from data_manifest.making.build import build_manifest
    from data_manifest.making.cvpr25_folders import build_cvpr25

    if (options.layout is None) != (options.source is None):
        raise UsageError(
            where="segjudge manifest build",
            found=f"--layout {options.layout} and SOURCE {options.source}",
            expected="both, or neither",
        )
    if options.layout == "cvpr":
        with show_progress("building") as progress:
            made = build_cvpr25(options.source, options.out, name=options.name, progress=progress)
        say(f"{len(made.cases)} cases in {options.out}; manifest: {options.out / 'manifest.json'}")
        return 0
    notes: list[Finding] = []
    pairs = _pairs(options, notes.append)
    with show_progress("building") as progress:
        made = build_manifest(
            pairs,
            options.out,
            name=options.name,
            margin=options.margin,
            jitter=options.jitter,
            seed=options.seed,
            window=tuple(options.window) if options.window else None,
            remove_small=options.remove_small,
            crop=options.crop,
            progress=progress,
            tell=notes.append,
        )
    for note in grouped(notes):
        warn(note)
    say(f"{len(made.cases)} cases in {options.out}; manifest: {options.out / 'manifest.json'}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Name every missing, altered, surplus or malformed file; 2 if there is any."""
    from data_manifest.manifest import load_manifest
    from data_manifest.verify import verify_manifest

    with show_progress("verifying") as progress:
        problems = verify_manifest(options.manifest, progress=progress)
    if problems:
        raise ManifestError(*problems)
    say(f"{options.manifest}: {len(load_manifest(options.manifest).cases)} cases, all intact")
    return 0


def show(options: argparse.Namespace) -> int:
    """List a manifest's cases."""
    from data_manifest.manifest import load_manifest

    manifest = load_manifest(options.manifest)
    table(
        f"{manifest.name}, SHA-256 {manifest.digest()}",
        ["case", "modality", "shape", "spacing mm", "labels", "origin"],
        [
            [
                case.id,
                case.modality,
                " × ".join(map(str, case.shape)),
                " ".join(f"{s:g}" for s in case.spacing_mm) if case.spacing_mm else "not known",
                str(len(case.labels)),
                case.origin,
            ]
            for case in manifest.cases
        ],
    )
    return 0
