"""A run's resource profile: its areas under the curve, and its file."""

import csv
import io
from collections.abc import Sequence

from evaluate.sandbox import Sample

_COLUMNS = ("at_s", "cpu_s", "cpu_percent", "memory_mib", "gpu_memory_mib")


def memory_area_mib_s(samples: Sequence[Sample], wall_s: float) -> float:
    """Area under memory use from the start to the exit, by the trapezoidal rule.

    Before the first sample and after the last, their values are taken to hold. The area under CPU
    use needs no samples: it is the CPU time itself.
    """
    return _area([(sample.at_s, sample.memory_mib) for sample in samples], wall_s)


def gpu_memory_area_mib_s(samples: Sequence[Sample], wall_s: float) -> float | None:
    """The same for the memory of the GPUs; None where there is none."""
    seen = [(s.at_s, s.gpu_memory_mib) for s in samples if s.gpu_memory_mib is not None]
    return _area(seen, wall_s) if seen else None


def _area(points: Sequence[tuple[float, float]], wall_s: float) -> float:
    if not points:
        return 0.0
    times = [0.0, *(at_s for at_s, _ in points), max(wall_s, points[-1][0])]
    values = [points[0][1], *(value for _, value in points), points[-1][1]]
    steps = zip(times, times[1:], values, values[1:], strict=False)
    return sum((after - before) * (low + high) / 2 for before, after, low, high in steps)


def profile_csv(samples: Sequence[Sample]) -> bytes:
    """The samples as a table; `cpu_percent` is over the time since the sample before."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)  # csv writes None as an empty cell
    at_s = cpu_s = 0.0
    for sample in samples:
        passed = sample.at_s - at_s
        percent = 100 * (sample.cpu_s - cpu_s) / passed if passed > 0 else 0.0
        used = (sample.memory_mib, sample.gpu_memory_mib)
        rows.writerow((sample.at_s, sample.cpu_s, percent, *used))
        at_s, cpu_s = sample.at_s, sample.cpu_s
    return text.getvalue().encode()
