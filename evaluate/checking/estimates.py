"""Time and memory of the protocol's largest case, from what the small cases took.

Two straight lines through the 3D cases, from the smallest to the largest: one over voxels, one
over slices. What a model really does lies between (work on slices that are resized grows with
their number, work on the whole volume with its voxels), so both are said, and it is an estimate.
"""

import math
from collections.abc import Sequence

from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import make_finding
from evaluate.checking.trials import Trial
from evaluate.facts.rules import Limits


def estimate_findings(
    trials: Sequence[Trial], limits: Limits, largest: tuple[int, ...] | None
) -> list[Finding]:
    """The estimates; none where there are no two volumes of different size, or no largest case."""
    volumes = sorted(
        (t for t in trials if t.answered and len(t.case.shape) == 3),
        key=lambda t: math.prod(t.case.shape),
    )
    if largest is None or len(volumes) < 2:
        return []
    small, large = volumes[0], volumes[-1]
    findings = []
    for check, value, limit, unit in (
        ("time-of-largest", "wall_s", limits.timeout_s, "s"),
        ("memory-of-largest", "peak_memory_mib", limits.memory_mib, "MiB"),
    ):
        first, last = (getattr(trial.record, value) for trial in (small, large))
        if first is None or last is None or small.case.shape[0] == large.case.shape[0]:
            continue
        ends = (float(first), float(last))
        voxels = [math.prod(t.case.shape) for t in (small, large)]
        by_voxels = _line(ends, voxels[0], voxels[1], math.prod(largest))
        by_slices = _line(ends, small.case.shape[0], large.case.shape[0], largest[0])
        low, high = sorted((by_voxels, by_slices))
        severity = (
            Severity.WARNING if low > limit else Severity.NOTE if high > limit else Severity.OK
        )
        sizes = " to ".join("×".join(map(str, t.case.shape)) for t in (small, large))
        findings.append(
            make_finding(
                check,
                severity,
                subject=f"a case of {'×'.join(map(str, largest))} voxels",
                found=f"about {by_slices:,.0f} {unit} if it grows with the slices,"
                f" {by_voxels:,.0f} {unit} if with the voxels; the limit is {limit:g} {unit}"
                f" (a straight line from {sizes}: {ends[0]:,.1f} to {ends[1]:,.1f} {unit})",
            )
        )
    return findings


def _line(ends: tuple[float, float], small: int, large: int, wanted: int) -> float:
    """The line through two points, never falling, at a third."""
    slope = max(0.0, (ends[1] - ends[0]) / (large - small))
    return ends[1] + slope * (wanted - large)
