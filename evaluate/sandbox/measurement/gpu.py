"""The GPUs of this machine: given out one by one, and metered by the processes that use them.

All is asked of NVIDIA's management library (NVML).
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

_MIB = 2**20
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One of them.

    Attributes:
        id: by which engines and CUDA know it, whatever their order.
        model: its maker's name for it.
        handle: the library's own.
    """

    id: str
    model: str
    handle: Any


class Gpus:
    """Those that this process may give to containers, each to one at a time."""

    def __init__(self, library: Any, devices: Sequence[Gpu], driver: str) -> None:
        self._library = library
        self._driver = driver
        self._free = list(devices)
        self.devices = tuple(devices)
        self._change = threading.Condition()

    @classmethod
    def open(cls, environment: Mapping[str, str] | None) -> "Gpus":
        """The machine's, or of them what `CUDA_VISIBLE_DEVICES` names, as places or by their ids.

        None at all without a GPU, its driver, or the package `nvidia-ml-py`; nor where there is no
        environment, so that they are somebody else's.
        """
        try:
            import pynvml
        except ImportError:
            environment = None
        if environment is None:
            return cls(None, (), "")
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlInit()  # counted by the library: once more costs nothing
            handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
            devices = [
                Gpu(
                    id=pynvml.nvmlDeviceGetUUID(handle),
                    model=pynvml.nvmlDeviceGetName(handle),
                    handle=handle,
                )
                for handle in handles
            ]
            visible = environment.get(_VISIBLE)
            if visible is not None:
                mine = visible.replace(" ", "").split(",")
                devices = [
                    gpu
                    for place, gpu in enumerate(devices)
                    if str(place) in mine or any(name and gpu.id.startswith(name) for name in mine)
                ]
            return cls(pynvml, devices, pynvml.nvmlSystemGetDriverVersion())
        return cls(None, (), "")

    def described(self) -> list[str]:
        """Model and driver of each."""
        return [f"{gpu.model}, driver {self._driver}" for gpu in self.devices]

    @contextlib.contextmanager
    def share(self, count: int) -> Iterator["GpuMeter | None"]:
        """So many of them, and nobody else's meanwhile: waits until they are free.

        None where none is wanted, or there are not as many.
        """
        if not 0 < count <= len(self.devices):
            yield None
            return
        with self._change:
            self._change.wait_for(lambda: len(self._free) >= count)
            taken, self._free = self._free[:count], self._free[count:]
        try:
            yield GpuMeter(self._library, taken)
        finally:
            with self._change:
                self._free = [gpu for gpu in self.devices if gpu in [*self._free, *taken]]
                self._change.notify_all()


class GpuMeter:
    """What one container uses of the GPUs that it has, by its processes.

    Attributes:
        ids: of the GPUs.
        cuda: the same in CUDA's own variable.
        pid: the container's first process, from which all others descend; None before it runs.
        peak_mib: the most memory of the GPUs that was seen in use.
        busy_s: how long they have computed for it, added up over them; a second of a GPU that was
            half busy is half a second.
    """

    def __init__(self, library: Any, devices: Sequence[Gpu]) -> None:
        self._library = library
        self._devices = devices
        self._since_us = dict.fromkeys((gpu.id for gpu in devices), int(time.time() * 1e6))
        self.ids = tuple(gpu.id for gpu in devices)
        self.cuda = ",".join(self.ids)
        self.pid: int | None = None
        self.peak_mib: float | None = None
        self.busy_s: float | None = None

    def look(self) -> float | None:
        """Memory in use now, in MiB; None before it runs, and where the driver does not answer."""
        if self.pid is None:
            return None
        try:
            first = psutil.Process(self.pid)
            pids = {self.pid, *(child.pid for child in first.children(recursive=True))}
            used_mib = sum(self._used_mib(gpu, pids) for gpu in self._devices)
        except (psutil.Error, self._library.NVMLError):
            return None
        self.peak_mib = max(self.peak_mib or 0.0, used_mib)
        self.busy_s = (self.busy_s or 0.0) + sum(self._busy_s(gpu, pids) for gpu in self._devices)
        return used_mib

    def watch(self) -> None:
        """A look, where nobody asks for its answer."""
        self.look()

    def _used_mib(self, gpu: Gpu, pids: set[int]) -> float:
        running = self._library.nvmlDeviceGetComputeRunningProcesses(gpu.handle)
        used = sum(process.usedGpuMemory or 0 for process in running if process.pid in pids)
        return float(used) / _MIB

    def _busy_s(self, gpu: Gpu, pids: set[int]) -> float:
        """Since the look before: a sample says which part of the time up to it was busy."""
        since_us = self._since_us[gpu.id]
        try:
            seen = self._library.nvmlDeviceGetProcessUtilization(gpu.handle, since_us)
        except self._library.NVMLError:  # also where there is no sample yet
            return 0.0
        self._since_us[gpu.id] = max([since_us, *(sample.timeStamp for sample in seen)])
        mine = [sample for sample in seen if sample.pid in pids]
        busy_us = sum(s.smUtil / 100 * max(0, s.timeStamp - since_us) for s in mine)
        return float(busy_us) / 1e6
