"""The whole way through real containers: archive, image and folder; and the compose file."""

import csv
import gzip
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluate.sandbox.ownership import Owner
from tests.capabilities import compose_command
from tests.harness.answering_image import answering_files, shell_image
from tests.sandbox.archive_writer import write_archive

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]
BASE, TAG = (
    f"segjudge-test/{name}:of-{os.getpid()}" for name in ("shell", "answers")
)  # another suite may use the same engine


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Iterator[Path]:
    """A small submission, whose Dockerfile stands on an image of a shell."""
    folder = tmp_path_factory.mktemp("folder")
    for name, content in answering_files(small_data, seconds=0.1, shift=1).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . .\n", "utf-8")
    base = write_archive(folder.with_suffix(".tar"), shell_image({}, BASE).members("docker"))
    subprocess.run(["docker", "load", "--input", base], check=True, capture_output=True)
    yield folder
    subprocess.run(["docker", "rmi", BASE], check=True, capture_output=True)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Path]:
    """A submission as the challenge takes it: `docker save NAME | gzip`."""
    subprocess.run(["docker", "build", "--quiet", "--tag", TAG, folder], check=True)
    saved = subprocess.run(["docker", "save", TAG], check=True, capture_output=True).stdout
    path = tmp_path_factory.mktemp("archive") / "shell.tar.gz"
    path.write_bytes(gzip.compress(saved, 1))
    yield path
    subprocess.run(["docker", "rmi", TAG], check=True, capture_output=True)


def test_archive_image_and_folder_score_alike_and_are_recorded_by_digest(
    archive: Path, small_data: Path, folder: Path, segjudge: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    references = {"archive": archive, "image": TAG, "folder": folder}
    named = [f"--submission={team}={reference}" for team, reference in references.items()]
    data = ["--manifest", small_data, "--protocol", "cvpr24"]
    made = segjudge("run", *data, *named, run, "--sandbox", "docker")
    assert made.returncode == 0, made.stderr
    local = segjudge(
        *("run", *data, named[2], tmp_path / "local", "--sandbox", "local"),
    )
    assert local.returncode == 0, local.stderr
    for made_run in (run, tmp_path / "local"):
        assert segjudge("score", made_run).returncode == 0
    expected = {r["case"]: (r["dsc"], r["nsd"]) for r in rows(tmp_path / "local/case_scores.csv")}
    scores = rows(run / "case_scores.csv")
    assert len(scores) == 12
    assert all(0.5 < float(row["dsc"]) < 1 for row in scores)
    for row in scores:
        assert row["outcome"] == "ok", row
        assert (row["dsc"], row["nsd"]) == expected[row["case"]]
    for row in rows(run / "runs.csv"):
        assert row["measured_by"] in ("cgroup", "stats")
        assert 0 < float(row["cpu_s"]) < 60
        assert 1 < float(row["peak_memory_mib"]) < 1024
        assert float(row["wall_s"]) > 0.05
    identity = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", TAG],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout.strip()
    facts = (run / "run.json").read_text("utf-8")
    assert facts.count(identity) >= 2  # of the image, and of its archive
    assert '"isolated": true' in facts


def test_an_archive_that_is_cut_off_fails_its_team_and_no_other(
    archive: Path, small_data: Path, folder: Path, segjudge: Command, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    made = segjudge(
        *("run", "--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "docker"),
        *(f"--submission=cut={cut}", f"--submission=good={folder}"),
        tmp_path / "run",
    )
    assert made.returncode == 0, made.stderr
    outcomes = {(r["team"], r["outcome"]) for r in rows(tmp_path / "run" / "runs.csv")}
    assert outcomes == {("cut", "image_error"), ("good", "ok")}
    assert segjudge("score", tmp_path / "run").returncode == 0
    assert segjudge("rank", tmp_path / "run", "--bootstrap", 20).returncode == 0
    ranking = {r["team"]: r for r in rows(tmp_path / "run" / "ranking.csv")}
    assert (ranking["good"]["rank"], ranking["cut"]["rank"]) == ("1", "2")
    assert ranking["cut"]["failures"] == "4"


@pytest.mark.compose
@pytest.mark.timeout(600)
def test_compose_runs_the_participant_then_the_evaluator(small_data: Path, tmp_path: Path) -> None:
    compose = compose_command()
    assert compose is not None
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert "docker.sock" not in text
    data = tmp_path / "data"
    for kind in ("inputs", "references"):
        (data / kind).mkdir(parents=True)
        shutil.copy(small_data.parent / kind / "2DBox_US_1.npz", data / kind)
    environment = os.environ | {
        "DATA": str(data),
        "SCORES": str(tmp_path / "scores"),
        "COMPOSE_PROJECT_NAME": f"segjudge-test-{os.getpid()}",
    }
    (tmp_path / "scores").mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*compose, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    try:
        ended = run("up", "--build", "--abort-on-container-exit", "evaluator")
        assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    finally:
        run("down", "--volumes")
    (row,) = rows(tmp_path / "scores" / "case_scores.csv")
    assert (row["case"], row["outcome"]) == ("2DBox_US_1", "ok")
    # The real model on a bright ellipse; the filled box gives 0.88.
    assert float(row["dsc"]) > 0.9


def test_machines_of_a_cluster_load_the_archive_and_run_the_same_image(
    archive: Path, small_data: Path, segjudge: Command, tmp_path: Path
) -> None:
    """Two workers beside each other, each with images of its own that go with it."""
    named = [f"--submission=archive={archive}", f"--submission=image={TAG}"]
    data = ["--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "docker"]
    runs = (tmp_path / "plain", tmp_path / "cluster")
    for run, more in zip(runs, ([], ["--cluster", "local:2"]), strict=True):
        made = segjudge("run", *data, *named, *more, run)
        assert made.returncode == 0, made.stderr
    facts = [
        [(r["team"], r["case"], r["outcome"], r["measured_by"]) for r in rows(run / "runs.csv")]
        for run in runs
    ]
    assert facts[0] == facts[1] and {outcome for *_, outcome, _ in facts[0]} == {"ok"}
    kept = [{p.name: p.read_bytes() for p in (run / "predictions").rglob("*.npz")} for run in runs]
    assert kept[0] == kept[1]
    tags = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "segjudge/loaded"],
        check=True, capture_output=True, encoding="utf-8",
    ).stdout.split()  # fmt: skip
    gone = [tag for tag in tags if (owner := owner_of(tag)) is not None and owner.is_gone()]
    assert gone == [], "images of workers that have ended"


def owner_of(tag: str) -> Owner | None:
    return Owner.parse(tag.rpartition(":")[2].rpartition("-")[0])
