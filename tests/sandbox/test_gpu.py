"""GPU memory through NVIDIA's own client, with a driver library of ours that says what it has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.capabilities import compiler

# The functions of NVML that are asked, by their published signatures: two GPUs, of which the first
# uses 300 MiB more with every look, and the second always 100 MiB.
DRIVER = """
typedef struct { unsigned long long total, free, used; } memory_t;
static unsigned long long looks = 0;
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    *device = (void *)(unsigned long)(index + 1); return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    memory->total = 1ull << 34;
    memory->used = device == (void *)1 ? (++looks * 300ull) << 20 : 100ull << 20;
    memory->free = memory->total - memory->used;
    return 0;
}
"""
LOOK = """
from evaluate.sandbox.measurement.gpu import GpuMemory
from evaluate.sandbox.measurement import Profile
memory = GpuMemory.open()
print(memory and [memory.used_mib(), memory.used_mib()])
profile = Profile(10)
profile.add(cpu_s=1.0, memory_mib=2.0)
print(profile.samples()[0].gpu_memory_mib)
"""


def look(**environment: str) -> list[str]:
    seen = subprocess.run(
        [sys.executable, "-c", LOOK],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return seen.stdout.split("\n")


@pytest.mark.compiler
def test_the_memory_of_all_gpus_is_added_up(tmp_path: Path) -> None:
    (tmp_path / "driver.c").write_text(DRIVER, encoding="utf-8")
    library = tmp_path / "libnvidia-ml.so.1"
    command = [compiler(), "-shared", "-fPIC", "-o", str(library), str(tmp_path / "driver.c")]
    subprocess.run(command, check=True)

    assert look(LD_LIBRARY_PATH=str(tmp_path))[:2] == ["[400.0, 700.0]", "1000.0"]


def test_without_a_driver_there_is_no_gpu_and_no_complaint(tmp_path: Path) -> None:
    # Found before a driver that the machine may have, and no library.
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"no library")
    assert look(LD_LIBRARY_PATH=str(tmp_path))[:2] == ["None", "None"]
