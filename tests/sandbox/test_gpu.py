"""GPUs through NVIDIA's own client, with a driver library of ours that says what runs on them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluate.sandbox.measurement import Gpus
from evaluate.sandbox.measurement.gpu import Gpu
from tests.capabilities import compiler

# The functions of NVML that are asked, by their published signatures: two GPUs. What runs on them
# is in a file, a line each: GPU, process, MiB of memory, percent busy. Its clock is the machine's.
DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
typedef struct { unsigned int pid; unsigned long long used; unsigned int gi, ci; } process_t;
typedef struct { unsigned int pid; unsigned long long at; unsigned int sm, m, e, d; } sample_t;
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned int n) { strcpy(text, "550.1"); return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    *device = (void *)(unsigned long)(index + 1); return 0;
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned int n) {
    sprintf(text, "GPU-%c", (char)('a' + (long)device - 1)); return 0;
}
int nvmlDeviceGetName(void *device, char *text, unsigned int n) {
    sprintf(text, "Model %ld", (long)device); return 0;
}
static unsigned int read_all(void *device, process_t *p, sample_t *s, unsigned int room) {
    FILE *file = fopen(getenv("ON_THE_GPUS"), "r");
    struct timeval now;
    unsigned int count = 0, gpu, pid, mib, busy;
    gettimeofday(&now, NULL);
    while (file && fscanf(file, "%u %u %u %u", &gpu, &pid, &mib, &busy) == 4) {
        if (gpu + 1 != (unsigned int)(long)device) continue;
        if (p && count < room) p[count] = (process_t){pid, (unsigned long long)mib << 20, 0, 0};
        if (s && count < room)
            s[count] = (sample_t){pid, now.tv_sec * 1000000ull + now.tv_usec, busy, 0, 0, 0};
        count++;
    }
    if (file) fclose(file);
    return count;
}
static int answer(unsigned int *count, unsigned int found, int asked) {
    unsigned int room = *count;
    *count = found;
    return found && (!asked || room < found) ? 7 : 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, process_t *p) {
    return answer(count, read_all(device, p, NULL, *count), p != NULL);
}
int nvmlDeviceGetProcessUtilization(void *device, sample_t *s, unsigned int *count,
                                    unsigned long long since) {
    return answer(count, read_all(device, NULL, s, *count), s != NULL);
}
"""
# A job that starts a child, which uses both GPUs; and a stranger, who uses the first.
LOOK = """
import json, os, sys, threading, time
from pathlib import Path
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Job
from evaluate.sandbox.local import LocalSandbox
from evaluate.sandbox.measurement import Gpus

folder = Path(sys.argv[1])
gpus = Gpus.open(os.environ)
about = {"models": gpus.described(), "ids": [gpu.id for gpu in gpus.devices]}
for name in ("team", "inputs", "outputs"):
    (folder / name).mkdir()
(folder / "team" / "predict.sh").write_text(
    'echo $CUDA_VISIBLE_DEVICES\\n'
    'sh -c \\'for gpu in 0 1; do echo "$gpu $$ 300 50"; done >> "$0"; sleep 1\\' '
    + os.environ["ON_THE_GPUS"] + '\\n:\\n')
sandbox = LocalSandbox(scratch=folder / "scratch", environment=os.environ)
image = sandbox.prepare(str(folder / "team"), limits=Limits(timeout_s=1, memory_mib=1))
ended = sandbox.run(image, Job(
    command=("/bin/sh", "predict.sh"), inputs=folder / "inputs", outputs=folder / "outputs",
    container_inputs="", container_outputs="", profile_hz=20,
    limits=Limits(timeout_s=20, memory_mib=512, gpus=int(sys.argv[2]))))
print(json.dumps(about | {
    "log": ended.log.decode(), "peak": ended.peak_gpu_memory_mib, "busy": ended.gpu_busy_s,
    "sampled": sorted({sample.gpu_memory_mib for sample in ended.profile}, key=str)}))
"""


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the library."""
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER, encoding="utf-8")
    library = folder / "libnvidia-ml.so.1"
    command = [compiler(), "-shared", "-fPIC", "-o", str(library), str(folder / "driver.c")]
    subprocess.run(command, check=True)
    return folder


def look(folder: Path, library: Path, gpus: int, **environment: str) -> dict:
    on_them = folder / "on_the_gpus"
    on_them.write_text(f"0 {os.getpid()} 5000 50\n", encoding="utf-8")  # a stranger's
    seen = subprocess.run(
        [sys.executable, "-c", LOOK, str(folder), str(gpus)],
        env=os.environ | {"LD_LIBRARY_PATH": str(library), "ON_THE_GPUS": str(on_them)}
        | environment,
        capture_output=True,
        encoding="utf-8",
    )  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    return json.loads(seen.stdout)


@pytest.mark.compiler
def test_what_a_job_uses_is_its_own_processes_on_the_gpus_that_it_has(
    driver: Path, tmp_path: Path
) -> None:
    seen = look(tmp_path, driver, 2)

    assert seen["models"] == ["Model 1, driver 550.1", "Model 2, driver 550.1"]
    assert seen["log"] == "GPU-a,GPU-b\n"
    assert seen["peak"] == 600
    assert 600 in seen["sampled"]
    # Each half busy for a second; the look before its start and after its end may miss some.
    assert 0.5 < seen["busy"] < 1.3


@pytest.mark.compiler
def test_a_job_has_no_more_gpus_than_the_protocol_gives_and_none_that_is_another_slot_s(
    driver: Path, tmp_path: Path
) -> None:
    seen = look(tmp_path, driver, 1, CUDA_VISIBLE_DEVICES="1")

    assert (seen["ids"], seen["log"], seen["peak"]) == (["GPU-b"], "GPU-b\n", 300)


def test_without_a_driver_there_is_no_gpu_and_no_complaint(tmp_path: Path) -> None:
    # Found before a driver that the machine may have, and no library.
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"no library")

    seen = look(tmp_path, tmp_path, 1)

    assert (seen["models"], seen["log"].strip(), seen["peak"]) == ([], "", None)


def test_a_gpu_is_given_to_one_job_at_a_time() -> None:
    gpus = Gpus(None, [Gpu(id=name, model="", handle=None) for name in "ab"], "")

    with gpus.share(1) as first, gpus.share(1) as second:
        assert first is not None and second is not None
        assert {*first.ids, *second.ids} == {"a", "b"}
    with gpus.share(2) as both, gpus.share(3) as too_many, gpus.share(0) as none:
        assert both is not None and both.ids == ("a", "b")
        assert (too_many, none) == (None, None)
