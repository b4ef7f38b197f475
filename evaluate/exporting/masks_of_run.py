"""A run's masks as files that viewers open: NIfTI, in the place of the case's reference."""

from collections.abc import Collection
from pathlib import Path

from data_manifest.layouts import (
    VIEWABLE,
    BadPrediction,
    read_reference,
    write_viewable_mask,
)
from data_manifest.progress import Progress, silent
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.turns import Turn
from evaluate.store import RunDirectory
from evaluate.store.origin import data_of, protocol_of


def export_masks(
    run: RunDirectory,
    out: Path,
    *,
    teams: Collection[str] = (),
    manifest_path: Path | None = None,
    progress: Progress = silent,
) -> tuple[int, list[str]]:
    """Write a file `OUT/TEAM/CASE…` for every mask that counts.

    Args:
        run: scored or not.
        out: new or empty folder.
        teams: only these; all without one.
        manifest_path: of the data, where they lie elsewhere now.
        progress: told before the first and after every case.

    Returns:
        How many were written, and team and case of those that have no mask.

    Raises:
        UsageError: the run has no such team, or the folder holds something.
        CaseFileError: a reference is missing or can't be read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(where=str(out), found="not empty", expected="a new folder")
    manifest, root = data_of(run, manifest_path)
    rules = protocol_of(run)
    known = sorted({attempt.team for attempt in run.attempts()})
    unknown = sorted(set(teams) - set(known))
    if unknown:
        fault = f"no team {', '.join(unknown)}"
        finding = Finding(where=str(run.root), found=fault, expected=f"one of {', '.join(known)}")
        raise UsageError(finding)
    chosen = [team for team in known if not teams or team in teams]
    written, without = 0, []
    progress(0, len(manifest.cases), "writing masks")
    for done, case in enumerate(manifest.cases, start=1):
        affine = read_reference(root / case.reference.path).affine
        for team in chosen:
            path = run.files_of(Turn(team=team, case=case.id, round=run.last_round))[0]
            labels = None
            if path.is_file():
                labels = rules.read_mask(path, case)
            if labels is None or isinstance(labels, BadPrediction):
                without.append(f"{team}, {case.id}")
                continue
            target = out / team / f"{case.id}{VIEWABLE}"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_viewable_mask(target, labels, spacing_mm=case.spacing_mm, affine=affine)
            written += 1
        progress(done, len(manifest.cases), case.id)
    return written, without
