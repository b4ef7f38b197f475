"""Limits hold: of time, of memory, of what is left in the outputs folder."""

import time

from evaluate.sandbox import Ending
from segjudge.conformance.bench import Bench


def test_a_command_that_ignores_every_signal_is_killed_at_the_limit(bench: Bench) -> None:
    ended = bench.python(
        """
        for number in range(1, 32):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(1)
        """,
        timeout_s=1.0,
    )

    assert (ended.ending, ended.exit_code) == (Ending.TIMEOUT, None)
    assert 1.0 <= ended.wall_s < 3.0
    assert "1 s" in ended.detail


def test_a_child_that_detaches_itself_writes_nothing_later(bench: Bench) -> None:
    ended = bench.python(
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(0.7)
                open(outputs + "/late.npz", "w").close()
            os._exit(0)
        """
    )
    time.sleep(1.0)

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 0)
    assert list(bench.outputs.iterdir()) == []


def test_a_timeout_ends_detached_children_too(bench: Bench) -> None:
    ended = bench.python(
        """
        if os.fork() == 0:
            os.setsid()
            time.sleep(1.7)
            open(outputs + "/late.npz", "w").close()
            os._exit(0)
        time.sleep(60)
        """,
        timeout_s=1.0,
    )
    time.sleep(1.0)

    assert ended.ending is Ending.TIMEOUT
    assert list(bench.outputs.iterdir()) == []


_BOMB = "x = []\nwhile True: x.append(b'x' * (8 << 20)); time.sleep(0.005)"


def test_a_memory_bomb_is_out_of_memory(bench: Bench) -> None:
    ended = bench.python(_BOMB, memory_mib=128)

    assert ended.ending is Ending.OUT_OF_MEMORY
    assert "128 MiB" in ended.detail
    bench.need_exact(ended)
    assert ended.peak_memory_mib is not None
    assert ended.peak_memory_mib > 100


def test_a_memory_bomb_in_a_child_is_out_of_memory_although_the_parent_lives(bench: Bench) -> None:
    ended = bench.python(
        f"""
        child = subprocess.run([sys.executable, "-c", {"import time" + chr(10) + _BOMB!r}])
        time.sleep(0.5)
        sys.exit(1)
        """,
        memory_mib=128,
    )

    assert ended.ending is Ending.OUT_OF_MEMORY


def test_too_large_an_output_is_noticed_while_it_is_written(bench: Bench) -> None:
    ended = bench.python(
        """
        with open(outputs + "/case.npz", "wb") as file:
            file.write(bytes(9 << 20))
        time.sleep(60)
        """,
        output_mib=8,
    )

    assert ended.ending is Ending.OUTPUT_TOO_LARGE
    assert "8 MiB" in ended.detail
    assert ended.wall_s < 5


def test_a_sparse_file_counts_by_its_apparent_size(bench: Bench) -> None:
    ended = bench.python(
        'os.truncate(os.open(outputs + "/s", os.O_CREAT | os.O_RDWR), (8 << 20) + 1)', output_mib=8
    )

    assert ended.ending is Ending.OUTPUT_TOO_LARGE


def test_a_terabyte_of_holes_is_no_output(bench: Bench) -> None:
    ended = bench.python('os.truncate(os.open(outputs + "/s", os.O_CREAT | os.O_RDWR), 1 << 40)')

    assert ended.ending is Ending.OUTPUT_TOO_LARGE or ended.exit_code != 0


def test_too_many_files_are_noticed_although_the_command_has_ended(bench: Bench) -> None:
    ended = bench.python(
        """
        for number in range(60):
            os.makedirs(f"{outputs}/{number}")
        """,
        output_files=50,
    )

    assert ended.ending is Ending.OUTPUT_TOO_LARGE
    assert "50 files" in ended.detail


def test_files_in_a_closed_folder_are_counted_too(bench: Bench) -> None:
    ended = bench.python(
        """
        os.mkdir(outputs + "/closed")
        for number in range(60):
            open(f"{outputs}/closed/{number}", "w").close()
        os.chmod(outputs + "/closed", 0)
        """,
        output_files=50,
    )

    assert ended.ending is Ending.OUTPUT_TOO_LARGE


def test_links_in_the_outputs_are_never_followed(bench: Bench) -> None:
    ended = bench.python(
        """
        os.symlink("/", outputs + "/root")
        os.symlink(outputs, outputs + "/self")
        os.symlink("/dev/zero", outputs + "/case.npz")
        """,
        output_files=10,
    )

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 0)
