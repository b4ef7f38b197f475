"""`segjudge check` names the one defect of every broken submission, and finds none in good ones.

Run through the command, without an engine: folders in the local sandbox, archives only looked at.
The containers, with an engine, are real ones.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluate.checking import build_sanity_cases
from evaluate.cli import main
from tests.checking.gallery import (
    ARCHIVES,
    CONTAINERS,
    COPY,
    FOLDERS,
    GOOD_ARCHIVE,
    GOOD_FOLDERS,
    ONE_OBJECT,
    ONE_SLICE,
    SQUARE,
    VOLUME,
    real_image,
    save,
)

Build = Callable[[Path], object]


@pytest.fixture(scope="session")
def sanity(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    """Some of the sanity cases, each choice built once."""
    built: dict[tuple[str, ...], Path] = {}

    def of(cases: tuple[str, ...]) -> Path:
        if cases not in built:
            folder = tmp_path_factory.mktemp("sanity")
            built[cases] = build_sanity_cases(folder / "data", only=cases)
        return built[cases]

    return of


def recorded(manifest: Path, folder: Path, build: Build) -> Path:
    """A submission whose answers are the references, changed by `build`."""
    submission = folder / "submission"
    (submission / "answers").mkdir(parents=True)
    for reference in (manifest.parent / "references").iterdir():
        with np.load(reference) as stored:
            save(submission / "answers" / reference.name, segs=stored["gts"])
    (submission / "predict.sh").write_text(COPY, "utf-8")
    (submission / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY . .\n", "utf-8")
    build(submission)
    return submission


def protocol_with(changes: tuple[tuple[str, str], ...], folder: Path) -> Path:
    """Protocol cvpr24, with some of its text changed."""
    shipped = Path(__file__).parents[2] / "evaluate" / "protocols" / "cvpr24.toml"
    text = shipped.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "protocol.toml"
    path.write_text(text, "utf-8")
    return path


def checked(folder: Path, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    report = folder / "check.json"
    code = main(["check", *map(str, arguments), "--json", str(report)])
    return code, json.loads(report.read_text("utf-8"))["findings"]


def grave(findings: list[dict[str, Any]]) -> dict[str, str]:
    """The problems and warnings: their checks, and what was found and said."""
    return {
        found["id"]: f"{found['subject']} {found['found']} {found['mend']}"
        for found in findings
        if found["severity"] in ("problem", "warning")
    }


@pytest.mark.parametrize("name", FOLDERS)
def test_check_names_the_defect_of_a_folder(
    name: str, sanity: Callable[[tuple[str, ...]], Path], tmp_path: Path
) -> None:
    defect = FOLDERS[name]
    data = sanity(defect.cases)
    submission = recorded(data, tmp_path, defect.build)
    protocol = protocol_with(defect.limits, tmp_path)
    code, findings = checked(
        tmp_path, submission, "--manifest", data, "--sandbox", "local", "--protocol", protocol
    )
    found = grave(findings)
    assert set(found) == {defect.check, *defect.also}
    assert defect.says in found[defect.check]
    problems = [f for f in findings if f["severity"] == "problem"]
    assert code == (1 if problems else 0)
    told = [f for f in findings if f["severity"] != "ok"]
    assert all(f["expected"] and f["found"] and f["why"] and f["mend"] for f in told)


@pytest.mark.parametrize("name", ARCHIVES)
def test_check_names_the_defect_of_an_archive(name: str, tmp_path: Path) -> None:
    defect = ARCHIVES[name]
    protocol = protocol_with(defect.limits, tmp_path)
    _, findings = checked(tmp_path, defect.build(tmp_path), "--static", "--protocol", protocol)
    found = grave(findings)
    assert list(found) == [defect.check]
    assert defect.says in found[defect.check]


@pytest.mark.engine
@pytest.mark.parametrize("name", CONTAINERS)
def test_check_names_the_defect_of_a_container(
    name: str, sanity: Callable[[tuple[str, ...]], Path], tmp_path: Path
) -> None:
    check, says, script = CONTAINERS[name]
    data = sanity((SQUARE,))
    archive = real_image(script, tmp_path, answers_of(data, tmp_path))
    _, findings = checked(tmp_path, archive, "--manifest", data, "--sandbox", "docker")
    found = grave(findings)
    assert check in found, found
    assert says in found[check]


def answers_of(data: Path, folder: Path) -> dict[str, bytes]:
    submission = recorded(data, folder, lambda _: None)
    return {path.name: path.read_bytes() for path in (submission / "answers").iterdir()}


@pytest.mark.parametrize("name", GOOD_FOLDERS)
def test_nothing_is_wrong_with_a_good_folder(
    name: str, sanity: Callable[[tuple[str, ...]], Path], tmp_path: Path
) -> None:
    data = sanity((SQUARE, VOLUME, ONE_SLICE))
    submission = recorded(data, tmp_path, GOOD_FOLDERS[name])
    code, findings = checked(tmp_path, submission, "--manifest", data, "--sandbox", "local")
    assert grave(findings) == {}
    assert code == 0


def test_nothing_is_wrong_with_a_shipped_participant_on_any_sanity_case(
    participants: Path, tmp_path: Path
) -> None:
    code, findings = checked(tmp_path, participants / "boxfill", "--sandbox", "local")
    assert grave(findings) == {}
    assert code == 0


def test_nothing_is_wrong_with_a_participant_that_looks_at_the_image(
    sanity: Callable[[tuple[str, ...]], Path], participants: Path, tmp_path: Path
) -> None:
    data = sanity((ONE_OBJECT, ONE_SLICE))
    code, findings = checked(
        tmp_path, participants / "tworegion", "--manifest", data, "--sandbox", "local"
    )
    assert grave(findings) == {}
    assert "one-slice" in {found["id"] for found in findings if found["severity"] == "ok"}
    assert code == 0


def test_nothing_is_wrong_with_a_good_archive(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, GOOD_ARCHIVE(tmp_path), "--static")
    assert grave(findings) == {}
    assert code == 0


@pytest.mark.engine
def test_nothing_is_wrong_with_a_good_container(
    sanity: Callable[[tuple[str, ...]], Path], tmp_path: Path
) -> None:
    data = sanity((SQUARE, VOLUME))
    archive = real_image(COPY, tmp_path, answers_of(data, tmp_path))
    code, findings = checked(tmp_path, archive, "--manifest", data, "--sandbox", "docker")
    assert "image-age" not in grave(findings)
    # Its `root/weights` is closed on purpose and lies outside of the working directory.
    assert grave(findings) == {}
    assert code == 0
