"""segjudge as people get it: what a package index would hold, installed where little is there."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import segjudge
from evaluate.cli import main
from evaluate.facts.official_lock import OFFICIAL, installed_lock

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def official() -> dict[str, str]:
    lines = [line for line in OFFICIAL.read_text("utf-8").splitlines() if "==" in line]
    assert lines == sorted(lines)
    return dict(line.split("==") for line in lines)


def test_official_scoring_has_an_exact_version_of_whatever_segjudge_needs() -> None:
    """And of what that needs; here a walk through the metadata of what is installed."""
    wanted, seen = ["segjudge"], set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            seen.discard(name)  # of another system or Python
            continue
        needed = map(Requirement, lines)
        wanted += [n.name for n in needed if n.marker is None or n.marker.evaluate({"extra": ""})]
    newer = {"importlib-resources", "typing-extensions"} if sys.version_info >= (3, 12) else set()
    assert seen - {"segjudge"} | newer == official().keys()


def test_metadata_have_lower_bounds_alone_so_that_segjudge_goes_beside_other_packages() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", line) for line in PROJECT["dependencies"])


def test_a_run_says_whether_its_versions_are_those_of_official_scoring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    locked = official()
    monkeypatch.setattr("evaluate.facts.official_lock.installed_version", lambda name: locked[name])
    assert re.fullmatch("official [0-9a-f]{12}", installed_lock())
    locked = {**locked, "numpy": "2.0.0"}
    assert installed_lock() == f"not official: numpy 2.0.0 for {official()['numpy']}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shells_completion_knows_every_command(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluate.cli.commands import COMMANDS

    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(re.search(rf"\b{name}\b", script) for name in COMMANDS)


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "segjudge", "completion", "bash"], capture_output=True, check=True
    )
    (tmp_path / "segjudge").write_bytes(made.stdout)
    script = (
        'source ./segjudge; f=$(complete -p segjudge | sed "s/.*-F \\([^ ]*\\).*/\\1/")\n'
        'COMP_WORDS=(segjudge pub); COMP_CWORD=1; $f; echo "${COMPREPLY[@]}"\n'
        'COMP_WORDS=(segjudge score --pr); COMP_CWORD=2; $f; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.split() == ["published", "--predictions", "--protocol"]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the source distribution, with pip alone: no compiler is on the path."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    tools = folder / "tools"
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    subprocess.run(
        [tools / "bin" / "python", "-m", "pip", "install", "--quiet", "build", "auditwheel"],
        check=True,
    )
    subprocess.run(
        [tools / "bin" / "python", "-m", "build", "--sdist", "--outdir", folder, ROOT], check=True
    )
    (source,) = folder.glob("*.tar.gz")
    bare = folder / "bare"
    bare.mkdir()
    (bare / "python3").symlink_to(sys.executable)
    environment = {k: v for k, v in os.environ.items() if k not in ("CC", "PATH")}
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", folder, source],
        check=True,
        env=environment | {"PATH": str(bare)},
    )
    return folder


@pytest.mark.soak
def test_the_source_distribution_builds_where_there_is_only_pip_into_a_manylinux_wheel(
    wheels: Path,
) -> None:
    (wheel,) = wheels.glob("*.whl")
    done = subprocess.run(
        [wheels / "tools" / "bin" / "auditwheel", "show", wheel],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    tag = re.search(r'"manylinux_2_(\d+)_', done.stdout)
    assert tag is not None
    assert int(tag[1]) <= 28
    with zipfile.ZipFile(wheel) as stored:
        names = set(stored.namelist())
    assert {f"{package}/py.typed" for package in ("segjudge", "evaluate", "metrics")} <= names
    assert {"evaluate/official.txt", "evaluate/participants/kit/predict.sh"} <= names


@pytest.mark.soak
@pytest.mark.engine
def test_the_wheel_scores_in_a_bare_container_read_only_as_a_user_without_a_home(
    wheels: Path, small_data: Path, tmp_path: Path
) -> None:
    """Installed by root; run by a number that no passwd knows, in the locale `C`."""
    from tests.exporting.organs import build_arguments

    (wheel,) = wheels.glob("*.whl")
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    (tmp_path / "official.txt").write_bytes(OFFICIAL.read_bytes())
    (tmp_path / "Dockerfile").write_text(
        "ARG BASE_IMAGE=python:3.11-slim\nFROM ${BASE_IMAGE}\n"
        "ARG PIP_INDEX_URL\nARG PIP_EXTRA_INDEX_URL\n"
        "COPY *.whl official.txt /tmp/\n"
        "RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --constraint /tmp/official.txt"
        " /tmp/*.whl\n"
    )
    tag = f"segjudge-test-bare-{os.getpid()}"
    subprocess.run(
        ["docker", "build", "--quiet", *build_arguments(), "--tag", tag, tmp_path],
        check=True,
        capture_output=True,
    )
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    data = shutil.copytree(small_data.parent, tmp_path / "data")
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [
                *("docker", "run", "--rm", "--network", "none", "--read-only", "--user", "54321"),
                *("--tmpfs", "/tmp", "--env", "HOME=/nowhere", "--env", "LC_ALL=C"),  # noqa: S108
                *("--volume", f"{data}:/data:ro", "--volume", f"{out}:/out"),
                *(tag, "/opt/venv/bin/segjudge", *arguments),
            ],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    try:
        assert run("--version").startswith(f"segjudge {PROJECT['version']}")
        run("manifest", "verify", "/data/manifest.json")
        rules = ("--protocol", "cvpr24")
        run("init", "/out/team", *rules)
        run("run", *rules, "--manifest", "/data/manifest.json", "--sandbox", "local",
            "--submission", "team=/out/team", "/out/run")  # fmt: skip
        for command in ("score", "rank", "report"):
            run(command, "/out/run")
        assert "official" in (out / "run" / "run.json").read_text("utf-8")
        assert segjudge.open_run(out / "run").document.last_machine.lock.startswith("official ")
        run("score", "--references", "/data/references", "--predictions", "/out/run/predictions",
            *rules, "--out", "/out/scores")  # fmt: skip
    finally:
        subprocess.run(["docker", "rmi", "--force", tag], check=False, capture_output=True)


@pytest.fixture
def unwritable(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in the locale C, with a home that is a file."""
    home = tmp_path / "home"
    home.write_text("no folder")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "XDG"))}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-B", "-m", "segjudge", *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            check=False,
            env=environment | {"HOME": str(home), "LC_ALL": "C"},
            cwd=tmp_path,
        )

    return run


def test_a_home_that_cannot_be_written_and_the_locale_c_are_no_matter(
    unwritable: Callable[..., subprocess.CompletedProcess[str]], small_data: Path, tmp_path: Path
) -> None:
    made = unwritable("init", "équipe", "--protocol", "cvpr24")
    assert made.returncode == 2, made.stderr  # no engine takes such a name; it is said so
    assert "quipe" in made.stderr
    assert unwritable("init", "team", "--protocol", "cvpr24").returncode == 0
    rules = ("--protocol", "cvpr24", "--manifest", small_data, "--sandbox", "local")
    done = unwritable("run", *rules, "--submission", "team=team", "run")
    assert done.returncode == 0, done.stderr
    for command in ("score", "rank", "report"):
        assert unwritable(command, "run").returncode == 0
