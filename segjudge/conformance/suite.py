"""What every adapter promises, whatever it is made of: limits hold, facts are right, nothing stays.

The commands are small attacks and small loads of known size; what the sandbox says is compared with
what the command was written to do.
"""

import dataclasses
import shutil
import threading
from pathlib import Path

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Ending, Execution, SandboxError, lacking
from segjudge.conformance.bench import Bench
from segjudge.conformance.limits import *


def test_a_submission_of_a_folder_gets_the_case_and_leaves_its_file(
    bench: Bench, submission: Path
) -> None:
    image = bench.sandbox.prepare(str(submission), limits=Limits(timeout_s=1, memory_mib=64))

    ended = bench.run("/bin/bash", "-c", "sh predict.sh", image=image)

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 0)
    assert (bench.outputs / "case.npz").read_bytes() == b"the case"
    assert ended.log == b"predicted\n"
    bench.sandbox.release(image)


def test_the_digest_is_that_of_the_content(bench: Bench, submission: Path, tmp_path: Path) -> None:
    limits = Limits(timeout_s=1, memory_mib=64)
    same = shutil.copytree(submission, tmp_path / "same")
    images = [bench.sandbox.prepare(str(folder), limits=limits) for folder in (submission, same)]

    assert images[0].digest == images[1].digest
    assert images[0].digest.startswith("sha256:")
    for image in images:
        bench.sandbox.release(image)


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_the_command_s(bench: Bench, code: int) -> None:
    ended = bench.run("/bin/sh", "-c", f"exit {code}")

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, code)


def test_a_command_that_kills_itself_has_not_run_out_of_memory(bench: Bench) -> None:
    ended = bench.run("/bin/sh", "-c", "kill -9 $$")

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 137)


def test_a_missing_command_is_exit_code_127_with_its_name_in_the_log(bench: Bench) -> None:
    ended = bench.run("/bin/sh", "-c", "/no/such/program")

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 127)
    assert b"/no/such/program" in ended.log


def test_standard_output_and_error_are_both_kept_in_the_order_they_came(bench: Bench) -> None:
    ended = bench.python(
        """
        for number in range(4):
            print(number, file=(sys.stdout, sys.stderr)[number % 2], flush=True)
            time.sleep(0.05)
        """
    )

    assert ended.log.split() == [b"0", b"1", b"2", b"3"]


def test_standard_input_is_empty_and_nobody_waits_for_it(bench: Bench) -> None:
    ended = bench.python("print(repr(sys.stdin.read() if sys.stdin else ''))", timeout_s=10.0)

    assert (ended.ending, ended.log) == (Ending.EXITED, b"''\n")


def test_a_flood_of_log_keeps_head_and_tail_and_says_what_is_missing(bench: Bench) -> None:
    ended = bench.run(
        "/bin/sh", "-c", "echo first; yes | head -c 20000000; echo; echo last", log_mib=1
    )

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 0)
    assert len(ended.log) < 2**20 + 200
    assert ended.log.startswith(b"first\n")
    assert ended.log.endswith(b"last\n")
    assert b"bytes left out" in ended.log


def test_nothing_persists_from_one_run_to_the_next(bench: Bench) -> None:
    code = """
        kept = ["kept", os.path.expanduser("~/kept"), os.environ.get("TMPDIR", "/tmp") + "/kept"]
        print([path for path in kept if os.path.exists(path)])
        for path in kept:
            try:
                open(path, "w").close()
            except OSError:
                pass
        """
    ended = [bench.python(code) for _ in range(2)]

    assert [run.log for run in ended] == [b"[]\n", b"[]\n"]


def test_cpu_time_is_that_of_all_processes(bench: Bench) -> None:
    ended = bench.python(
        """
        def burn():
            start = time.process_time()
            while time.process_time() - start < 0.6:
                pass
        child = os.fork()
        burn()
        if child:
            os.waitpid(child, 0)
        """
    )

    assert ended.exit_code == 0
    bench.need_exact(ended)
    assert ended.cpu_s == pytest.approx(1.2, rel=0.15)


def test_cpu_time_of_a_killed_child_is_not_lost(bench: Bench) -> None:
    ended = bench.python(
        """
        if os.fork():
            os.wait()
        while True:
            if int(time.process_time() * 100) % 10 == 0:
                print(time.process_time(), flush=True)
        """,
        timeout_s=1.0,
    )

    assert ended.ending is Ending.TIMEOUT
    bench.need_exact(ended)
    # The child says itself how much it has used; how much it gets is the machine's affair.
    assert ended.cpu_s == pytest.approx(float(ended.log.split()[-1]), abs=0.25)


def test_peak_memory_is_that_of_the_allocation_although_it_was_freed(bench: Bench) -> None:
    ended = bench.python("x = bytearray(200 << 20); time.sleep(0.2); del x; time.sleep(0.2)")

    assert ended.exit_code == 0
    bench.need_exact(ended)
    assert ended.peak_memory_mib == pytest.approx(205, rel=0.1)


def test_peak_memory_is_not_that_of_the_harness(bench: Bench) -> None:
    ours = bytearray(300 << 20)
    ended = bench.run("/bin/sh", "-c", "sleep 0.3")
    del ours

    bench.need_exact(ended)
    assert ended.peak_memory_mib is not None
    assert ended.peak_memory_mib < 50


def test_wall_time_is_the_command_s_plus_its_start(bench: Bench) -> None:
    ended = bench.run("/bin/sh", "-c", "sleep 0.5")

    assert 0.5 <= ended.wall_s < 2.5
    assert ended.measured_by in {"cgroup", "stats", "rusage"}
    assert ended.started_at.endswith("+00:00")


def test_idling_by_the_clock_is_time_and_no_cpu_time(bench: Bench) -> None:
    """Whoever waits for a quiet moment of the machine pays for the waiting."""
    ended = bench.python("until = time.time() + 1.5\nwhile time.time() < until: time.sleep(0.1)")

    assert ended.exit_code == 0
    assert ended.wall_s >= 1.5
    assert ended.cpu_s is not None and ended.cpu_s < 1.0
    assert ended.startup_s is not None and 0 < ended.startup_s < ended.wall_s - 1.4


def test_a_profile_shows_when_memory_was_used(bench: Bench) -> None:
    job = bench.job(
        (
            "python3",
            "-c",
            "import time; time.sleep(0.6); block = bytearray(100 << 20); time.sleep(0.6)",
        )
    )
    profile = bench.sandbox.run(bench.image, dataclasses.replace(job, profile_hz=10)).profile

    assert len(profile) >= 8
    times = [sample.at_s for sample in profile]
    assert times == sorted(times)
    assert [sample.cpu_s for sample in profile] == sorted(sample.cpu_s for sample in profile)
    assert max(sample.memory_mib for sample in profile) - profile[0].memory_mib > 90
    assert bench.run("python3", "-c", "pass").profile == ()


def test_two_jobs_at_a_time_do_not_mix(bench: Bench) -> None:
    commands = [("/bin/sh", "-c", f"sleep 0.3; echo {word}") for word in ("one", "two")]
    jobs = [bench.job(command) for command in commands]
    ended: dict[int, Execution] = {}

    def run(index: int) -> None:
        ended[index] = bench.sandbox.run(bench.image, jobs[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [ended[index].log for index in range(2)] == [b"one\n", b"two\n"]


def test_what_is_not_enforced_is_said_in_words(bench: Bench) -> None:
    ended = bench.run("/bin/sh", "-c", "true", cpus=4096.0)

    assert any("CPUs" in words for words in lacking(ended.options))
    said = bench.sandbox.describe()["not_enforced"]
    assert isinstance(said, list)
    # Who can't limit these contains nobody.
    unlimited = any(words.startswith(("memory:", "processes:", "network:")) for words in said)
    assert not (bench.sandbox.isolated and unlimited)


def test_a_missing_inputs_folder_is_our_failure_and_not_the_team_s(bench: Bench) -> None:
    job = bench.job(("/bin/sh", "-c", "true"))
    shutil.rmtree(job.inputs)

    with pytest.raises(SandboxError):
        bench.sandbox.run(bench.image, job)
