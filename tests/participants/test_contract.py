"""Every shipped participant keeps the challenge's contract: names, key, shapes, types, labels."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from evaluate.checking.starter import ready_participants
from evaluate.sandbox.case_folders import folder_digest
from tests.capabilities import need
from tests.participants.cases import (
    KIT,
    PARTICIPANTS,
    REPOSITORY,
    Run,
    contract_cases,
    dice_of,
    disc_case,
    volume_case,
)

FOLDERS = sorted(path for path in PARTICIPANTS.iterdir() if (path / "predict.py").exists())
NAMES = [folder.name for folder in FOLDERS]


def needs_its_packages(name: str) -> None:
    if name.startswith("litemedsam"):
        need(name)


def test_the_shipped_participants_are_found() -> None:
    assert NAMES == ["boxfill", "fromprompts", "litemedsam", "litemedsam_fast", "tworegion"]


def test_what_every_image_needs_comes_from_the_kit_and_a_dockerfile_may_be_its_own(
    tmp_path: Path,
) -> None:
    assert (KIT / "predict.sh").read_bytes() == (REPOSITORY / "predict.sh").read_bytes()
    for name, folder in ready_participants(tmp_path).items():
        for file in filter(Path.is_file, KIT.iterdir()):
            own = PARTICIPANTS / name / file.name
            assert file.name == "Dockerfile" or not own.exists()
            wanted = own if own.exists() else file
            assert (folder / file.name).read_bytes() == wanted.read_bytes()


def test_a_participant_is_made_whole_with_the_same_digest_every_time(tmp_path: Path) -> None:
    ready = ready_participants(tmp_path / "a")
    digests = {name: folder_digest(folder) for name, folder in ready.items()}
    assert ready_participants(tmp_path / "a") == ready
    again = ready_participants(tmp_path / "b")
    assert {name: folder_digest(folder) for name, folder in again.items()} == digests


@pytest.mark.parametrize("name", NAMES)
def test_grey_colour_and_volume_are_answered_under_their_own_names(
    name: str, run: Run, network_answers: Run
) -> None:
    _, mask = disc_case((64, 80))
    _, volume_labels = volume_case()
    cases = contract_cases()
    made = network_answers(name) if name.startswith("litemedsam") else run(name, cases)
    answers = {case: segs for case, segs in made.items() if case in cases}
    assert sorted(answers) == [
        "2DBox_Fundus_colour.npz",
        "2DBox_US_grey.npz",
        "3DBox_CT_volume.npz",
    ]
    for case, segs in answers.items():
        reference = volume_labels if case.startswith("3D") else mask.astype(np.uint8)
        assert segs.shape == reference.shape, case
        assert segs.dtype == np.uint8, case
        for label in range(1, int(reference.max()) + 1):
            assert dice_of(reference == label, segs == label) > 0.7, (case, label)
        assert segs.max() == reference.max(), case


@pytest.mark.parametrize("name", ["boxfill", "fromprompts", "tworegion"])
def test_three_hundred_boxes_get_three_hundred_labels(name: str, run: Run) -> None:
    rows, columns = np.divmod(np.arange(300), 20)
    image = np.full((15 * 12, 20 * 12), 40, dtype=np.uint8)
    for row, column in zip(rows * 12, columns * 12, strict=True):
        image[row + 2 : row + 10, column + 2 : column + 10] = 200
    boxes = np.stack([columns * 12 + 2, rows * 12 + 2, columns * 12 + 9, rows * 12 + 9], axis=1)
    case = {"imgs": np.repeat(image[:, :, None], 3, axis=2), "boxes": boxes}
    segs = run(name, {"2DBox_Microscopy_many.npz": case})["2DBox_Microscopy_many.npz"]
    assert segs.dtype == np.uint16
    assert np.array_equal(np.unique(segs), np.arange(301))
    assert segs[rows[299] * 12 + 6, columns[299] * 12 + 6] == 300


@pytest.mark.parametrize("name", ["boxfill", "fromprompts", "tworegion"])
def test_boxes_at_over_and_beyond_the_border_do_no_harm(name: str, run: Run) -> None:
    image = np.zeros((40, 50, 3), dtype=np.uint8)
    image[20:, 30:] = 220
    boxes = [[30, 20, 49, 39], [-8, -9, 6, 5], [60, 70, 80, 90], [10, 10, 10, 10]]
    case = {"imgs": image, "boxes": np.array(boxes)}
    segs = run(name, {"2DBox_CT_border.npz": case})["2DBox_CT_border.npz"]
    assert dice_of(image[..., 0] > 0, segs == 1) > 0.98
    assert segs[0, 0] == 2
    assert segs[10, 10] == 4
    assert 3 not in segs


@pytest.mark.parametrize("name", ["boxfill", "fromprompts", "tworegion"])
def test_an_image_without_boxes_gets_an_empty_answer(name: str, run: Run) -> None:
    case = {"imgs": np.zeros((9, 7, 3), np.uint8), "boxes": np.zeros((0, 4), np.int64)}
    segs = run(name, {"2DBox_OCT_none.npz": case})["2DBox_OCT_none.npz"]
    assert segs.shape == (9, 7)
    assert not segs.any()


def test_the_box_filler_fills_both_ends_of_every_axis(run: Run) -> None:
    boxes = np.array([[1, 2, 0, 3, 4, 1], [3, 4, 1, 5, 5, 1]])
    case = {"imgs": np.zeros((3, 6, 7), np.uint8), "boxes": boxes}
    segs = run("boxfill", {"3DBox_MR_a.npz": case})["3DBox_MR_a.npz"]
    expected = np.zeros((3, 6, 7), np.uint8)
    for z in (0, 1):
        for y in (2, 3, 4):
            for x in (1, 2, 3):
                expected[z, y, x] = 1
    for y in (4, 5):
        for x in (3, 4, 5):
            expected[1, y, x] = 2  # the later box wins where the two meet, at (1, 4, 3)
    assert np.array_equal(segs, expected)


@pytest.mark.parametrize("shape", [(90, 110), (24, 40, 44)])
def test_two_regions_follow_a_noisy_ball_that_a_box_cannot(
    shape: tuple[int, ...], run: Run
) -> None:
    case, mask = disc_case(shape)
    dimension = f"{len(shape)}DBox_PET_ball.npz"
    floor = dice_of(mask, run("boxfill", {dimension: case})[dimension] == 1)
    found = dice_of(mask, run("tworegion", {dimension: case})[dimension] == 1)
    assert floor < 0.9
    assert found > 0.93
    assert found > floor + 0.05


def test_two_regions_tell_colours_apart_that_are_equally_bright(run: Run) -> None:
    _, mask = disc_case((80, 80))
    image = np.where(mask[:, :, None], [200, 60, 100], [60, 200, 100])
    image = image + np.random.default_rng(1).normal(0, 30, image.shape)
    rows, columns = np.nonzero(mask)
    case = {
        "imgs": np.clip(image, 0, 255).astype(np.uint8),
        "boxes": np.array([[columns.min(), rows.min(), columns.max(), rows.max()]]),
    }
    segs = run("tworegion", {"2DBox_Dermoscopy_a.npz": case})["2DBox_Dermoscopy_a.npz"]
    assert dice_of(mask, segs == 1) > 0.95


@pytest.mark.parametrize("name", ["boxfill", "tworegion"])
def test_a_pickled_array_is_refused(name: str, run: Run) -> None:
    case = {"imgs": np.zeros((9, 7, 3), np.uint8), "boxes": np.array([[0, 0, 1, None]])}
    with pytest.raises(AssertionError, match="allow_pickle=False"):
        run(name, {"2DBox_OCT_pickled.npz": case})


@pytest.mark.parametrize("name", NAMES)
def test_a_dockerfile_keeps_to_what_the_classic_builder_knows(name: str, tmp_path: Path) -> None:
    text = (ready_participants(tmp_path)[name] / "Dockerfile").read_text("utf-8")
    assert re.match(r"ARG BASE_IMAGE=python:3.11-slim\nFROM \${BASE_IMAGE}(?: AS \w+)?\n", text)
    assert not re.search(r"RUN --|COPY --(chmod|link)|<<|^# ?syntax", text, re.MULTILINE)
    for requirement in PARTICIPANTS.glob(f"{name}/requirements*.txt"):
        lines = [
            line for line in requirement.read_text("utf-8").splitlines() if not line.startswith("#")
        ]
        assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines), requirement.name


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_inputs_folder_is_said_and_fails(name: str, run: Run) -> None:
    needs_its_packages(name)
    with pytest.raises(AssertionError, match="no npz file in"):
        run(name, {})


def test_the_entry_point_is_plain_sh() -> None:
    done = subprocess.run(["sh", "-n", REPOSITORY / "predict.sh"], check=False)
    assert done.returncode == 0
