"""A full disk stops a run with one line; once there is room, the same command ends it."""

import csv
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSubmission = Callable[[str, str], Path]

# About 60 KiB that no compression makes smaller, beside a valid mask.
FILL_BOXES = """
for path in sorted(inputs.glob('*.npz')):
    case = np.load(path, allow_pickle=False)
    volume = case['boxes'].shape[1] == 6
    segs = np.zeros(case['imgs'].shape if volume else case['imgs'].shape[:2], np.uint8)
    segs[segs.shape[0] // 3 :] = 1
    noise = np.frombuffer(os.urandom(60_000), np.uint8)
    np.savez(outputs / path.name, segs=segs, noise=noise)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.small_disk
@pytest.mark.parametrize("left_kib", [0, 24, 100, 180])
def test_a_full_disk_stops_a_run_and_the_same_command_ends_it_once_there_is_room(
    left_kib: int,
    small_disk: Path,
    small_data: Path,
    make_submission: MakeSubmission,
    segjudge: Command,
) -> None:
    run = small_disk / "run"
    team = make_submission("team", FILL_BOXES)
    arguments = ["run", "--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "local"]
    arguments += ["--submission", f"team={team}", run]
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    ballast.write_bytes(b"x" * (free - left_kib * 1024))

    stopped = segjudge(*arguments)
    assert stopped.returncode == 2, stopped.stderr
    assert "Traceback" not in stopped.stderr
    last = stopped.stderr.strip().splitlines()[-1]
    assert "No space left on device" in last or "see that the disk has room" in last, last
    assert str(run) in last, "it says which disk is full"

    ballast.unlink()
    ended = segjudge(*arguments)
    assert ended.returncode == 0, ended.stderr
    with (run / "runs.csv").open(newline="", encoding="utf-8") as stream:
        outcomes = {row["case"]: row["outcome"] for row in csv.DictReader(stream)}
    assert len(outcomes) == 4
    assert set(outcomes.values()) == {"ok"}, outcomes
    assert segjudge("score", run).returncode == 0
    assert [path for path in run.rglob(".*") if path.is_file()] == []


@pytest.mark.small_disk
def test_a_disk_that_fills_up_leaves_the_earlier_tables_of_two_folders(
    small_disk: Path, tmp_path: Path, segjudge: Command
) -> None:
    labels = np.zeros((4, 8, 8), np.uint8)
    labels[1:3, 2:5, 2:6] = 1
    for name, array in (("gts", labels), ("segs", labels)):
        (tmp_path / name).mkdir()
        for number in range(60):
            arrays = {name: array, "spacing": np.ones(3)}
            np.savez(tmp_path / name / f"3DBox_CT_{number}.npz", **arrays)
    out = small_disk / "scores"
    arguments = ["score", "--references", tmp_path / "gts", "--predictions", tmp_path / "segs"]
    arguments += ["--protocol", "cvpr24", "--out", out, "--jobs", "1"]
    assert segjudge(*arguments).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    np.savez(tmp_path / "segs" / "3DBox_CT_7.npz", segs=np.roll(labels, 1, axis=2))
    statistics = os.statvfs(small_disk)
    room = statistics.f_bavail * statistics.f_frsize - (4 << 10)  # for the first table alone
    (small_disk / "ballast").write_bytes(bytes(room))
    full = segjudge(*arguments)
    assert full.returncode != 0
    assert "Traceback" not in full.stderr
    assert "No space left" in full.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
