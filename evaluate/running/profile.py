"""A run's resource profile: its areas under the curve, and its file."""

import csv
import io
from collections.abc import Sequence

from evaluate.sandbox import Sample

__all__ = ["memory_area_mib_s", "profile_csv"]

_COLUMNS = ("at_s", "cpu_s", "cpu_percent", "memory_mib")


def memory_area_mib_s(samples: Sequence[Sample], wall_s: float) -> float:
    """Area under memory use from the start to the exit, by the trapezoidal rule.

    Before the first sample and after the last, their values are taken to hold. The area under CPU
    use needs no samples: it is the CPU time itself.
    """
    if not samples:
        return 0.0
    times = [0.0, *(sample.at_s for sample in samples), max(wall_s, samples[-1].at_s)]
    values = [sample.memory_mib for sample in samples]
    values = [values[0], *values, values[-1]]
    steps = zip(times, times[1:], values, values[1:], strict=False)
    return sum((after - before) * (low + high) / 2 for before, after, low, high in steps)


def profile_csv(samples: Sequence[Sample]) -> bytes:
    """The samples as a table; `cpu_percent` is over the time since the sample before."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    at_s = cpu_s = 0.0
    for sample in samples:
        passed = sample.at_s - at_s
        percent = 100 * (sample.cpu_s - cpu_s) / passed if passed > 0 else 0.0
        rows.writerow((sample.at_s, sample.cpu_s, percent, sample.memory_mib))
        at_s, cpu_s = sample.at_s, sample.cpu_s
    return text.getvalue().encode()
