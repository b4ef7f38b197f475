"""A fixed load, timed between blocks of runs, that shows how much the machine itself drifts."""

import time
from collections.abc import Callable, Sequence

import numpy as np

DRIFT_LIMIT = 0.10
"""Above this drift the report says that times should not be ranked closely."""

_REPEATS = 3


def time_load(clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that a fixed mix of arithmetic, sorting and memory traffic takes now.

    The best of three, so that a single interruption does not count as drift.
    """
    return min(_once(clock) for _ in range(_REPEATS))


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
