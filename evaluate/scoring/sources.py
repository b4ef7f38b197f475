"""Where the cases to score come from: a run directory, or two folders of npz files."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from data_manifest.errors import CaseFileError, SegjudgeError
from data_manifest.layouts import read_reference_header
from data_manifest.manifest import Manifest, sha256_of
from data_manifest.naming import parse_case_name
from evaluate.facts.attempts import RunRecord
from evaluate.facts.errors import Problem, RunDirectoryError, UsageError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Limits
from evaluate.facts.scoring_rules import MEASURED
from evaluate.scoring.jobs import ScoringJob
from evaluate.store import JournalEntry, RunDirectory

__all__ = ["jobs_of_folders", "jobs_of_run", "prices_of_failure"]


def jobs_of_run(
    run: RunDirectory,
    journal: Mapping[tuple[str, str, int], JournalEntry],
    *,
    manifest: Manifest,
    data_root: Path,
    teams: list[str],
    limits: Limits,
) -> list[ScoringJob]:
    """Every case of every team; one that was not run yet counts as an error of the harness.

    Args:
        run: where predictions are.
        journal: what was run.
        manifest: the cases.
        data_root: where their references are.
        teams: whose.
        limits: that the run had, which price a failure.

    Raises:
        RunDirectoryError: references or predictions are missing or altered; all are named.
    """
    problems = _altered_references(manifest, data_root) + _altered_predictions(run, journal)
    if problems:
        raise RunDirectoryError(*problems)
    prices = prices_of_failure(limits, [entry.record for entry in journal.values()])
    jobs = []
    for team in teams:
        for case in manifest.cases:
            entry = journal.get((team, case.id, 0))
            record = entry.record if entry else None
            path = run.prediction_path(team, case.id)
            jobs.append(
                ScoringJob(
                    team=team,
                    case=case.id,
                    modality=case.modality,
                    dimension=case.dimension,
                    reference=data_root / case.reference.path,
                    prediction=path if path.exists() else None,
                    outcome=record.outcome if record else Outcome.HARNESS_ERROR,
                    reason=record.reason if record else "not run yet",
                    measured={name: getattr(record, name) for name in MEASURED} if record else {},
                    prices=prices,
                    judged=True,
                )
            )
    return jobs


def prices_of_failure(limits: Limits, records: Iterable[RunRecord]) -> dict[str, float]:
    """What time and memory count for a failed case: the limit, and no less than any result has.

    Without a limit of its own, CPU time has that of the time. Where a sandbox can't enforce a limit
    a result may lie above it, and a failure must not be the cheaper one.
    """
    limit = {
        "wall_s": limits.timeout_s,
        "cpu_s": limits.timeout_s * (limits.cpus or 1.0),
        "peak_memory_mib": float(limits.memory_mib),
    }
    for record in records:
        if record.outcome is Outcome.OK:
            limit = {name: max(limit[name], getattr(record, name) or 0.0) for name in limit}
    return limit


def _altered_references(manifest: Manifest, data_root: Path) -> list[Problem]:
    problems = []
    for case in manifest.cases:
        path = data_root / case.reference.path
        found = "no such file"
        if path.is_file():
            if sha256_of(path) == case.reference.sha256:
                continue
            found = "another file than when the manifest was made (its SHA-256 differs)"
        problems.append(
            Problem(
                where=str(path),
                found=found,
                expected=f"the reference of case {case.id}",
                mend="put it back, or name the data's manifest with `--manifest`",
            )
        )
    return problems


def _altered_predictions(
    run: RunDirectory, journal: Mapping[tuple[str, str, int], JournalEntry]
) -> list[Problem]:
    problems = []
    for (team, case, _), entry in journal.items():
        path = run.prediction_path(team, case)
        found = sha256_of(path) if path.is_file() else None
        if found != entry.prediction_sha256:
            problems.append(
                Problem(
                    where=str(path),
                    found="not the file that the run left",
                    expected=f"SHA-256 {entry.prediction_sha256}, found {found}",
                    mend="`segjudge run` with the same arguments runs this case again",
                )
            )
    return problems


def jobs_of_folders(
    references: Path, predictions: Path, *, output_format: str = "npz"
) -> tuple[list[ScoringJob], list[str]]:
    """The cases of `references/*.npz`, answered by files of the same name in `predictions`.

    Modality and dimension come from the file name (`2DBox_CT_001.npz`).

    Args:
        references: the folder of references.
        predictions: the folder of predictions.
        output_format: the ending of the predictions' names.

    Returns:
        The jobs, sorted by case, and warnings in words.

    Raises:
        UsageError: a folder is missing or has no cases.
        CaseFileError: references that can't be scored against; all are named.
    """
    for option, folder in (("--references", references), ("--predictions", predictions)):
        if not folder.is_dir():
            raise UsageError(
                Problem(where=f"{option} {folder}", found="no such folder", expected="npz files")
            )
    files = sorted(path for path in references.glob("*.npz") if path.is_file())
    if not files:
        raise UsageError(
            Problem(
                where=f"--references {references}",
                found="no .npz file",
                expected="one file a case, with the array `gts`",
            )
        )
    team = re.sub(r"[^A-Za-z0-9._-]+", "-", predictions.resolve().name).strip("-.") or "submission"
    jobs: list[ScoringJob] = []
    warnings: list[str] = []
    problems: list[Problem] = []
    for path in files:
        name = parse_case_name(path.stem)
        if name.modality == "unknown":
            warnings.append(f"{path.name}: the name tells no modality; it counts as `unknown`")
        try:
            axes = _axes_of_reference(path)
        except SegjudgeError as error:
            problems += error.problems
            continue
        dimension = f"{axes}D"
        if name.dimension != dimension:
            warnings.append(f"{path.name}: named {name.dimension}, but its array is {dimension}")
        answer = predictions / f"{path.stem}.{output_format}"
        jobs.append(
            ScoringJob(
                team=team,
                case=path.stem,
                modality=name.modality,
                dimension=dimension,
                reference=path,
                prediction=answer if answer.exists() or answer.is_symlink() else None,
            )
        )
    if problems:
        raise CaseFileError(*problems)
    found = {p.name for p in predictions.glob(f"*.{output_format}")}
    surplus = sorted(found - {f"{p.stem}.{output_format}" for p in files})
    if surplus:
        shown = ", ".join(surplus[:5]) + (", ..." if len(surplus) > 5 else "")
        warnings.append(f"{len(surplus)} predictions have no reference and are ignored: {shown}")
    return jobs, warnings


def _axes_of_reference(path: Path) -> int:
    """Check a reference by its headers and spacing before hours of scoring depend on it."""
    shape, spacing_mm = read_reference_header(path)
    if len(shape) == 3 and spacing_mm is None:
        raise CaseFileError(
            Problem(
                where=str(path),
                found="no array `spacing`",
                expected="the spacing in mm, in x, y, z order, of a 3D case",
                mend="add it to the file: NSD can't be measured without",
            )
        )
    return len(shape)
