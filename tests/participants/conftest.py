"""Running a participant as the sandbox does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from evaluate.checking.starter import ready_participants
from tests.participants.cases import Arrays, Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give cases to a participant's predict.sh, and get its answers by file name."""

    def run_participant(
        name: str, cases: dict[str, Arrays], **switches: str
    ) -> dict[str, npt.NDArray[np.generic]]:
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
