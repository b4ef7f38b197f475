"""What all tests share: a browser, small data, small submissions, the command."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from data_manifest.demo.records import RawCase
from data_manifest.making.writing import write_case
from data_manifest.manifest import Manifest, Preparation, load_manifest, save_manifest
from evaluate.checking.starter import ready_participants
from evaluate.cli import main
from evaluate.running import LoadTime
from tests import capabilities
from tests.capabilities import chromium, need
from tests.reporting.chromium import Chromium
from tests.side_by_side import SideBySide, turn

# What is compiled is kept, here and by the hundreds of processes that tests start, also where the
# environment says otherwise, as that of an image does: each would compile segjudge and its tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell that starts the suite in the background has SIGINT and SIGQUIT ignored, in all that it
# starts, and `nohup` SIGHUP: the tests of Ctrl-C and of closed terminals would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in {"SIGQUIT", "SIGHUP"} & signal.Signals.__members__.keys():  # Windows has neither
    signal.signal(signal.Signals[ignored], signal.SIG_DFL)


pytest.register_assert_rewrite("segjudge.conformance.suite", "segjudge.conformance.limits")


def pytest_configure(config: pytest.Config) -> None:
    """A marker for each capability of the machine, and one for what takes long."""
    config.pluginmanager.register(capabilities)
    config.addinivalue_line("markers", "soak: takes minutes, and runs only with --soak")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make soak`."""
    parser.addoption("--soak", action="store_true", help="run the long tests, and no other")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long tests are left out, or alone; side by side, what takes longest comes first."""
    long = [item for item in items if item.get_closest_marker("soak")]
    short = [item for item in items if not item.get_closest_marker("soak")]
    items[:], left = (long, short) if config.getoption("--soak") else (short, long)
    config.hook.pytest_deselected(items=left)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn(item.path, item.name))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """What goes side by side with `pytest -n 3`."""
    return SideBySide(config, log)


@pytest.fixture(scope="session", autouse=True)
def machine_is_not_calibrated() -> Iterator[None]:
    """The load that is timed around each run in this process took as long as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluate.running.runner.time_load", lambda: LoadTime(seconds=0.03))
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A headless Chromium with one page, for all tests; who opens a page starts afresh."""
    need("chromium")
    with Chromium(chromium()) as opened:
        yield opened


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of four small cases, 2D and 3D, of three modalities, two labels each."""
    folder = tmp_path_factory.mktemp("small-data")
    for kind in ("inputs", "references"):
        (folder / kind).mkdir()
    preparation = Preparation(seed=0, margin=0, jitter=0, recipe="0" * 64)
    cases = [
        write_case(folder, raw, preparation=preparation)
        for raw in (
            raw_case("2DBox_US_1", "Ultrasound", (40, 50), None),
            raw_case("2DBox_US_2", "Ultrasound", (48, 48), (0.5, 0.5)),
            raw_case("2DBox_XRay_1", "X-Ray", (32, 64), None),
            raw_case("3DBox_CT_1", "CT", (6, 30, 40), (2.5, 0.8, 0.8)),
        )
    ]
    manifest = Manifest(schema=1, name="small", cases=tuple(cases))
    save_manifest(manifest, folder / "manifest.json")
    return folder / "manifest.json"


def first_cases(small_data: Path, number: int, into: Path) -> Path:
    """The manifest of so many of them, where each would cost a container."""
    data = shutil.copytree(small_data.parent, into) / "manifest.json"
    manifest = load_manifest(data)
    save_manifest(msgspec.structs.replace(manifest, cases=manifest.cases[:number]), data)
    return Path(data)


def raw_case(
    identifier: str, modality: str, shape: tuple[int, ...], spacing_mm: tuple[float, ...] | None
) -> RawCase:
    """Two ellipses, each in a half of the image, on noise."""
    generator = np.random.default_rng(len(identifier) + sum(shape))
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    across = sum(axis**2 for axis in axes[:-1])
    labels = np.zeros(shape, np.uint8)
    labels[(axes[-1] + 0.5) ** 2 * 6 + across < 0.8] = 1
    labels[(axes[-1] - 0.5) ** 2 * 9 + across < 0.6] = 2
    image = generator.normal(60, 10, shape) + 80 * (labels > 0)
    return RawCase(
        identifier=identifier,
        modality=modality,
        image=image.clip(0, 255).astype(np.uint8),
        labels=labels,
        label_names=("left", "right"),
        spacing_mm=spacing_mm,
        origin="simulated",
        source="two ellipses on noise",
        licence="CC0-1.0",
    )


@pytest.fixture(scope="session")
def participants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped participants, each made whole."""
    folder = tmp_path_factory.mktemp("participants")
    ready_participants(folder)
    return folder


@pytest.fixture
def make_submission(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a folder with a predict.sh that runs the given Python lines.

    `inputs`, `outputs` (folders) and `np` are defined there.
    """
    return submissions_in(tmp_path)


def submissions_in(place: Path) -> Callable[[str, str], Path]:
    """The same, for what several tests share."""

    def make(name: str, lines: str) -> Path:
        folder = place / f"submission-{name}"
        folder.mkdir()
        (folder / "predict.sh").write_text("exec python3 -B predict.py\n")
        (folder / "predict.py").write_text(
            "import os, pathlib, sys, time\n"
            + ("import numpy as np\n" if "np." in lines else "")  # most of the start
            + "inputs = pathlib.Path(os.environ.get('SEGJUDGE_INPUTS', '/workspace/inputs'))\n"
            "outputs = pathlib.Path(os.environ.get('SEGJUDGE_OUTPUTS', '/workspace/outputs'))\n"
            + lines
        )
        return folder

    return make


@pytest.fixture
def segjudge(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command `segjudge` in a temporary folder, in this process: it starts in no time."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        said, complained = io.StringIO(), io.StringIO()
        words = list(map(str, arguments))
        with (
            chdir(tmp_path),
            redirect_stdout(said),
            redirect_stderr(complained),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr(tempfile, "tempdir", None)  # looked for anew, and set by workers
            try:
                code = main(words)
            except SystemExit as end:  # argparse's
                code = int(end.code or 0)
        return subprocess.CompletedProcess(words, code, said.getvalue(), complained.getvalue())

    return run


@pytest.fixture
def segjudge_process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same in a process of its own, for what is not seen in ours."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "segjudge", *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            timeout=240,
            check=False,
        )

    return run
