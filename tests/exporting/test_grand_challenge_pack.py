"""A pack for Grand Challenge runs by its own script, and matches jobs with cases by image names."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk  # noqa: N813  # the name that everyone gives it

from evaluate.cli import main
from evaluate.facts.errors import UsageError
from segjudge.platforms.grand_challenge import evaluate
from tests.exporting.organs import build_arguments, labels_of


@pytest.fixture(scope="module")
def exported(challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("grand-challenge") / "out"
    arguments = ["--protocol", challenge / "rules.toml", "--references", challenge / "references"]
    sockets = ["--socket-in", "ct-image", "--socket-out", "organ-segmentation"]
    assert main([*map(str, ["export", "grand-challenge", *arguments, *sockets, out])]) == 0
    return out


@pytest.fixture
def pack(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path / "pack")
    (tmp_path / "pack" / "output").mkdir()
    return tmp_path / "pack"


def run(pack: Path) -> dict[str, dict[str, object]]:
    evaluate(pack / "test" / "input", pack / "ground_truth", pack, pack / "output", jobs=1)
    text = (pack / "output" / "metrics.json").read_text("utf-8")
    metrics: dict[str, dict[str, object]] = json.loads(text, parse_constant=pytest.fail)
    return metrics


def answer(pack: Path, job: int, case: str) -> None:
    """Let a job have the right mask of a case, on the grid that the platform knows."""
    folder = pack / "test" / "input" / f"job-{job}" / "output" / "images" / "organ-segmentation"
    (path,) = folder.iterdir()
    blank = sitk.ReadImage(path)
    mask = sitk.GetImageFromArray(labels_of(case).transpose())
    mask.CopyInformation(blank)
    sitk.WriteImage(mask, path)


def test_a_job_is_matched_by_its_images_name_and_not_by_the_masks(pack: Path) -> None:
    jobs = json.loads((pack / "test" / "input" / "predictions.json").read_text("utf-8"))
    assert [job["inputs"][0]["image"]["name"] for job in jobs] == ["a.mha", "bb.mha", "ccc.mha"]
    answer(pack, 1, "bb")
    metrics = run(pack)
    values = {row["case"]: row["dsc"] for row in metrics["results"]}  # type: ignore[call-overload]
    assert values == {"a": 0.0, "bb": 1.0, "ccc": 0.0}
    assert metrics["aggregates"] == {
        "dsc": pytest.approx(1 / 3),
        "nsd": pytest.approx(1 / 3),
        "failed": 0,
    }


def test_a_job_that_failed_is_a_failed_case(pack: Path) -> None:
    path = pack / "test" / "input" / "predictions.json"
    jobs = json.loads(path.read_text("utf-8"))
    jobs[2]["status"] = "Failed"
    answer(pack, 0, "a")
    path.write_text(json.dumps(jobs[:1] + jobs[2:]))
    assert run(pack)["aggregates"]["failed"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda jobs: jobs + jobs[:1], "case a: two jobs"),
        (lambda jobs: [{"pk": 3}], "predictions.json: can't be read"),
        (lambda jobs: [jobs[0] | {"inputs": []}], "job job-0: no such input"),
        (lambda jobs: [jobs[0] | {"pk": "../job-0"}], "job ../job-0"),
    ],
)
def test_jobs_of_another_form_stop_the_evaluation_in_one_line(
    pack: Path, change: Callable, said: str
) -> None:
    path = pack / "test" / "input" / "predictions.json"
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))))
    with pytest.raises(UsageError, match="(?s)" + said.replace(".", r"\.")):
        run(pack)


def test_the_tarball_is_the_ground_truth_and_the_readme_has_the_leaderboards_paths(
    exported: Path,
) -> None:
    with tarfile.open(exported / "ground_truth.tar.gz") as archive:
        files = {member.name for member in archive if member.isfile()}
    assert files == {"./a.nii.gz", "./bb.nii.gz", "./more/ccc.nii.gz"}
    readme = (exported / "README.md").read_text("utf-8")
    assert "| `aggregates.dsc` | DSC | desc |" in readme
    assert "| `aggregates.failed` | Failed cases | asc |" in readme


@pytest.mark.engine
def test_its_own_scripts_build_and_test_it(pack: Path) -> None:
    """As another user than root, without network; numbers of empty masks."""
    image = f"segjudge-organs-{os.getpid()}"
    for script in pack.glob("do_*.sh"):
        script.write_text(script.read_text("utf-8").replace("segjudge-organs", image))
    try:
        for script, options in (("do_build.sh", build_arguments()), ("do_test_run.sh", [])):
            done = subprocess.run(
                [pack / script, *options], capture_output=True, encoding="utf-8", check=False
            )
            assert done.returncode == 0, done.stderr
        metrics = json.loads((pack / "test" / "output" / "metrics.json").read_text("utf-8"))
        assert metrics["aggregates"] == {"dsc": 0.0, "nsd": 0.0, "failed": 0}
        user = subprocess.run(
            ["docker", "run", "--rm", "--entrypoint", "id", image, "-u"],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert user.stdout.strip() != "0"
    finally:
        subprocess.run(["docker", "rmi", "--force", image], check=False, capture_output=True)
