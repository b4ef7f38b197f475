"""`segjudge manifest show`."""

import argparse
from pathlib import Path

from evaluate.cli.terminal import table


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The manifest."""
    command.add_argument("manifest", type=Path)


def call(options: argparse.Namespace) -> int:
    """List a manifest's cases."""
    from data_manifest.manifest import load_manifest

    manifest = load_manifest(options.manifest)
    further = {
        "images": [", ".join(case.channels) for case in manifest.cases],
        "group": [case.group for case in manifest.cases],
        "fold": [case.fold for case in manifest.cases],
    }
    told = {name: cells for name, cells in further.items() if any(cells)}
    table(
        f"{manifest.name}, SHA-256 {manifest.digest()}",
        ["case", "modality", "shape", "spacing mm", "labels", "origin", *told],
        [
            [
                case.id,
                case.modality,
                " × ".join(map(str, case.shape)),
                " ".join(f"{s:g}" for s in case.spacing_mm) if case.spacing_mm else "not known",
                str(len(case.labels)),
                case.origin,
                *(cells[number] for cells in told.values()),
            ]
            for number, case in enumerate(manifest.cases)
        ],
    )
    return 0
