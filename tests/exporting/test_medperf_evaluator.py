"""An evaluator for MedPerf: what leaves the hospital are numbers over cases, and no case's name."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from evaluate.cli import main
from segjudge.platforms.medperf import evaluate
from tests.exporting.organs import labels_of, write_mask


@pytest.fixture(scope="module")
def exported(challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("medperf") / "out"
    arguments = ["--protocol", challenge / "rules.toml", "--references", challenge / "references"]
    image = ["--image", "registry.example/organs:1"]
    assert main([*map(str, ["export", "medperf", *arguments, *image, out])]) == 0
    return out


@pytest.fixture
def volumes(exported: Path, challenge: Path, tmp_path: Path) -> Path:
    """What a hospital mounts: labels of patients, predictions, the parameters."""
    for name in ("parameters", "results", "local_outputs"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    (tmp_path / "parameters" / "parameters_file.yaml").write_bytes(
        (exported / "parameters_file.yaml").read_bytes()
    )
    for case in ("patient-1", "patient-2", "patient-3"):
        write_mask(tmp_path / "labels" / f"{case}.nii.gz", labels_of(case))
    for case in ("patient-1", "patient-2"):
        write_mask(tmp_path / "predictions" / f"{case}.nii.gz", labels_of(case))
    return tmp_path


def held(volumes: Path) -> None:
    text = (volumes / "results" / "results.yaml").read_text("utf-8")
    assert "patient" not in text
    results = yaml.safe_load(text)
    assert (results["cases"], results["failed"]) == (3, 1)
    assert results["dsc"] == pytest.approx(2 / 3)
    assert "patient-3" in (volumes / "local_outputs" / "case_scores.csv").read_text("utf-8")


def test_results_hold_means_and_failures_and_no_case(volumes: Path) -> None:
    evaluate(volumes)
    held(volumes)


def test_the_config_mounts_what_the_evaluator_reads(exported: Path) -> None:
    config = yaml.safe_load((exported / "container_config.yaml").read_text("utf-8"))
    assert (config["image"], config["container_type"]) == (
        "registry.example/organs:1",
        "DockerImage",
    )
    task = config["tasks"]["evaluate"]
    assert {n: v["mount_path"] for n, v in task["input_volumes"].items()} == {
        "predictions": "/mlcommons/volumes/predictions",
        "labels": "/mlcommons/volumes/labels",
        "parameters_file": "/mlcommons/volumes/parameters/parameters_file.yaml",
    }
    written = task["output_volumes"]
    assert written["output_path"]["mount_path"] == "/mlcommons/volumes/results/results.yaml"
    assert not list(exported.rglob("*.nii.gz"))


@pytest.mark.engine
def test_the_evaluator_runs_with_the_configs_mounts_and_no_network(
    exported: Path, volumes: Path, build: Callable[[Path], str]
) -> None:
    image = build(exported / "image")
    read = ("predictions", "labels", "parameters")
    mounts = [f"{volumes / name}:/mlcommons/volumes/{name}:ro" for name in read]
    mounts += [
        f"{volumes / name}:/mlcommons/volumes/{name}" for name in ("results", "local_outputs")
    ]
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp"),  # noqa: S108
            *(part for mount in mounts for part in ("--volume", mount)),
            *(image, "evaluate"),
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    held(volumes)
