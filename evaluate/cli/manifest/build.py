"""`segjudge manifest build`."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from data_manifest.errors import ManifestError
from data_manifest.findings import Finding, Tell, grouped
from data_manifest.making.source_layouts import SOURCE_LAYOUTS, find_cases
from evaluate.cli.command_arguments import natural
from evaluate.cli.terminal import say, show_progress, warn
from evaluate.facts.errors import UsageError

if TYPE_CHECKING:
    from data_manifest.making.image_pairs import Pair
    from data_manifest.making.source_layouts.source import Source


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge manifest build`."""
    command.add_argument("source", type=Path, nargs="?", help="in a --layout; of pairs, the CSV")
    command.add_argument("out", type=Path)
    command.add_argument("--layout", choices=[*SOURCE_LAYOUTS, "pairs"], help="of SOURCE")
    command.add_argument("--dry-run", action="store_true", help="print what would be made")
    command.add_argument(
        "--prompts",
        action=argparse.BooleanOptionalAction,
        help="make prompts, and cases of one uint8 image with labels numbered from 1; without,"
        " keep each case in its own files (default: prompts for pairs and for a protocol)",
    )
    command.add_argument("--channels", type=_names, default=(), help="NAME,NAME: only these")
    command.add_argument("--fold", type=_names, default=(), help="NAME,NAME: only their cases")
    command.add_argument(
        "--group", type=re.compile, help="expression: what it finds at a case's start is its group"
    )
    command.add_argument("--pairs", type=Path, help="CSV: image,reference,modality[,id,...]")
    command.add_argument("--images", type=Path, help="folder of images")
    command.add_argument("--references", type=Path, help="folder of references of the same names")
    command.add_argument("--modality", help="of all images")
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
    command.add_argument(
        "--protocol", help="whose kinds of prompts are made, by name or file (default: segjudge)"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _source(options: argparse.Namespace, tell: Tell) -> "tuple[Source, list[Pair]]":
    """What is there, and the pairs that it was read from, if it was."""
    from data_manifest.making.chosen_cases import as_source
    from data_manifest.making.image_pairs import pairs_from_csv, pairs_from_folders

    table = options.source if options.layout == "pairs" else options.pairs
    if options.layout not in (None, "pairs"):
        if not options.source.is_dir():
            raise UsageError(
                where=str(options.source), found="no such folder", expected="a data set"
            )
        return find_cases(options.layout, options.source), []
    if table is not None:
        pairs = pairs_from_csv(table, tell=tell)
    else:
        pairs = pairs_from_folders(
            options.images, options.references, modality=options.modality, tell=tell
        )
    return as_source(pairs), pairs


def _check_ways(options: argparse.Namespace) -> None:
    """Nothing, if the arguments name one way to find cases.

    Raises:
        UsageError: none or several are named.
    """
    ways = (
        options.layout is not None,
        options.pairs is not None,
        options.images is not None or options.references is not None,
    )
    whole = ways[2] <= (None not in (options.images, options.references, options.modality))
    if sum(ways) != 1 or not whole or (options.layout is None) != (options.source is None):
        raise UsageError(
            where="segjudge manifest build",
            found="not one way to find images and references",
            expected="--layout and SOURCE, or --pairs, or all of --images, --references and"
            " --modality",
            mend="`segjudge manifest build --help` shows them",
        )


def _check_made(options: argparse.Namespace, *, made: bool) -> None:
    """Nothing, if images and prompts are made, or no argument says how."""
    how = ("margin", "jitter", "remove_small", "crop", "window")
    given = [name.replace("_", "-") for name in how if vars(options)[name]]
    if given and not made:
        raise UsageError(
            where="segjudge manifest build",
            found=f"--{given[0]} where files are kept as they are",
            expected="pairs, or a --layout with --prompts, of which cases are made",
        )


def call(options: argparse.Namespace) -> int:
    """Make cases and a manifest, or show of what they would be made."""
    from data_manifest.making.build import build_manifest
    from data_manifest.making.chosen_cases import as_pairs, chosen
    from data_manifest.making.cvpr25_folders import build_cvpr25
    from data_manifest.making.kept_cases import keep_cases
    from evaluate.cli.manifest.manifest_words import say_left_over, say_source
    from evaluate.facts.rules import load_protocol

    _check_ways(options)
    of_pairs = options.layout in (None, "pairs")
    rules = load_protocol(options.protocol or "segjudge")
    asked = of_pairs or (options.protocol is not None and rules.kinds_of_prompts != ())
    prompted = asked if options.prompts is None else options.prompts
    _check_made(options, made=prompted and options.layout != "cvpr")
    notes: list[Finding] = []
    source, pairs = _source(options, notes.append)
    source = chosen(
        source,
        channels=options.channels,
        folds=options.fold,
        modality=_modality(options),
        group=options.group,
    )
    problems = [finding for finding in source.findings if finding.is_problem]
    if of_pairs:
        pairs = [pair for pair in pairs if not options.fold or pair.fold in options.fold]
    elif prompted:
        pairs, faults = as_pairs(source.cases)
        problems += faults
    if options.dry_run:
        say_source(source)
    say_left_over(source)
    if problems:
        raise ManifestError(*grouped(problems))
    if options.dry_run:
        return 0
    with show_progress("building") as progress:
        if options.layout == "cvpr":
            made = build_cvpr25(options.source, options.out, name=options.name, progress=progress)
        elif not prompted:
            made = keep_cases(
                source.cases, options.out, name=options.name, progress=progress, tell=notes.append
            )
        else:
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
                prompts=rules.kinds_of_prompts,
                rounds=rules.rounds.ahead,
                progress=progress,
                tell=notes.append,
            )
    for note in grouped(notes):
        warn(note)
    say(f"{len(made.cases)} cases in {options.out}; manifest: {options.out / 'manifest.json'}")
    return 0


def _modality(options: argparse.Namespace) -> str:
    """The canonical name of `--modality`; empty where there is none."""
    from data_manifest.manifest import MODALITIES
    from data_manifest.naming import canonical_modality

    if options.modality is None:
        return ""
    canonical = canonical_modality(options.modality)
    if canonical is None:
        expected = f"one of {', '.join(MODALITIES)}"
        raise UsageError(where="--modality", found=repr(options.modality), expected=expected)
    return canonical
