"""A full disk stops a run with one line; once there is room, the same command ends it."""

import csv
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

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

    ballast.unlink()
    ended = segjudge(*arguments)
    assert ended.returncode == 0, ended.stderr
    with (run / "runs.csv").open(newline="", encoding="utf-8") as stream:
        outcomes = {row["case"]: row["outcome"] for row in csv.DictReader(stream)}
    assert len(outcomes) == 4
    assert set(outcomes.values()) == {"ok"}, outcomes
    assert segjudge("score", run).returncode == 0
    assert [path for path in run.rglob(".*") if path.is_file()] == []
