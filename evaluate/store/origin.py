"""What a run directory was made from: its data and its rules."""

from pathlib import Path

from data_manifest.manifest import Manifest, load_manifest
from evaluate.facts.errors import RunDirectoryError
from evaluate.facts.rules import Rules
from evaluate.store.directory import RunDirectory


def data_of(run: RunDirectory, manifest_path: Path | None) -> tuple[Manifest, Path]:
    """The run's manifest (its own copy) and the folder of its data.

    Raises:
        RunDirectoryError: `manifest_path` is of other data.
    """
    manifest = load_manifest(run.root / "manifest.json")
    if manifest_path is None:
        return manifest, Path(run.document().manifest.path).parent
    if load_manifest(manifest_path).digest() != manifest.digest():
        raise RunDirectoryError(
            where=f"--manifest {manifest_path}",
            found="a manifest of other data",
            expected=f"the one that {run.root} was run on",
        )
    return manifest, manifest_path.parent


def protocol_of(run: RunDirectory) -> Rules:
    """The rules that a run directory is scored and ranked by."""
    return run.document().rules_of("score")
