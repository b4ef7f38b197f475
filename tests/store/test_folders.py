"""A folder of a run is replaced whole: at every moment there is the old one or the new one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluate.store import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path)
    made.write_folder("report/cases", [("1/page.html", b"old"), ("gone.html", b"old")])
    return made


def content(run: RunDirectory) -> dict[str, bytes]:
    folder = run.root / "report"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


OLD = {"cases/1/page.html": b"old", "cases/gone.html": b"old"}
NEW = {"cases/1/page.html": b"new"}


def test_a_new_folder_takes_the_place_of_the_old_one_and_nothing_is_left_over(
    run: RunDirectory,
) -> None:
    run.write_folder("report/cases", [("1/page.html", b"new")])
    assert content(run) == NEW


def test_what_fails_while_it_is_made_leaves_the_old_one(run: RunDirectory) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "1/page.html", b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.write_folder("report/cases", files())
    assert content(run) == OLD


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_at_any_rename_leaves_the_old_one_or_the_new_one(
    run: RunDirectory, renames: int
) -> None:
    """The command is killed after so many renames; the next that locks the folder tidies up."""
    child = os.fork()
    if child == 0:
        left = renames
        rename = Path.rename

        def counted(path: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            made = rename(path, target)
            if left == 0 and renames == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return made

        Path.rename = counted  # type: ignore[method-assign,assignment]
        run.write_folder("report/cases", [("1/page.html", b"new")])
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with run.locked():
        pass
    assert content(run) == (NEW if renames == 2 else OLD)
