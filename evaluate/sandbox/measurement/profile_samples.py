"""What a run used over time: samples at a fixed rate, from whatever counts its totals."""

import time
from dataclasses import dataclass

from evaluate.sandbox.measurement.gpu import GpuMeter


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at everything that runs.

    Attributes:
        at_s: since the start was asked for, monotonic clock.
        cpu_s: user and system time so far.
        memory_mib: in use now.
        gpu_memory_mib: in use now on the GPUs that it has, by it alone; None without one.
    """

    at_s: float
    cpu_s: float
    memory_mib: float
    gpu_memory_mib: float | None = None


class Profile:
    """The samples of one run, in order; with what it uses of its GPUs, if it has some."""

    def __init__(self, hz: float | None, gpu: GpuMeter | None = None) -> None:
        self._hz = hz
        self._gpu = gpu
        self._started = 0.0
        self._samples: list[Sample] = []

    @property
    def every_s(self) -> float | None:
        """From one sample to the next; None if none are wanted."""
        return None if self._hz is None else 1.0 / self._hz

    def start(self, at: float) -> None:
        """The run started at this reading of the monotonic clock, in seconds."""
        self._started = at

    def add(self, *, cpu_s: float, memory_mib: float) -> None:
        """A sample of now; passed over if none are wanted."""
        if self._hz is not None:
            self._samples.append(
                Sample(
                    at_s=time.monotonic() - self._started,
                    cpu_s=cpu_s,
                    memory_mib=memory_mib,
                    gpu_memory_mib=self._gpu.look() if self._gpu else None,
                )
            )

    def samples(self) -> tuple[Sample, ...]:
        """All so far."""
        return tuple(self._samples)
