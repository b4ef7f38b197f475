"""What a run may begin with: intact data, and what stands in its directory from before."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from data_manifest.errors import ManifestError
from data_manifest.manifest import Manifest, sha256_of
from evaluate.cluster import ClusterAddress
from evaluate.documents.run import RunDocument, rules_key
from evaluate.documents.run_parts import ManifestReference, StageRules
from evaluate.facts.errors import Finding, RunDirectoryError, UsageError
from evaluate.facts.machine import Machine
from evaluate.facts.rules import Rules
from evaluate.sandbox.models import parted
from evaluate.store import RunDirectory


def check_data(manifest_path: Path, manifest: Manifest, protocol: Rules) -> None:
    """Every inputs file is there, unaltered, and has the prompts that the protocol asks for."""
    problems = []
    for case, entry in ((each, entry) for each in manifest.cases for entry in each.inputs):
        path = manifest_path.parent / entry.path
        missing = sorted(set(protocol.prompts) - set(case.prompts))
        if not path.is_file():
            fault = "no such file"
        elif sha256_of(path) != entry.sha256:
            fault = "another file than when the manifest was made (its SHA-256 differs)"
        elif missing:
            fault = f"has no {', '.join(missing)}, which protocol {protocol.name} asks for"
        elif refusal := protocol.layout.refusal(case):
            fault = f"{refusal} (protocol {protocol.name})"
        else:
            continue
        mend = f"`segjudge manifest verify {manifest_path}` lists every problem"
        problems.append(Finding(where=str(path), found=fault, mend=mend))
    if problems:
        raise ManifestError(*problems)


def take_up(
    run: RunDirectory,
    manifest_path: Path,
    manifest: Manifest,
    protocol: Rules,
    seed: int,
    machine: Machine,
    now: Callable[[], datetime],
) -> RunDocument:
    """Write run.json, after checking that an existing one is of the same data."""
    document = RunDocument(
        segjudge=machine.versions["segjudge"],
        created_at=now().isoformat(timespec="seconds"),
        seed=seed,
        manifest=ManifestReference(
            name=manifest.name,
            sha256=manifest.digest(),
            path=str(manifest_path.resolve()),
            cases=len(manifest.cases),
        ),
        rules={rules_key(protocol): protocol},
        stages=StageRules(run=rules_key(protocol)),
        machines={machine.key: machine},
    )
    if run.exists:
        document = _continued(document, run.document(), where=run.root)
    run.write_run_document(document)
    run.write_manifest(manifest)
    return document


def _continued(new: RunDocument, old: RunDocument, *, where: Path) -> RunDocument:
    """The facts of a run that is taken up again, with what holds on of those before.

    Raises:
        RunDirectoryError: it was a run on other data.
    """
    if old.manifest.sha256 != new.manifest.sha256:
        raise RunDirectoryError(
            where=str(where),
            found=f"a run on other data ({old.manifest.path})",
            expected=f"a run on {new.manifest.path}",
            mend="choose another run directory",
        )
    merged = msgspec.structs.replace(
        new,
        created_at=old.created_at,
        submissions=old.submissions,
        rules={**old.rules, **new.rules},
        machines={key: m for key, m in old.machines.items() if key not in new.machines}
        | new.machines,
        calibration=old.calibration,
    )
    if old.stages.run != new.stages.run:
        return merged
    # What later stages noted holds on: they compare it with what has run by then.
    return msgspec.structs.replace(
        merged,
        stages=old.stages,
        scored_from=old.scored_from,
        ranking=old.ranking,
        ranked_from=old.ranked_from,
    )


def refuse_models(
    references: Mapping[str, str], protocol: Rules, cluster: ClusterAddress | None
) -> None:
    """A model folder that no container would see is a mistake."""
    reason = ""
    if protocol.container.model is None:
        reason = f"and protocol {protocol.name} has no place for one (`container.model`)"
    elif cluster is not None:
        reason = "which is not sent to the machines of a cluster"
    problems = [
        Finding(
            where=f"--submission {team}={reference}",
            found=f"a model folder, {reason}",
            expected="an image that holds its model",
        )
        for team, reference in references.items()
        if reason and parted(reference)[1] is not None
    ]
    if problems:
        raise UsageError(*problems)
