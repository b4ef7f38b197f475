"""A reason names what the last words of a program say, and nothing rather than a wrong cause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.running.hints import HINTS, explain, last_words
from evaluate.sandbox import Covered

TRACE = "Traceback (most recent call last):\n  File 'predict.py', line 3, in run\n    run()\n"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (TRACE + "ModuleNotFoundError: No module named 'monai'\n", "missing in the image (monai)"),
        ("ImportError: libGL.so.1: cannot open shared object file: No such file", "(libGL.so.1)"),
        (TRACE + "KeyError: 'getpwuid(): uid not found: 10001'\n", "has no name"),
        (TRACE + "KeyError: 'getgrgid(): gid not found: 10001'\n", "has no name"),
        ("sh: 1: [[: not found\n", "written for bash"),
        ("predict.sh: 2: set: Illegal option -o pipefail\n", "written for bash"),
        ("predict.sh: 3: source: not found\n", "written for bash"),
        ("predict.sh: 2: \r: not found\n", "Windows line ends"),
        ("predict.sh: line 2: $'\\r': command not found\n", "Windows line ends"),
        ("predict.sh: 2: cd: can't cd to /app\r\n", "Windows line ends"),
        ("/usr/bin/env: 'python3\\r': No such file or directory\nuse -[v]S\n", "Windows line ends"),
        ("sh: 0: cannot open predict.sh: No such file\n", "no predict.sh"),
        ("bash: predict.sh: No such file or directory\n", "no predict.sh"),
        ("[FATAL tini (7)] exec /bin/bash failed: Exec format error\n", "another processor"),
        ("[FATAL tini (7)] exec /bin/bash failed: No such file or directory\n", "lacks a shell"),
        ("/bin/bash: line 1: sh: command not found\n", "lacks a shell"),
        ("bash: ./tool: cannot execute binary file: Exec format error\n", "another processor"),
        ("predict.sh: 1: \ufeffcp: not found\n", "byte order mark"),
        ("predict.sh: line 1: $'\\357\\273\\277cp': command not found\n", "byte order mark"),
        ("predict.sh: 1: \ufffd\ufffdc\0p\0: not found\n", "no text in UTF-8"),
        ("predict.sh: 2: function: not found\n", "written for bash"),
        ("sh: 0: predict.sh: Is a directory\n", "predict.sh is a folder"),
        (TRACE + "OSError: [Errno 28] No space left on device: '/dev/shm/x'\n", "shared memory"),
        (TRACE + "RuntimeError: unable to write to file </torch_1_2>\n", "shared memory is full"),
        ("Error: cannot allocate vector of size 8.0 Gb\n", "more memory than the limit"),
        ("java.lang.OutOfMemoryError: Java heap space\n", "more memory than the limit"),
        ("sqlite3.OperationalError: attempt to write a readonly database\n", "it writes outside"),
        ("ImportError: libc.so.6: version `GLIBC_2.38' not found\n", "missing in the image, or"),
        ("Bus error (core dumped)\n", "shared memory is full"),
        (
            TRACE + "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It is"
            " possible that dataloader's workers are out of shared memory.\n",
            "shared memory is full",
        ),
        (TRACE + "OSError: [Errno 30] Read-only file system: '/app/cache'\n", "(/app/cache)"),
        (TRACE + "PermissionError: [Errno 13] Permission denied: '/w.pth'\n", "(/w.pth)"),
        (TRACE + "MemoryError\n", "more memory than the limit"),
        (
            TRACE + "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB\n",
            "more memory than the limit",
        ),
        (TRACE + "RuntimeError: can't start new thread\n", "limits.processes"),
        (TRACE + "OSError: [Errno 24] Too many open files\n", "limits.open_files"),
        ("predict.sh: 1: conda: not found\n", "conda is not set up"),
        (TRACE + "RuntimeError: Found no NVIDIA driver on your system.\n", "wants a GPU"),
        (
            TRACE + "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name"
            " resolution>\n",
            "wants the network",
        ),
        ("KeyError: 'x'\n" + TRACE + "OSError: [Errno 28] No space left on device\n", "full"),
    ],
)
def test_the_last_exception_or_line_is_explained(log: str, words: str) -> None:
    why = explain(log.encode())

    assert why is not None
    assert words in str(why)


@pytest.mark.parametrize(
    "log",
    [
        "UserWarning: CUDA initialization: Found no NVIDIA driver\n" + TRACE + "KeyError: 'x'\n",
        "matplotlib: Read-only file system: '/x'\n" * 3 + TRACE + "ValueError: bad shape\n",
        "No module named 'apex', going on without\nloading\nrunning\ndone with 3 of 4\nkilled\n",
        "Temporary failure in name resolution\n" + TRACE + "AssertionError\n" + "failed\n",
        TRACE + "FileNotFoundError: [Errno 2] No such file or directory: '/dev/shm/x'\n",
        TRACE + "FileNotFoundError: [Errno 2] No such file: '/models/cuda driver/x'\n",
        TRACE + "KeyError: 'permission denied'\n",
        TRACE + "TypeError: 'source: not found'\n",
        TRACE + "MemoryError\n" + "handled\n" * 40 + "exit because of a wrong label\n",
        "",
    ],
)
def test_words_that_did_not_end_it_explain_nothing(log: str) -> None:
    assert explain(log.encode()) is None


@pytest.mark.parametrize(
    ("line", "without", "with_one"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "wants a GPU", "is full"),
        ("RuntimeError: CUDA error: out of memory", "wants a GPU", "is full"),
        ("XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying", "None", "is full"),
        ("ResourceExhaustedError: OOM when allocating tensor on /device:GPU:0", "None", "is full"),
        ("RuntimeError: Found no NVIDIA driver on your system", "wants a GPU", "can't use its GPU"),
        ("RuntimeError: CUDA error: device-side assert triggered", "wants a GPU", None),
    ],
)
def test_nobody_who_has_a_gpu_is_told_that_there_is_none(
    line: str, without: str, with_one: str | None
) -> None:
    log = (TRACE + line).encode()

    assert without in str(explain(log))
    found = explain(log, gpus=1)
    assert (found is None) if with_one is None else (with_one in str(found))


def test_what_the_image_keeps_where_something_is_mounted_is_named() -> None:
    place = Covered(folder="/tmp", files=3, size_bytes=9, example="/tmp/app/\x1bw")  # noqa: S108
    lost = TRACE + "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/app/w.pth'\n"
    other = TRACE + "FileNotFoundError: [Errno 2] No such file or directory: '/opt/w.pth'\n"

    assert "3 in /tmp, such as /tmp/app/\\x1bw" in str(explain(lost.encode(), covered=[place]))
    assert "3 in /tmp" in str(explain(b"sh: 0: cannot open predict.sh", covered=[place]))
    assert explain(other.encode(), covered=[place]) is None


def test_a_bus_error_that_nobody_wrote_down_is_known_by_the_exit_code() -> None:
    assert "shared memory" in str(explain(b"loading\n", exit_code=135))
    assert explain(b"loading\n", exit_code=134) is None


@given(st.binary(max_size=3000))
def test_any_log_is_only_text(log: bytes) -> None:
    assert str(explain(log)).isprintable()
    assert len(last_words(log)) <= 20


def test_no_hint_is_for_the_same_words_twice() -> None:
    assert len({hint.words for hint in HINTS}) == len(HINTS)
