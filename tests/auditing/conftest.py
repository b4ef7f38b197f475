"""A small finished run of three teams, made once, and copied for each test that tampers with it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluate.cli import main

SUBMISSIONS = {
    # Fills the boxes: deterministic, and never the same as the other's.
    "alpha": """
for path in sorted(inputs.glob("*.npz")):
    data = np.load(path)
    image, segs = data["imgs"], None
    shape = image.shape[:2] if image.shape[-1] == 3 and image.ndim == 3 else image.shape
    segs = np.zeros(shape, np.uint8)
    for label, box in enumerate(data["boxes"], start=1):
        half = len(box) // 2
        low, high = box[:half][::-1], box[half:][::-1]
        segs[tuple(slice(a + SHRINK, b + 1 - SHRINK) for a, b in zip(low, high))] = label
    if path.stem != FAILS:
        np.savez_compressed(outputs / path.name, segs=segs)
""",
}


def code(*, shrink: int = 0, fails: str = "none") -> str:
    """A submission that fills the boxes, less a margin, and leaves nothing for one case."""
    return f"SHRINK, FAILS = {shrink}, {fails!r}\n" + SUBMISSIONS["alpha"]


def command(*arguments: object) -> int:
    """The command `segjudge`, in this process; an audit scores in it, too."""
    if arguments[0] == "audit":
        arguments += ("--jobs", 1)
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def finished(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of alpha, beta and gamma, scored and ranked; gamma fails on one case."""
    folder = tmp_path_factory.mktemp("audited")
    for team, lines in (
        ("alpha", code()),
        ("beta", code(shrink=1)),
        ("gamma", code(shrink=2, fails="2DBox_XRay_1")),
    ):
        submission = folder / team
        submission.mkdir()
        (submission / "predict.sh").write_text("exec python3 -B predict.py\n", "utf-8")
        (submission / "predict.py").write_text(
            "import os, pathlib\nimport numpy as np\n"
            "inputs = pathlib.Path(os.environ['SEGJUDGE_INPUTS'])\n"
            "outputs = pathlib.Path(os.environ['SEGJUDGE_OUTPUTS'])\n" + lines,
            "utf-8",
        )
    shutil.copytree(small_data.parent, folder / "data")
    run = folder / "run"
    named = [f"--submission={team}={folder / team}" for team in ("alpha", "beta", "gamma")]
    manifest = folder / "data" / "manifest.json"
    options = ("--manifest", manifest, "--protocol", "segjudge", "--sandbox", "local")
    assert command("run", *options, *named, run) == 0
    assert command("score", run, "--jobs", 1) == 0
    assert command("rank", run, "--bootstrap", 20) == 0
    return run


@pytest.fixture
def tampered(finished: Path, tmp_path: Path) -> Callable[[], Path]:
    """Copies the run, its data and its submissions, so that a test may change them."""

    def copy() -> Path:
        folder = tmp_path / "audited"
        shutil.copytree(finished.parent, folder)
        facts = folder / "run" / "run.json"
        evidence = folder / "run" / "evidence.json"
        for path in (facts, evidence):
            text = path.read_text("utf-8").replace(str(finished.parent), str(folder))
            path.write_text(text, "utf-8")
        return folder / "run"

    return copy
