"""Two folders of masks that were made elsewhere: which prediction answers which reference.

The folders are the organiser's own: sub-folders are looked into, and links are followed.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from data_manifest.errors import CaseFileError, SegjudgeError, printable
from data_manifest.findings import Severity, grouped
from data_manifest.layouts import (
    FORMATS,
    OutputFile,
    References,
    read_reference_header,
)
from data_manifest.layouts.grids import implausible
from data_manifest.layouts.scored_fields import Box, read_scored_fields
from data_manifest.naming import UNKNOWN, CaseName, parse_case_name
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rounds import Rounds
from evaluate.scoring.answers_in_folders import Answers, _ending, _told, files_below, shown_names
from evaluate.scoring.jobs import UNREAD, ScoringJob

_ONE = Rounds()


def jobs_of_folders(
    references: Path,
    predictions: Path,
    *,
    output: OutputFile,
    named: References,
    rounds: Rounds = _ONE,
) -> tuple[list[ScoringJob], list[str]]:
    """The cases of a folder of references, answered by files of the protocol's names.

    Modality and dimension come from the file name (`2DBox_CT_001`). Capitals and the form of
    Unicode do not part a prediction from its reference, unless two files differ in nothing else.

    Args:
        references: one file a case, of any format, at any depth.
        predictions: files named as `output` says, at any depth.
        output: the protocol's.
        named: which files are those of which cases and rounds.
        rounds: the protocol's; where the first needs a kind of prompts, a case without a mask of it
            begins with the next.

    Returns:
        The jobs, sorted by case and round, and warnings in words.

    Raises:
        UsageError: a folder is missing, has no cases, or has them twice; no prediction answers a
            reference, or one that would is of another format.
        CaseFileError: no reference can be scored against. One that can't, among others that can, is
            a job that is none: its case has no score.
    """
    for option, folder in (("--references", references), ("--predictions", predictions)):
        if not folder.is_dir():
            raise UsageError(where=f"{option} {folder}", found="no such folder", expected="masks")
    cases, beside = _references(references, named)
    read_fields = functools.cache(read_scored_fields)
    answers = Answers(predictions, output, named, rounds)
    team = re.sub(r"[^A-Za-z0-9._-]+", "-", predictions.resolve().name).strip("-.") or "submission"
    jobs: list[ScoringJob] = []
    problems: list[Finding] = []
    noted: list[Finding] = []
    nameless, misnamed, implausibly = [], [], []
    for case, path in sorted(cases.items()):
        name = parse_case_name(case)
        try:
            shape, spacing_mm, notes = _header_of_reference(path, named)
        except SegjudgeError as error:
            problems += error.problems
            reason = f"{UNREAD}: {error.problems[0]}"
            jobs.append(_unread(team, case, name, path, reason))
            continue
        noted += [Finding(where=path.name, found=note, severity=Severity.NOTE) for note in notes]
        dimension = f"{len(shape)}D"
        if odd := implausible(shape, spacing_mm):
            implausibly.append(f"{path.name}: {odd}")
        if not name.recognised:
            nameless.append(path.name)
        elif name.dimension != dimension:
            misnamed.append(f"{path.name} is {dimension}")
        jobs += [
            ScoringJob(
                team=team,
                case=case,
                modality=name.modality,
                dimension=dimension,
                reference=path,
                prediction=mask,
                prompts=named.prompts_of(case, path),
                box_mm=_field_of(case, named.fields_of(path), read_fields),
                own_files=True,
                round=number,
            )
            for number, mask in answers.to(case)
        ]
    if len(problems) == len(cases):
        raise CaseFileError(*problems)
    answers.refuse_nothing(cases)
    counted = (
        (nameless, f"references whose names tell no modality; they count as `{UNKNOWN}`"),
        (implausibly, "references whose spacing can hardly be in millimetres"),
        (misnamed, "references of other dimensions than their names say"),
        (answers.surplus(cases), "predictions that have no reference, and are ignored"),
        (beside, f"files in {references.name} of other formats, which are ignored"),
        (answers.beside(), f"files in {predictions.name} of other formats, which are ignored"),
    )
    said = [f"{len(names)} {words}: {shown_names(names)}" for names, words in counted if names]
    return jobs, [*said, *(f"{note.where}: {note.found}" for note in grouped(noted))]


def _unread(team: str, case: str, name: CaseName, path: Path, reason: str) -> ScoringJob:
    """A case whose reference can't be scored against: an error of ours, and no score."""
    return ScoringJob(
        team=team,
        case=case,
        modality=name.modality,
        dimension=name.dimension,
        reference=path,
        prediction=None,
        outcome=Outcome.HARNESS_ERROR,
        reason=reason,
    )


def _field_of(case: str, table: Path | None, read: Callable[[Path], dict[str, Box]]) -> Box | None:
    """The part of a case that is scored.

    Raises:
        CaseFileError: the table can't be read, or has no row of the case.
    """
    if table is None:
        return None
    fields = read(table)
    if case not in fields:
        fault = f"no row for {printable(case)}"
        raise CaseFileError(where=str(table), found=fault, expected="a box for each case")
    return fields[case]


def _references(folder: Path, named: References) -> tuple[dict[str, Path], list[str]]:
    """By case; and the names of other files."""
    references: dict[str, Path] = {}
    others: list[str] = []
    for path in files_below(folder):
        case = named.case_of(PurePosixPath(path.relative_to(folder)))
        if case is None:
            others.append(path.name)
            continue
        if case in references:
            raise UsageError(
                where=f"--references {folder}",
                found=f"case {printable(case)} twice: {references[case]}, {path}",
                expected="one file a case",
            )
        references[case] = path
    if not references:
        raise UsageError(
            where=f"--references {folder}",
            found=_told(Counter(map(_ending, others))),
            expected=named.path or f"one mask a case, in {', '.join(FORMATS)}",
        )
    unspoken = [case for case in references if not case.isprintable()]
    if unspoken:
        raise UsageError(
            where=f"--references {folder}",
            found=f"names that can't stand in a table: {shown_names(unspoken)}",
            expected="names in UTF-8 without control characters",
            mend="rename them",
        )
    return references, others


def _header_of_reference(
    path: Path, named: References
) -> tuple[tuple[int, ...], tuple[float, ...] | None, tuple[str, ...]]:
    """Check a reference by its headers and spacing before hours of scoring depend on it."""
    shape, spacing_mm, notes = read_reference_header(path, one_hot=named.one_hot)
    if len(shape) == 3 and spacing_mm is None:
        raise CaseFileError(
            where=str(path),
            found="no spacing",
            expected="the spacing in mm, in x, y, z order, of a 3D case",
            mend="add it to the file: NSD can't be measured without",
        )
    return shape, spacing_mm, notes
