"""Whatever a stranger leaves in a folder is removed, and what can't be is no error."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.cli.run_words import warn_of_leftovers
from evaluate.running.workspace import remove_stale
from evaluate.sandbox.left_outputs import excess, reclaim
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import remove_stale_scratch, scratch_folder
from evaluate.store import RunDirectory


def _nest(root: Path, name: str, depth: int) -> None:
    """Folders in each other, deeper than any path may be long."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)


@pytest.mark.parametrize(("name", "depth"), [("n" * 255, 30), ("x", 300), ("left-0", 40)])
def test_folders_nested_deeper_than_a_path_is_long_are_removed(
    tmp_path: Path, name: str, depth: int
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _nest(root, name, depth)

    assert remove_tree(root)
    assert list(tmp_path.iterdir()) == []


def test_links_closed_folders_pipes_and_odd_names_are_removed_and_nothing_else(
    tmp_path: Path,
) -> None:
    kept, root = tmp_path / "kept", tmp_path / "root"
    kept.mkdir()
    (kept / "file").touch()
    (root / "closed" / "more").mkdir(parents=True)
    (root / "link").symlink_to(kept, target_is_directory=True)
    (root / "closed" / "out").symlink_to("/")
    os.mkfifo(root / "closed" / "more" / "pipe")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\n")).mkdir()
    (root / "closed" / "more").chmod(0)
    (root / "closed").chmod(0)

    assert remove_tree(root)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    assert (kept / "file").exists()


@settings(max_examples=30, deadline=None)
@given(
    paths=st.lists(
        st.lists(st.sampled_from(["a", "b", "left-0", "left-1", "c"]), min_size=1, max_size=5),
        max_size=12,
    )
)
def test_any_tree_is_removed(
    paths: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("tree") / "root"
    root.mkdir()
    for parts in paths:
        (root / Path(*parts)).mkdir(parents=True, exist_ok=True)

    assert remove_tree(root)
    assert not root.exists()


def test_what_is_not_there_is_removed_already(tmp_path: Path) -> None:
    assert remove_tree(tmp_path / "nothing")


def _as_ordinary_user(work: Callable[[], bool]) -> bool:
    """Whether the work succeeds in a process of a user who is not root."""
    child = os.fork()
    if child == 0:
        done = False
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
                # Whoever was root may not look into /proc/self; an ordinary user's process may.
                ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE
            done = work()
        finally:
            os._exit(0 if done else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files and their folder, an ordinary user's, which are closed to their owner."""
    (tmp_path / "outputs").mkdir()
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # what lies above may be closed to the other user
    made = [Path("outputs"), *(Path("outputs", str(number)) for number in range(3))]
    for path in reversed(made):
        path.touch()
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        path.chmod(0)
    return made[0]


def test_an_outputs_folder_that_is_closed_is_looked_into_whoever_looks(outputs: Path) -> None:
    """As an ordinary user, too: root is let in anyway."""
    assert _as_ordinary_user(
        lambda: "more than 2 files" in excess(outputs, output_mib=1, output_files=2)
    )


def test_an_output_that_is_closed_is_read_whoever_reads(outputs: Path) -> None:
    def read() -> bool:
        reclaim(outputs)
        return (outputs / "1").read_bytes() == b""

    assert _as_ordinary_user(read)


def test_a_folder_of_a_command_that_is_gone_is_removed_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = Owner.current()
    gone = Owner(mine.host, mine.boot, mine.pid, mine.started + 1).token
    (tmp_path / f"segjudge-tmp-{gone}-abc" / "archive").mkdir(parents=True)
    (tmp_path / "segjudge-tmp-of-somebody").mkdir()
    with scratch_folder() as folder:
        remove_stale_scratch()
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"segjudge-tmp-of-somebody", folder.name}
    assert not folder.exists()


def test_what_can_not_be_removed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = RunDirectory(tmp_path / "run")
    left = tmp_path / f"segjudge-tmp-of_a_process-{run.token}-abc"
    left.mkdir()
    monkeypatch.setattr("evaluate.running.workspace.remove_tree", lambda path: False)
    remove_stale(run.token)
    warn_of_leftovers(run)
    assert f"{left}: what a container left can't be removed; remove it" in capsys.readouterr().err


def test_a_process_is_known_by_no_clock_that_anyone_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Owner.current()
    # As `psutil` tells it when the machine's clock has been set forward: five seconds later.
    monkeypatch.setattr("psutil.Process.create_time", lambda self: 5.0)
    monkeypatch.setattr("time.time", lambda: 4e9)

    assert Owner.current() == mine
    assert not mine.is_gone()
