"""Whether two runs' numbers mean the same, and what a reader must know where they nearly do."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.findings import listed
from data_manifest.manifest import Case, Manifest
from evaluate.documents.run import RunDocument
from evaluate.facts.errors import Finding, RunDirectoryError
from evaluate.facts.outcome import Outcome
from evaluate.facts.rule_differences import differing_keys
from evaluate.facts.rules import Rules, Scoring
from evaluate.facts.scores import CaseScore
from evaluate.pairing import Floats, as_pairs


def check_comparable(
    names: tuple[str, str],
    documents: tuple[RunDocument, RunDocument],
    protocols: tuple[Rules, Rules],
    manifests: tuple[Manifest, Manifest],
) -> list[str]:
    """What a reader must know of two runs that are compared.

    Raises:
        RunDirectoryError: no case is in both, a case of both has another reference, or masks are
            scored by other rules.
    """
    mine, theirs = ({case.id: case for case in manifest.cases} for manifest in manifests)
    common = sorted(mine.keys() & theirs.keys())
    where = " and ".join(names)
    problems = []
    if not common:
        problems.append(
            Finding(where=where, found="no case in both", expected="runs on the same cases")
        )
    other = [c for c in common if mine[c].reference.sha256 != theirs[c].reference.sha256]
    if other:
        problems.append(
            Finding(
                where=where,
                found=f"another reference for {_listed(other)}",
                expected="the same reference for every case that both have",
                mend="score both runs against one set of references",
            )
        )
    said = _otherwise_scored(*(protocol.scoring for protocol in protocols))
    if said:
        problems.append(
            Finding(
                where=where,
                found=f"masks scored by other rules: {', '.join(said)}",
                expected="one way of scoring",
                mend="`segjudge score RUN_DIR --protocol P` scores a run by other rules",
            )
        )
    if problems:
        raise RunDirectoryError(*problems)
    return [
        *_unequal_cases(names, mine, theirs),
        *_unequal_limits(protocols),
        *_unequal_machines(names, documents),
    ]


def _otherwise_scored(first: Scoring, second: Scoring) -> list[str]:
    """What differs between two ways of scoring, of the metrics that both have."""
    a, b = _leaves(first), _leaves(second)
    common = {*first.names} & {*second.names}
    return [
        f"scoring.{'.'.join(key)} {a.get(key)!r} and {b.get(key)!r}"
        for key in sorted({*a, *b})
        if a.get(key) != b.get(key) and (len(key) == 1 or key[0] in common)
    ]


def _leaves(scoring: Scoring) -> dict[tuple[str, ...], object]:
    """Every setting: of the whole by its key, of a metric by its name and key."""
    whole: dict[tuple[str, ...], object] = {
        (key,): value for key, value in msgspec.to_builtins(scoring).items() if key != "metrics"
    }
    for metric in scoring.metrics:
        rules = dataclasses.asdict(metric.rules)
        gate = msgspec.to_builtins(metric.gate)
        settings = {"metric": metric.definition.name, "gate": gate, **metric.settings}
        whole |= {(metric.name, key): value for key, value in (settings | rules).items()}
    return whole


def _unequal_cases(
    names: tuple[str, str], mine: Mapping[str, Case], theirs: Mapping[str, Case]
) -> list[str]:
    notes = []
    for name, cases in (
        (names[0], sorted(mine.keys() - theirs.keys())),
        (names[1], sorted(theirs.keys() - mine.keys())),
    ):
        if cases:
            notes.append(f"only {name} has {_listed(cases)}; left out")
    common = mine.keys() & theirs.keys()
    inputs = sorted(c for c in common if mine[c].inputs_sha256 != theirs[c].inputs_sha256)
    if inputs:
        notes.append(f"the inputs (image or prompts) are not the same for {_listed(inputs)}")
    return notes


def _unequal_limits(protocols: tuple[Rules, Rules]) -> list[str]:
    return [f"the protocols differ in {said}" for said in differing_keys(*protocols)]


def _unequal_machines(
    names: tuple[str, str], documents: tuple[RunDocument, RunDocument]
) -> list[str]:
    notes = []
    keys = ("cpu", "cores", "memory_mib", "kernel")
    hosts = [
        {k: _each(getattr(m.host, k) for m in document.machines.values()) for k in keys}
        for document in documents
    ]
    unequal = [k for k in keys if hosts[0][k] != hosts[1][k]]
    if unequal:
        said = ", ".join(f"{k} {hosts[0][k]} and {hosts[1][k]}" for k in unequal)
        notes.append(f"two machines: {said}; times, CPU and memory compare the machines too")
    sandboxes = [_each(m.sandbox.name for m in d.machines.values()) for d in documents]
    if sandboxes[0] != sandboxes[1]:
        notes.append(f"two sandboxes: {sandboxes[0]} and {sandboxes[1]}; start-up times differ")
    for name, document in zip(names, documents, strict=True):
        if document.unequal_machines:
            notes.append(f"{name} was run on {document.unequal_machines}: times compare them too")
        if not document.is_steady:
            notes.append(f"the machine drifted, or ran several at once, in {name}: times are rough")
    versions = [document.segjudge for document in documents]
    if versions[0] != versions[1]:
        notes.append(f"scored by segjudge {versions[0]} and {versions[1]}")
    return list(dict.fromkeys(notes))


def _each(values: Iterable[object]) -> str:
    """The values of a run's machines, each once."""
    return " / ".join(sorted({str(value) for value in values}))


def calibration_ratio(documents: tuple[RunDocument, RunDocument]) -> float | None:
    """How many times A's calibration load took on B's machine: the medians' ratio.

    None where one of them has no sample.
    """
    samples = [
        [s for s in document.load_samples if math.isfinite(s) and s > 0] for document in documents
    ]
    if not all(samples):
        return None
    return statistics.median(samples[1]) / statistics.median(samples[0])


def _listed(cases: Sequence[str]) -> str:
    return f"{len(cases)} case{'s' if len(cases) > 1 else ''} ({listed(cases, most=5)})"


COMPARED = ("dsc", "nsd", "wall_s", "cpu_s", "peak_memory_mib")
"""Columns of case_scores.csv that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Both sides' scores of the common cases.

    Attributes:
        scores_a, scores_b: rows of case_scores.csv of the same cases, by modality, then name.
        modalities: each modality's slice of the cases, by name, sorted.
        values: by metric, (2, cases): A, then B; nan where either has no value. A failed case has
            the failure policy's scores and time.
        finished: (cases,): both gave a mask.
        left_out: cases without a result of their own, by an error of the harness.
    """

    scores_a: tuple[CaseScore, ...]
    scores_b: tuple[CaseScore, ...]
    modalities: Mapping[str, slice]
    values: Mapping[str, Floats]
    finished: npt.NDArray[np.bool_]
    left_out: tuple[str, ...]


def pair_scores(
    a: Sequence[CaseScore], b: Sequence[CaseScore], *, cases: frozenset[str], label: str
) -> Pairs:
    """Put two submissions' scores side by side.

    Raises:
        RunDirectoryError: no case is scored for both, or a case is in two modalities.
    """
    of_a, of_b = ({s.case: s for s in side if s.case in cases} for side in (a, b))
    both = sorted(of_a.keys() & of_b.keys(), key=lambda case: (of_a[case].modality, case))
    unscored = [
        case for case in both if Outcome.HARNESS_ERROR in (of_a[case].outcome, of_b[case].outcome)
    ]
    kept = [case for case in both if case not in set(unscored)]
    if not kept:
        raise RunDirectoryError(
            where=label, found="no case that is scored for both", expected="common cases"
        )
    moved = [case for case in kept if of_a[case].modality != of_b[case].modality]
    if moved:
        raise RunDirectoryError(
            where=f"{label}, case {moved[0]}",
            found=f"modality {of_a[moved[0]].modality} and {of_b[moved[0]].modality}",
            expected="one modality for a case",
        )
    names = [of_a[case].modality for case in kept]
    values = {}
    for metric in COMPARED:
        first, second = ([side[case].value(metric) for case in kept] for side in (of_a, of_b))
        values[metric] = as_pairs(first, second)
    return Pairs(
        scores_a=tuple(of_a[case] for case in kept),
        scores_b=tuple(of_b[case] for case in kept),
        modalities={
            name: slice(names.index(name), names.index(name) + names.count(name))
            for name in sorted(set(names))
        },
        values=values,
        finished=np.array(
            [of_a[c].outcome is Outcome.OK and of_b[c].outcome is Outcome.OK for c in kept]
        ),
        left_out=tuple(unscored),
    )
