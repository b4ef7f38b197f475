"""What other programs of this machine do meanwhile: who ran beside them was slower."""

import time

import psutil

_NOT_AT_WORK = ("iowait", "guest", "guest_nice")  # guests are in user's and nice's, too
_LEAST_S = 0.3
"""Of a run: the times of processors are kept in hundredths of a second, each by itself."""


class Others:
    """Processors that neither this process nor what it measures keeps busy, from now on.

    Other machines on the same hardware are others, too.
    """

    def __init__(self) -> None:
        self._busy, self._own, self._began = _busy_s(), time.process_time(), time.perf_counter()

    def cpus(self, measured_s: float = 0.0) -> float:
        """How many until now, on average, beside what took this CPU time."""
        others_s = _busy_s() - self._busy - (time.process_time() - self._own) - measured_s
        return round(max(others_s / (time.perf_counter() - self._began), 0.0), 2)

    def beside(self, cpu_s: float | None) -> float | None:
        """The same of a run; None where it was too short to tell, or its CPU time is not known."""
        known = cpu_s is not None and time.perf_counter() - self._began >= _LEAST_S
        return self.cpus(cpu_s or 0.0) if known else None


def _busy_s() -> float:
    """Seconds that all processors together were at work, or given to somebody else's machine."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - sum(getattr(times, k, 0) for k in _NOT_AT_WORK))
