"""Endless logs and endless folders: bounded work on what a stranger writes without end."""

import os
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from evaluate.sandbox.case_folders import folder_digest
from evaluate.sandbox.left_outputs import excess, reclaim
from evaluate.sandbox.log import BoundedLog


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(1, 60))
def test_a_log_is_whole_or_has_its_ends_and_the_number_of_missing_bytes(
    pieces: list[bytes], limit: int
) -> None:
    log = BoundedLog(limit_bytes=limit)
    for piece in pieces:
        log.write(piece)
    whole, content = b"".join(pieces), log.content()

    if len(whole) <= limit:
        assert content == whole
        return
    head, tail = limit - limit // 2, limit // 2
    assert content.startswith(whole[:head])
    assert content.endswith(whole[len(whole) - tail :])
    assert b"[... %d bytes left out" % (len(whole) - limit) in content


def test_a_flood_of_small_pieces_is_kept_in_bounded_memory() -> None:
    log = BoundedLog(limit_bytes=1000)
    before = time.monotonic()
    for number in range(200_000):
        log.write(b"%d\n" % number)

    assert log.content().endswith(b"199999\n")
    assert len(log.content()) < 1200
    assert time.monotonic() - before < 5


def test_links_are_counted_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3 * 2**20))
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "link").symlink_to(tmp_path / "big")
    (outputs / "folder").symlink_to(tmp_path)
    (outputs / "loop").symlink_to(outputs)

    assert excess(outputs, output_mib=1, output_files=3) == ""
    assert (
        excess(outputs, output_mib=1, output_files=2) == "more than 2 files in the outputs folder"
    )


def test_both_apparent_and_allocated_size_count(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    assert "1048576.0 MiB" in excess(tmp_path, output_mib=1, output_files=9)

    (tmp_path / "sparse").unlink()
    with (tmp_path / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 3 * 2**20)
        file.truncate(3 * 2**20)
    assert "3.0 MiB" in excess(tmp_path, output_mib=1, output_files=9)


def test_folders_without_end_are_an_excess_and_no_crash(tmp_path: Path) -> None:
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(600):  # longer than any path that the system takes
        os.mkdir("x" * 50, dir_fd=deep)
        below = os.open("x" * 50, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)

    assert excess(tmp_path, output_mib=1, output_files=10**6) == (
        "folders nested deeper than 32 in the outputs folder"
    )


def test_a_hundred_thousand_files_cost_no_more_than_the_limit(tmp_path: Path) -> None:
    for number in range(20_000):
        os.mknod(tmp_path / str(number))
    before = time.monotonic()

    assert excess(tmp_path, output_mib=1, output_files=1000) != ""
    assert time.monotonic() - before < 0.2


def test_names_of_any_bytes_are_only_names(tmp_path: Path) -> None:
    for name in (b"line\nbreak", b"\xff\xfe", "‮gepj".encode(), b"-rf", b"$(reboot)", b"a" * 255):
        (Path(os.fsdecode(tmp_path)) / os.fsdecode(name)).touch()

    assert excess(tmp_path, output_mib=1, output_files=6) == ""
    assert len(folder_digest(tmp_path)) == 64


def test_closed_folders_can_be_deleted_after_they_are_reclaimed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b").chmod(0)
    (tmp_path / "a").chmod(0)

    reclaim(tmp_path)

    if os.getuid() != 0:  # root needs no permission
        assert (tmp_path / "a" / "b").stat().st_mode & 0o700 == 0o700
    (tmp_path / "a" / "b").rmdir()


def test_a_folder_s_digest_changes_with_every_kind_of_change(tmp_path: Path) -> None:
    digests = [folder_digest(tmp_path)]

    def changed() -> bool:
        digests.append(folder_digest(tmp_path))
        return digests[-1] not in digests[:-1]

    (tmp_path / "predict.sh").write_bytes(b"exit 0")
    assert changed()
    (tmp_path / "predict.sh").write_bytes(b"exit 1")
    assert changed()
    (tmp_path / "predict.sh").chmod(0o755)
    assert changed()
    (tmp_path / "predict.sh").rename(tmp_path / "other.sh")
    assert changed()
    (tmp_path / "link").symlink_to("other.sh")
    assert changed()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to(tmp_path)
    assert changed()


def test_what_tools_leave_in_a_folder_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "predict.sh").touch()
    before = folder_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    (tmp_path / ".git").mkdir()

    assert folder_digest(tmp_path) == before
