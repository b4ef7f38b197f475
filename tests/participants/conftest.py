"""Running a participant as the sandbox does."""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from evaluate.checking.starter import ready_participants
from tests.capabilities import need
from tests.participants.cases import Answers, Arrays, Run, contract_cases, objects_cases


@pytest.fixture(scope="session")
def network_answers(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Answers]:
    """What a participant with a network answers to all cases at once: it starts but once for it."""
    start = running(tmp_path_factory.mktemp("networks"))

    @functools.cache
    def answers(name: str, **switches: str) -> Answers:
        need(name.partition("/")[0])
        with one_processor():
            return start(name, contract_cases() | objects_cases(), **switches)

    return answers


@contextmanager
def one_processor() -> Iterator[None]:
    """Where others are busy too, two threads of a network mostly wait for each other, at work."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(ours)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give cases to a participant's predict.sh, and get its answers by file name."""
    return running(tmp_path)


def running(tmp_path: Path) -> Run:
    """What runs a participant, in folders of its own there."""

    def run_participant(name: str, cases: dict[str, Arrays], **switches: str) -> Answers:
        name, _, turn = name.partition("/")  # NAME/K for the K-th time
        folder = tmp_path / f"{name}{turn}"
        folder.mkdir()
        ready_participants(tmp_path / f"ready{turn}")[name].rename(folder / "workspace")
        for switch, value in switches.items():
            path = folder / "workspace" / "switches.toml"
            text = path.read_text("utf-8")
            path.write_text(re.sub(rf"(?m)^{switch} = \S+", f"{switch} = {value}", text), "utf-8")
        for part in ("inputs", "outputs"):
            (folder / part).mkdir()
        for case, arrays in cases.items():
            np.savez_compressed(folder / "inputs" / case, **arrays)
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "SEGJUDGE_INPUTS": str(folder / "inputs"),
            "SEGJUDGE_OUTPUTS": str(folder / "outputs"),
        }
        done = subprocess.run(
            ["sh", "predict.sh"],
            cwd=folder / "workspace",
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers = {}
        for path in (folder / "outputs").iterdir():
            with np.load(path, allow_pickle=False) as stored:
                assert stored.files == ["segs"], path.name
                answers[path.name] = stored["segs"]
        return answers

    return run_participant
