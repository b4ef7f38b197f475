"""Images of teams: loaded without taking over a name, run by digest, removed at the end."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.errors import SubmissionError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Ending, Image, ImageProblem, open_sandbox
from evaluate.sandbox.case_folders import classify
from segjudge.conformance import Bench
from tests.sandbox.archive_writer import HandmadeImage, shell_files, tar_of, write_archive

_LIMITS = Limits(timeout_s=10, memory_mib=64)
_MOUNTS = {"workspace/inputs": 0o755, "workspace/outputs": 0o755, "tmp": 0o777}


@pytest.fixture(scope="module")
def shell() -> bytes:
    """A layer with a shell."""
    return tar_of(shell_files(), folders={"bin": 0o755, "closed": 0o700, **_MOUNTS})


@pytest.fixture
def prepared(docker_bench: Bench, tmp_path: Path) -> Iterator[Callable[..., Image]]:
    """Hands an image in, and releases it at the end."""
    images: list[Image] = []

    def prepare(image: HandmadeImage, layout: str = "docker", name: str = "team.tar") -> Image:
        path = write_archive(tmp_path / name, image.members(layout))
        images.append(docker_bench.sandbox.prepare(str(path), limits=_LIMITS))
        return images[-1]

    yield prepare
    for image in images:
        docker_bench.sandbox.release(image)


def _ids(engine: Any) -> set[str]:
    return {image.id for image in engine.images.list(all=True)}


def _tags(engine: Any) -> dict[str, str]:
    """Tags of these tests; others may be at work in the same engine."""
    return {
        tag: image.id
        for image in engine.images.list()
        for tag in image.tags
        if tag.startswith("segjudge-test-")
    }


@pytest.mark.engine
@pytest.mark.parametrize(
    ("layout", "name"),
    [("docker", "team.tar.gz"), ("docker25", "team.tar.gz"), ("oci", "team.tar")],
)
def test_an_archive_of_every_layout_is_loaded_run_by_digest_and_removed(
    docker_bench: Bench, engine: Any, tmp_path: Path, shell: bytes, layout: str, name: str
) -> None:
    marker = tar_of({"marker": f"{layout} {name}".encode()})
    handmade = HandmadeImage([shell, marker], tags=["segjudge-test-team:latest"])
    path = write_archive(tmp_path / name, handmade.members(layout))
    image = docker_bench.sandbox.prepare(str(path), limits=_LIMITS)
    ended = docker_bench.run("/bin/sh", "-c", "read x < /marker; echo $x", image=image)

    assert image.digest == handmade.id
    assert ended.log.decode().strip() == f"{layout} {name}"
    assert "segjudge-test-team:latest" not in _tags(engine)
    docker_bench.sandbox.release(image)
    assert image.digest not in _ids(engine)


@pytest.mark.engine
def test_what_the_engine_itself_saves_is_loaded_under_the_id_it_had(
    docker_bench: Bench, engine: Any, tmp_path: Path, shell: bytes
) -> None:
    made = engine.images.load(
        write_archive(
            tmp_path / "made.tar",
            HandmadeImage(
                [shell, tar_of({"saved": b""})], tags=["segjudge-test-saved:latest"]
            ).members("docker"),
        ).read_bytes()
    )[0]
    with (tmp_path / "saved.tar").open("wb") as file:
        file.writelines(made.save(named=True))
    engine.images.remove(made.id, force=True)

    image = docker_bench.sandbox.prepare(str(tmp_path / "saved.tar"), limits=_LIMITS)

    assert image.digest == made.id
    assert json.loads(str(image.details["tags"])) == ["segjudge-test-saved:latest"]
    docker_bench.sandbox.release(image)
    assert made.id not in _ids(engine)


@pytest.mark.engine
def test_an_archive_never_takes_over_a_tag(
    engine: Any, shell: bytes, prepared: Callable[..., Image], docker_sandbox: Any
) -> None:
    base = docker_sandbox[1].handle
    engine.images.get(base).tag("segjudge-test-base", "latest")
    before = _tags(engine)
    thief = HandmadeImage([shell], tags=["segjudge-test-base:latest", "segjudge-test-new:1"])

    try:
        for layout in ("docker", "docker25"):
            prepared(thief, layout)
        assert _tags(engine) == before
        assert before["segjudge-test-base:latest"] == base
    finally:
        engine.images.remove("segjudge-test-base:latest")


@pytest.mark.engine
def test_one_image_of_two_teams_stays_until_both_have_released_it(
    docker_bench: Bench, engine: Any, tmp_path: Path, shell: bytes
) -> None:
    handmade = HandmadeImage([shell, tar_of({"two": b""})])
    images = [
        docker_bench.sandbox.prepare(
            str(write_archive(tmp_path / f"{team}.tar", handmade.members("docker"))), limits=_LIMITS
        )
        for team in ("one", "two")
    ]

    docker_bench.sandbox.release(images[0])
    assert docker_bench.run("/bin/sh", "-c", "exit 0", image=images[1]).exit_code == 0
    docker_bench.sandbox.release(images[1])
    assert handmade.id not in _ids(engine)


@pytest.mark.engine
def test_an_image_that_was_there_before_stays_with_its_tags(
    docker_bench: Bench, engine: Any, tmp_path: Path, shell: bytes
) -> None:
    handmade = HandmadeImage([shell, tar_of({"was": b""})], tags=["segjudge-test-was:here"])
    path = write_archive(tmp_path / "team.tar", handmade.members("docker"))
    engine.images.load(path.read_bytes())

    try:
        for reference in (str(path), "segjudge-test-was:here", handmade.id):
            image = docker_bench.sandbox.prepare(reference, limits=_LIMITS)
            assert image.digest == handmade.id
            docker_bench.sandbox.release(image)
        assert engine.images.get(handmade.id).tags == ["segjudge-test-was:here"]
    finally:
        engine.images.remove(handmade.id, force=True)


@pytest.mark.engine
@pytest.mark.parametrize(
    "settings",
    [
        {"Entrypoint": ["/bin/sh", "-c", "exit 9"]},
        {"Entrypoint": ["/no/such/program"]},
        {"Cmd": ["/bin/sh", "-c", "exit 9"]},
        {"User": "0:0", "StopSignal": "SIGWINCH"},
        {"Healthcheck": {"Test": ["CMD-SHELL", "exit 1"], "Interval": 1_000_000}},
        {"OnBuild": ["RUN exit 1"], "ExposedPorts": {"80/tcp": {}}},
        {"Env": ["HOME=/srv", "PATH=/bin"], "Tty": True, "OpenStdin": True},
    ],
)
def test_nothing_that_an_image_sets_interferes(
    docker_bench: Bench, shell: bytes, prepared: Callable[..., Image], settings: dict[str, Any]
) -> None:
    image = prepared(HandmadeImage([shell], settings=settings))

    ended = docker_bench.run("/bin/sh", "-c", 'echo "$HOME"; read x; exit 3', image=image)

    home = b"/srv\n" if "Env" in settings else b"/root\n"
    assert (ended.ending, ended.exit_code, ended.log) == (Ending.EXITED, 3, home)


@pytest.mark.engine
def test_a_volume_of_the_image_is_read_only_and_leaves_no_folder_on_the_host(
    docker_bench: Bench, engine: Any, shell: bytes, prepared: Callable[..., Image]
) -> None:
    content = tar_of({"data/weights": b"weights"}, folders={"data": 0o777})
    volumes = {"/data": {}, "/workspace/outputs": {}, "/tmp": {}}  # noqa: S108
    image = prepared(HandmadeImage([shell, content], settings={"Volumes": volumes}))
    before = {volume.id for volume in engine.volumes.list()}

    ended = docker_bench.run(
        "/bin/sh",
        "-c",
        "read x < /data/weights; echo $x; echo kept > /tmp/a; echo kept > /workspace/outputs/a; "
        "echo lost > /data/a || echo refused",
        image=image,
    )

    assert b"weights" in ended.log
    assert b"refused" in ended.log
    assert (docker_bench.outputs / "a").read_text("utf-8") == "kept\n"
    assert {volume.id for volume in engine.volumes.list()} == before


@pytest.mark.engine
def test_an_image_without_a_shell_ends_with_127_and_says_so(
    docker_bench: Bench, prepared: Callable[..., Image]
) -> None:
    image = prepared(HandmadeImage([tar_of({"predict.sh": b"exit 0"}, folders=_MOUNTS)]))

    ended = docker_bench.run("/bin/bash", "-c", "sh predict.sh", image=image)

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 127)
    assert b"/bin/bash" in ended.log
    assert b"No such file" in ended.log


def _made_as_root() -> bytes:
    """A layer as it comes of a strict umask: a folder and a file that only root may open."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, mode, content in (
            ("root", 0o700, None),
            ("root/weights", 0o600, b"the weights\n"),
            ("etc", 0o755, None),
            ("etc/shadow", 0o600, b"a secret\n"),
        ):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.mode, info.size = mode, len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


@pytest.mark.engine
def test_what_an_image_keeps_for_root_is_open_to_its_run_and_the_system_s_own_is_not(
    docker_bench: Bench,
    shell: bytes,
    engine: Any,
    tmp_path: Path,
) -> None:
    before = _ids(engine)
    handmade = HandmadeImage([shell, _made_as_root()], settings={"WorkingDir": "/root"})
    path = write_archive(tmp_path / "team.tar", handmade.members("docker"))
    image = docker_bench.sandbox.prepare(str(path), limits=_LIMITS)
    try:
        script = "read words < weights; echo $words; read words < /etc/shadow; echo $words"
        ended = docker_bench.run("/bin/sh", "-c", script, image=image)
    finally:
        docker_bench.sandbox.release(image)

    assert ended.options["User"] != "0:0"
    assert b"the weights\n" in ended.log
    assert b"a secret" not in ended.log
    assert image.digest == handmade.id, "what is recorded is the team's image"
    assert image.details["opened_files"] == 2
    assert _ids(engine) <= before


@pytest.mark.engine
def test_a_closed_file_of_several_names_is_open_under_all_of_them(
    docker_bench: Bench, shell: bytes, prepared: Callable[..., Image]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target in (("opt/a", ""), ("opt/b", "opt/a"), ("srv/c", "opt/a")):
            info = tarfile.TarInfo(name)
            info.mode, info.size = 0o600, 0 if target else 3
            info.type, info.linkname = tarfile.LNKTYPE if target else tarfile.REGTYPE, target
            archive.addfile(info, io.BytesIO(b"" if target else b"ok\n"))
    image = prepared(HandmadeImage([shell, buffer.getvalue()]))
    script = "for name in /opt/a /opt/b /srv/c; do read x < $name; echo $x; done"

    assert docker_bench.run("/bin/sh", "-c", script, image=image).log == b"ok\nok\nok\n"


@pytest.mark.engine
def test_a_program_that_can_t_be_executed_is_the_team_s_failure(
    docker_bench: Bench, shell: bytes, prepared: Callable[..., Image]
) -> None:
    image = prepared(HandmadeImage([shell], settings={"WorkingDir": "/"}))

    ended = docker_bench.run("/workspace", image=image)

    assert (ended.ending, ended.exit_code) == (Ending.EXITED, 126)


@pytest.mark.engine
def test_an_image_for_another_machine_is_refused_with_what_to_build(
    shell: bytes, prepared: Callable[..., Image]
) -> None:
    with pytest.raises(ImageProblem, match=r"linux/s390x, this engine runs linux/.*--platform"):
        prepared(HandmadeImage([shell], machine="s390x"))


@pytest.mark.engine
def test_a_layer_that_is_not_what_its_configuration_says_is_refused(
    docker_bench: Bench, engine: Any, tmp_path: Path, shell: bytes
) -> None:
    handmade = HandmadeImage([shell, tar_of({"liar": b""})])
    members = handmade.members("docker")
    name = next(name for name in members if name.endswith("layer.tar"))
    members[name] = tar_of({"other": b""})

    with pytest.raises(ImageProblem, match="can't load the archive"):
        docker_bench.sandbox.prepare(
            str(write_archive(tmp_path / "team.tar", members)), limits=_LIMITS
        )
    assert handmade.id not in _ids(engine)


@pytest.mark.engine
def test_a_folder_that_does_not_build_says_at_which_step(
    docker_bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "predict.sh").write_text("exit 0\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY absent .\n")

    with pytest.raises(ImageProblem, match=r"(?s)can't be built.*absent"):
        docker_bench.sandbox.prepare(str(tmp_path), limits=_LIMITS)


@pytest.mark.engine
@pytest.mark.parametrize("missing", ["Dockerfile", "predict.sh"])
def test_a_folder_that_lacks_a_file_says_which(
    docker_bench: Bench, tmp_path: Path, missing: str
) -> None:
    for name in {"Dockerfile", "predict.sh"} - {missing}:
        (tmp_path / name).touch()

    with pytest.raises(ImageProblem, match=f"has no {missing}"):
        docker_bench.sandbox.prepare(str(tmp_path), limits=_LIMITS)


@pytest.mark.engine
@pytest.mark.parametrize(
    "reference",
    ["segjudge-test/no-such-image:latest", "NOT A REFERENCE", "./no/such", "team.tar.gz", "/no"],
)
def test_a_reference_that_names_nothing_is_a_mistake_of_the_command_line(
    docker_bench: Bench, reference: str
) -> None:
    with pytest.raises(SubmissionError, match="no such"):
        docker_bench.sandbox.prepare(reference, limits=_LIMITS)


def test_what_a_reference_is_follows_from_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "team.tar").touch()

    assert classify(str(tmp_path / "team.tar")) == "archive"
    assert classify(str(tmp_path)) == "folder"
    assert classify("team:latest") == "reference"
    assert classify("registry.example.org:5000/team@sha256:00") == "reference"


def test_the_local_sandbox_says_that_an_archive_needs_an_engine(tmp_path: Path) -> None:
    path = tmp_path / "team.tar.gz"
    path.touch()
    sandbox = open_sandbox("local", scratch=tmp_path)

    with pytest.raises(ImageProblem, match="needs a container engine"):
        sandbox.prepare(str(path), limits=_LIMITS)
    with pytest.raises(ImageProblem, match=r"has no predict\.sh"):
        sandbox.prepare(str(tmp_path), limits=_LIMITS)
    with pytest.raises(SubmissionError, match="no such folder"):
        sandbox.prepare("team:latest", limits=_LIMITS)
