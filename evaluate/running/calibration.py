"""A fixed load, timed between blocks of runs, that shows how much the machine itself drifts."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluate.sandbox.measurement import Others

DRIFT_LIMIT = 0.10
"""Above this drift the report says that times should not be ranked closely."""

_REPEATS = 3
_CPUS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTime:
    """What the load took, and what else the machine did meanwhile.

    Attributes:
        seconds: of the fastest repeat.
        others_cpus: processors that other programs, or other machines on the same one, kept busy.
        throttled: how often a processor was too hot, since the machine started; None where the
            machine does not say.
    """

    seconds: float
    others_cpus: float = 0.0
    throttled: int | None = None


def time_load(clock: Callable[[], float] = time.perf_counter) -> LoadTime:
    """Do a fixed mix of arithmetic, sorting and memory traffic.

    The best of three counts, so that a single interruption is not taken for drift.
    """
    others = Others()
    seconds = min(_once(clock) for _ in range(_REPEATS))
    return LoadTime(seconds=seconds, others_cpus=others.cpus(), throttled=times_throttled())


def times_throttled(cpus: Path = _CPUS) -> int | None:
    """How often any core was slowed down by its heat, since the machine started.

    None where the machine does not say.
    """
    counts = []
    for path in cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"):
        with suppress(OSError, ValueError):
            counts.append(int(path.read_text(encoding="ascii")))
    return sum(counts) if counts else None


def _once(clock: Callable[[], float]) -> float:
    generator = np.random.default_rng(0)
    values = generator.random(200_000)
    started = clock()
    for _ in range(4):
        values = np.sort(np.sin(values) * 1.7 + values[::-1])
    return clock() - started


def drift(samples: Sequence[float]) -> float:
    """How far the slowest tenth of the samples lies above the median, as a fraction."""
    if len(samples) < 2:
        return 0.0
    return float(np.quantile(samples, 0.9) / np.median(samples) - 1.0)


def is_fair(samples: Sequence[float]) -> bool:
    """Whether times may be compared closely."""
    return drift(samples) <= DRIFT_LIMIT
