"""An algorithm of Grand Challenge, offline: a real container, from run to report and bundle."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the name that everyone gives it)

from data_manifest.layouts.sidecars import filled
from evaluate.checking import build_sanity_cases
from tests.checking.contracts_gallery import CONTRACTS
from tests.checking.gallery import archive, programs
from tests.checking.test_gallery import checked, grave
from tests.sandbox.archive_writer import HandmadeImage, tar_of

pytestmark = pytest.mark.engine

_CASE = "3DBox_CT_sanity"
_SOCKET, _LEFT = "images/abdominal-t1-mri", "images/pancreatic-tumor-segmentation"
_LOOK = f"""\
echo "user $(id -u)"; echo "age $(cat /input/age-in-months.json)"; cat /input/inputs.json
echo "model $(cat /opt/ml/model/weights.txt)"; cat /proc/mounts
echo scratch > /tmp/a; (echo x > /opt/ml/model/a) 2>/dev/null && echo "the model was changed"
(echo x > /input/a) 2>/dev/null && echo "the inputs were changed"
mkdir -p /output/{_LEFT}; echo "[]" > /output/results.json
"""
_ANSWER = f"cp /opt/app/answers/$(ls /input/{_SOCKET}) /output/{_LEFT}/output.mha\n"


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sanity_cases(tmp_path_factory.mktemp("volumes"), only=(_CASE,), prompts=())


@pytest.fixture
def algorithm(volumes: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """An image that starts a script of its own, with the references as its answers."""

    def of(name: str, script: str, entry: str = "/opt/app/process.sh") -> Path:
        with np.load(volumes.parent / "references" / f"{_CASE}.npz") as stored:
            mask = sitk.GetImageFromArray((stored["gts"] > 0).astype(np.uint8))
            mask.SetSpacing(stored["spacing"].tolist())
        sitk.WriteImage(mask, str(tmp_path / "answer.mha"))
        told = Path(filled(f"{_SOCKET}/{{uuid}}.mha", _CASE)).name
        own = {
            "opt/app/process.sh": f"set -eu\n{script}".encode(),
            f"opt/app/answers/{told}": (tmp_path / "answer.mha").read_bytes(),
        }
        folders = {"opt": 0o755, "opt/ml": 0o755, "opt/ml/model": 0o755, "tmp": 0o1777}
        tools = programs(*(f"/bin/{it}" for it in ("sh", "bash", "cp", "cat", "ls", "mkdir", "id")))
        settings = {"WorkingDir": "/opt/app", "Entrypoint": ["/bin/sh", entry]}
        layers = [tar_of(tools, folders=folders), tar_of(own)]
        image = HandmadeImage(layers, settings, ["algorithm:latest"])
        return archive(image, f"{name}.tar.gz")(tmp_path)

    return of


def test_an_algorithm_goes_from_its_archive_to_a_report_and_is_proved(
    segjudge: Callable, algorithm: Callable, volumes: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(CONTRACTS["Grand Challenge"], "utf-8")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text("trained", "utf-8")
    alpha, beta = algorithm("alpha", _LOOK + _ANSWER), algorithm("beta", _LOOK)
    made = segjudge(
        *("run", "run", "--manifest", volumes, "--protocol", "mine.toml", "--sandbox", "docker"),
        *("--submission", f"alpha={alpha}+model=model", "--submission", f"beta={beta}+model=model"),
    )
    assert made.returncode == 0, made.stderr
    with (tmp_path / "run" / "runs.csv").open(encoding="utf-8") as stream:
        runs = {row["team"]: row for row in csv.DictReader(stream)}
    assert runs["alpha"]["outcome"] == "ok", runs["alpha"]["reason"]
    assert runs["beta"]["outcome"] == "no_output"
    assert f"{_LEFT}/*.mha" in runs["beta"]["reason"]
    kept = tmp_path / "run" / "predictions" / "alpha" / f"{_CASE}.mha"
    assert sitk.ReadImage(str(kept)).GetSize() == (96, 96, 12)

    log = (tmp_path / "run" / "logs" / "alpha" / f"{_CASE}.log").read_text("utf-8")
    assert "user 0\n" not in log
    assert "age 720" in log
    assert "model trained" in log
    assert "changed" not in log
    shared = next(line for line in log.splitlines() if " /dev/shm " in line)
    assert "size=16777216k" in shared  # half of the memory
    inputs = json.loads(log[log.index("[\n") : log.index("\n]") + 2])
    assert inputs[0]["image"]["name"] == f"{_CASE}.mha"

    for command in (("score",), ("rank", "--bootstrap", 20), ("report",)):
        done = segjudge(command[0], "run", *command[1:])
        assert done.returncode == 0, done.stderr
    assert _CASE in (tmp_path / "run" / "report" / "index.html").read_text("utf-8")
    audited = segjudge("audit", "run", "--rerun", "--sandbox", "docker")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    bundled = segjudge("bundle", "run", "run.zip")
    assert bundled.returncode == 0, bundled.stderr
    assert segjudge("verify", "run.zip").returncode == 0


_BROKEN = {
    "another socket": (
        f"mkdir -p /output/images/tumor\ncp /opt/app/answers/$(ls /input/{_SOCKET})"
        " /output/images/tumor/output.mha\n",
        "output-name",
        "images/tumor/output.mha",
    ),
    "a cache among the inputs": (
        f"mkdir -p /output/{_LEFT}\n{_ANSWER}echo x > /input/cache\n",
        "writes-outside",
        "ead-only file system",
    ),
    "an input that is not there": (
        "cat /input/images/ct/image.mha\n",
        "inputs-read",
        "images/abdominal-t1-mri",
    ),
}


@pytest.mark.parametrize("name", _BROKEN)
def test_check_names_the_defect_of_an_algorithm_s_container(
    name: str, algorithm: Callable, volumes: Path, tmp_path: Path
) -> None:
    script, check, says = _BROKEN[name]
    (tmp_path / "mine.toml").write_text(CONTRACTS["Grand Challenge"], "utf-8")
    _, findings = checked(
        *(tmp_path, algorithm("team", script), "--manifest", volumes, "--sandbox", "docker"),
        *("--protocol", tmp_path / "mine.toml"),
    )
    told = grave(findings)
    assert says in told[check], told
    assert set(told) <= {check, "starts"}


def test_an_entry_point_that_is_not_in_the_image_is_named_before_it_runs(
    algorithm: Callable, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(CONTRACTS["Grand Challenge"], "utf-8")
    image = algorithm("team", _ANSWER, "inference.sh")
    _, findings = checked(tmp_path, image, "--static", "--protocol", tmp_path / "mine.toml")
    assert "no inference.sh" in grave(findings)["entry-point"]
