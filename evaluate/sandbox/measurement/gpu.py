"""GPU memory in use, as NVIDIA's management library (NVML) counts it."""

import contextlib
import threading
from typing import Any

_MIB = 2**20
_lock = threading.Lock()


class GpuMemory:
    """The GPUs of this machine; made by `open`."""

    def __init__(self, library: Any, devices: list[Any]) -> None:
        self._library = library
        self._devices = devices

    @classmethod
    def open(cls) -> "GpuMemory | None":
        """The machine's GPUs; None without a GPU, its driver, or the package `nvidia-ml-py`."""
        try:
            import pynvml
        except ImportError:
            return None
        with _lock, contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlInit()  # counted by the library: once more costs nothing
            count = pynvml.nvmlDeviceGetCount()
            devices = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
            return cls(pynvml, devices) if devices else None
        return None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._devices)

    def used_mib(self) -> float | None:
        """In use on all GPUs together, whoever uses it; None if the driver does not answer."""
        try:
            used = [self._library.nvmlDeviceGetMemoryInfo(device).used for device in self._devices]
        except self._library.NVMLError:
            return None
        return float(sum(used)) / _MIB
