"""A bundle for Codabench says what the protocol says, and scores as a worker runs it."""

import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
import yaml

import segjudge
from evaluate.cli import main
from evaluate.reporting.folder_page import folder_page
from tests.exporting.organs import labels_of, write_mask


@pytest.fixture(scope="module")
def exported(challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("codabench") / "out"
    arguments = ["--protocol", challenge / "rules.toml", "--references", challenge / "references"]
    assert main([*map(str, ["export", "codabench", *arguments, out])]) == 0
    return out


@pytest.fixture
def worker(exported: Path, tmp_path: Path) -> Path:
    """The folders of a worker: program, reference data, a place for the submission, outputs."""
    for name, archive in (("program", "scoring_program"), ("input/ref", "reference_data")):
        with zipfile.ZipFile(exported / "bundle" / f"{archive}.zip") as stored:
            stored.extractall(tmp_path / name)
    for name in ("input/res", "output"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def score(worker: Path) -> subprocess.CompletedProcess[str]:
    """Without a container: the paths that the command has in it are the worker's."""
    command = (worker / "program" / "metadata.yaml").read_text("utf-8").partition("python3")[2]
    return subprocess.run(
        [sys.executable, *command.replace("/app", str(worker)).split()],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_bundle_is_of_version_2_with_columns_and_directions_of_the_protocol(
    exported: Path,
) -> None:
    with zipfile.ZipFile(exported / "bundle.zip") as bundle:
        names = set(bundle.namelist())
        competition = yaml.safe_load(bundle.read("competition.yaml"))
    assert competition["version"] == 2
    assert competition["docker_image"] == "segjudge-organs:2.0"
    assert competition["title"] == "Three organs in CT: a <test>"
    (board,) = competition["leaderboards"]
    assert [(c["key"], c["sorting"], c["index"]) for c in board["columns"]] == [
        ("dsc", "desc", 0),
        ("nsd", "desc", 1),
        ("failed", "asc", 2),
    ]
    (task,) = competition["tasks"]
    files = {task["scoring_program"], task["reference_data"], competition["image"]}
    files |= {competition["terms"], competition["solutions"][0]["path"]}
    files |= {page["file"] for page in competition["pages"]}
    assert files | {"competition.yaml"} == names
    (phase,) = competition["phases"]
    assert phase["tasks"] == [task["index"]]
    datetime.strptime(phase["start"], "%Y-%m-%d %H:%M:%S")  # the platform's form


def test_reference_data_are_the_references_and_nothing_else(exported: Path) -> None:
    with zipfile.ZipFile(exported / "bundle" / "reference_data.zip") as stored:
        assert stored.namelist() == ["a.nii.gz", "bb.nii.gz", "more/ccc.nii.gz"]


@pytest.mark.parametrize("name", ["bundle", "bundle/scoring_program", "bundle/reference_data"])
def test_what_a_platform_unpacks_can_be_read_by_another_user(exported: Path, name: str) -> None:
    with zipfile.ZipFile(exported / f"{name}.zip") as stored:
        assert {info.external_attr >> 16 for info in stored.infolist()} == {0o100644}


def test_the_solution_works_and_gives_no_reference_away(exported: Path, worker: Path) -> None:
    with zipfile.ZipFile(exported / "bundle" / "solution.zip") as stored:
        stored.extractall(worker / "input" / "res")
    done = score(worker)
    assert done.returncode == 0, done.stderr
    scores = json.loads((worker / "output" / "scores.json").read_text("utf-8"))
    assert scores == {"dsc": 0.0, "nsd": 0.0, "failed": 0}


def test_masks_in_folders_are_found_and_a_missing_one_costs_what_a_failure_costs(
    worker: Path,
) -> None:
    write_mask(worker / "input" / "res" / "my results" / "A.nii.gz", labels_of("a"))
    write_mask(worker / "input" / "res" / "__MACOSX" / "x.nii.gz", labels_of("a"))
    (worker / "input" / "res" / "bb.nii.gz").write_bytes(b"<script>alert(1)</script>")
    done = score(worker)
    assert done.returncode == 0, done.stderr
    text = (worker / "output" / "scores.json").read_text("utf-8")
    scores = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    assert scores == {"dsc": pytest.approx(1 / 3), "nsd": pytest.approx(1 / 3), "failed": 2}
    page = (worker / "output" / "detailed_results.html").read_text("utf-8")
    assert "3 cases, 2 failed" in page
    assert "a &lt;test&gt;" in page
    assert "<script>alert" not in page


def test_a_link_in_a_submission_is_not_followed(worker: Path) -> None:
    (worker / "input" / "res" / "a.nii.gz").symlink_to(worker / "input" / "ref" / "a.nii.gz")
    done = score(worker)
    assert done.returncode == 1
    assert done.stderr.startswith("segjudge: a.nii.gz: a link; expected ordinary files")
    assert not (worker / "output" / "scores.json").exists()


def test_a_submission_without_masks_fails_in_one_line(worker: Path) -> None:
    done = score(worker)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_the_page_of_a_long_challenge_is_cut_and_says_so(challenge: Path, tmp_path: Path) -> None:
    write_mask(tmp_path / "a.nii.gz", labels_of("a"))
    made = segjudge.score_folder(
        challenge / "references", tmp_path, challenge / "rules.toml", jobs=1
    )
    cases = [
        msgspec.structs.replace(made.scores.cases[0], case=f"case-{number}")
        for number in range(2000)
    ]
    page = folder_page(made.protocol, cases, made.means, most_bytes=200_000)
    assert len(page.encode()) <= 200_000
    shown = page.count("<td>case-")
    assert 0 < shown < 2000
    assert f"{2000 - shown:,} cases more" in page
    assert math.isfinite(made.means["dsc"] or math.nan)


def test_an_export_overwrites_nothing(
    exported: Path, challenge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--protocol", challenge / "rules.toml", "--references", challenge / "references"]
    assert main([*map(str, ["export", "codabench", *arguments, exported])]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.engine
def test_the_program_runs_in_its_image_with_a_workers_mounts_and_no_network(
    exported: Path, worker: Path, build: Callable[[Path], str]
) -> None:
    image = build(exported / "image")
    with zipfile.ZipFile(exported / "bundle" / "solution.zip") as stored:
        stored.extractall(worker / "input" / "res")
    write_mask(worker / "input" / "res" / "a.nii.gz", labels_of("a"))
    command = (worker / "program" / "metadata.yaml").read_text("utf-8").partition(": ")[2].split()
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "--network", "none", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--workdir", "/app/program"),
            *("--volume", f"{worker / 'program'}:/app/program"),
            *("--volume", f"{worker / 'output'}:/app/output"),
            *("--volume", f"{worker / 'input' / 'ref'}:/app/input/ref"),
            *("--volume", f"{worker / 'input' / 'res'}:/app/input/res"),
            *(image, *command),
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((worker / "output" / "scores.json").read_text("utf-8"))
    assert scores == {"dsc": pytest.approx(1 / 3), "nsd": pytest.approx(1 / 3), "failed": 0}
