"""The run's copy of the manifest, read so that an order which changes nothing is no problem."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from data_manifest.errors import ManifestError
from data_manifest.findings import Cell, Finding, Severity
from data_manifest.manifest import Manifest, load_manifest, save_manifest
from evaluate.auditing.table_cells import differing_leaves
from evaluate.documents.audit import Cause
from evaluate.sandbox.scratch import scratch_folder


def read_manifest(
    path: Path, *, digest: str, others: Sequence[Path] = ()
) -> tuple[Manifest, list[Finding]]:
    """Read the manifest that a run was made on.

    The data's own manifests stand in for a copy that was changed.

    Returns:
        The manifest, and what was found.

    Raises:
        ManifestError: it can't be read at all.
    """
    manifest = manifest_in_order(path)
    own = {}
    for other in others:
        with suppress(ManifestError):  # the run's copy is what counts
            own[other] = manifest_in_order(other)
    intact = next((other for other in own.values() if other.digest() == digest), None)
    if manifest.digest() == digest:
        alike = [other for other, read in own.items() if read is intact]
        orders = [
            _order(path, path.name),
            *(_order(one, f"the data's {one.name}") for one in alike),
        ]
        return manifest, [finding for order in orders for finding in order]
    cells: tuple[Cell, ...] = ()
    if intact is not None:
        cells = tuple(differing_leaves(path.name, _by_case(intact), _by_case(manifest)))
    finding = Finding(
        code=Cause.MANIFEST,
        where=cells[0].where if len(cells) == 1 else path.name,
        expected=cells[0].recorded if len(cells) == 1 else f"cases of SHA-256 {digest}",
        found=cells[0].found if len(cells) == 1 else f"cases of SHA-256 {manifest.digest()}",
        cells=cells,
    )
    return intact or manifest, [finding]


def manifest_in_order(path: Path) -> Manifest:
    """Read a manifest whose cases may be in any order.

    Raises:
        ManifestError: it can't be read, or is wrong in another way.
    """
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return load_manifest(path)  # which says what is wrong with it
    cases = tuple(sorted(manifest.cases, key=lambda case: case.id))
    if cases == manifest.cases:
        return load_manifest(path)
    with scratch_folder() as folder:
        copy = folder / path.name
        save_manifest(msgspec.structs.replace(manifest, cases=cases), copy)
        return load_manifest(copy)  # whatever else is wrong with it is refused as ever


def _order(path: Path, name: str) -> list[Finding]:
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    identifiers = [case.id for case in manifest.cases]
    if identifiers == sorted(identifiers):
        return []
    return [
        Finding(
            code=Cause.REORDERED,
            where=name,
            expected="cases in the order of their names",
            found="the same cases in another order: harmless",
            severity=Severity.NOTE,
        )
    ]


def _by_case(manifest: Manifest) -> dict[str, object]:
    return {case.id: msgspec.to_builtins(case) for case in manifest.cases}
