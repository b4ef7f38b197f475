"""Whether two runs' numbers mean the same, and what a reader must know where they nearly do."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from data_manifest.manifest import Case, Manifest
from evaluate.facts.errors import Problem, RunDirectoryError
from evaluate.facts.rules import Rules

__all__ = ["calibration_ratio", "check_comparable"]

_NAMED = 5


def check_comparable(
    names: tuple[str, str],
    facts: tuple[Mapping[str, Any], Mapping[str, Any]],
    protocols: tuple[Rules, Rules],
    manifests: tuple[Manifest, Manifest],
) -> list[str]:
    """What a reader must know of two runs that are compared.

    Args:
        names: of the two run directories.
        facts: their run.json.
        protocols: their rules.
        manifests: their data.

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
            Problem(where=where, found="no case in both", expected="runs on the same cases")
        )
    other = [c for c in common if mine[c].reference.sha256 != theirs[c].reference.sha256]
    if other:
        problems.append(
            Problem(
                where=where,
                found=f"another reference for {_listed(other)}",
                expected="the same reference for every case that both have",
                mend="score both runs against one set of references",
            )
        )
    for part in ("scoring", "failures"):
        a, b = (protocol.to_json()[part] for protocol in protocols)
        keys = [key for key in a if a[key] != b.get(key) and (part, key) != ("scoring", "further")]
        if keys:
            said = ", ".join(f"{part}.{key} {a[key]!r} and {b.get(key)!r}" for key in keys)
            problems.append(
                Problem(
                    where=where,
                    found=f"masks scored by other rules: {said}",
                    expected="one way of scoring",
                    mend="`segjudge score RUN_DIR --protocol P` scores a run by other rules",
                )
            )
    if problems:
        raise RunDirectoryError(*problems)
    return [
        *_unequal_cases(names, mine, theirs),
        *_unequal_limits(protocols),
        *_unequal_machines(names, facts),
    ]


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
    inputs = sorted(c for c in common if mine[c].image.sha256 != theirs[c].image.sha256)
    if inputs:
        notes.append(f"the inputs (image or prompts) are not the same for {_listed(inputs)}")
    return notes


def _unequal_limits(protocols: tuple[Rules, Rules]) -> list[str]:
    notes = []
    for part in ("limits", "input", "container", "output"):
        a, b = (protocol.to_json()[part] for protocol in protocols)
        notes += [
            f"the protocols differ in {part}.{key}: {a[key]!r} and {b.get(key)!r}"
            for key in a
            if a[key] != b.get(key)
        ]
    return notes


def _unequal_machines(
    names: tuple[str, str], facts: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> list[str]:
    notes = []
    hosts = [_part(f, "host") for f in facts]
    keys = ("cpu", "cores", "memory_mib", "kernel")
    unequal = [k for k in keys if hosts[0].get(k) != hosts[1].get(k)]
    if unequal:
        said = ", ".join(f"{k} {hosts[0].get(k)} and {hosts[1].get(k)}" for k in unequal)
        notes.append(f"two machines: {said}; times, CPU and memory compare the machines too")
    sandboxes = [_part(f, "sandbox").get("name") for f in facts]
    if sandboxes[0] != sandboxes[1]:
        notes.append(f"two sandboxes: {sandboxes[0]} and {sandboxes[1]}; start-up times differ")
    for name, run in zip(names, facts, strict=True):
        if _part(run, "calibration").get("fair") is False:
            notes.append(f"the machine drifted, or ran several at once, in {name}: times are rough")
    versions = [f.get("segjudge") for f in facts]
    if versions[0] != versions[1]:
        notes.append(f"scored by segjudge {versions[0]} and {versions[1]}")
    return list(dict.fromkeys(notes))


def calibration_ratio(facts: tuple[Mapping[str, Any], Mapping[str, Any]]) -> float | None:
    """How many times A's calibration load took on B's machine: the medians' ratio.

    None where one of them has no sample.
    """
    medians = []
    for run in facts:
        samples = _part(run, "calibration").get("samples")
        known = [
            float(s)
            for s in (samples if isinstance(samples, list) else [])
            if isinstance(s, int | float) and math.isfinite(s) and s > 0
        ]
        if not known:
            return None
        medians.append(statistics.median(known))
    return medians[1] / medians[0]


def _part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = facts.get(name)
    return part if isinstance(part, dict) else {}


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
    count = f"{len(cases)} case{'s' if len(cases) > 1 else ''}"
    return f"{count} ({', '.join(cases[:_NAMED])}{more})"
