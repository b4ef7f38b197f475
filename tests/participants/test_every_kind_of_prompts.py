"""Whatever a case asks with is answered: by `fromprompts` itself, by LiteMedSAM through a box."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from data_manifest.layouts.cvpr25_files import write_cvpr25
from data_manifest.prompts import KINDS, Clicks, Hand
from data_manifest.prompts.error_clicks import error_clicks
from tests.participants.cases import KIT, PARTICIPANTS, Arrays, Run, dice_of

SPACING_MM = (3.0, 1.0, 1.0)


def two_objects() -> tuple[np.ndarray, np.ndarray]:
    """A bright and a brighter lump in noise, (D, H, W), and their labels."""
    grid = np.indices((14, 48, 56)).astype(float)
    labels = np.zeros(grid.shape[1:], np.uint8)
    for label, (centre, radii) in enumerate(
        (((6, 16, 17), (4, 9, 12)), ((8, 32, 40), (4, 10, 9))), start=1
    ):
        away = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True))
        uneven = 1 + 0.4 * np.tanh((grid[2] - centre[2]) / 4) * np.tanh((grid[1] - centre[1]) / 4)
        labels[(away * uneven < 1) & (labels == 0)] = label
    grey = 60 + 70 * labels + np.random.default_rng(4).normal(0, 6, labels.shape)
    return np.clip(grey, 0, 255).astype(np.uint8), labels


def prompted(kind: str, image: np.ndarray, labels: np.ndarray) -> Arrays:
    prompts = KINDS[kind].made(labels, Hand(generator=np.random.default_rng(1)))
    return {"imgs": image, "spacing": np.array(SPACING_MM[::-1]), **prompts.arrays()}


def dice(labels: np.ndarray, answer: np.ndarray) -> float:
    return float(np.mean([dice_of(labels == label, answer == label) for label in (1, 2)]))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_answered(kind: str, run: Run) -> None:
    image, labels = two_objects()
    answer = run("fromprompts", {"3DBox_CT_a.npz": prompted(kind, image, labels)})["3DBox_CT_a.npz"]
    assert answer.shape == labels.shape and answer.dtype == np.uint8
    if kind == "text":
        assert not answer.any()
        return
    assert dice(labels, answer) > 0.35


def test_pictures_with_scribbles_are_answered_in_two_dimensions(run: Run) -> None:
    image, labels = (array[6] for array in two_objects())
    made = KINDS["scribbles"].made(labels, Hand(generator=np.random.default_rng(2)))
    case = {"imgs": np.repeat(image[..., None], 3, axis=2), **made.arrays()}
    answer = run("fromprompts", {"2D_CT_a.npz": case})["2D_CT_a.npz"]
    assert answer.shape == labels.shape and dice(labels, answer) > 0.5


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """Modules of the participants, in this process, and no trace of them afterwards."""
    folders = [str(PARTICIPANTS / "litemedsam"), str(PARTICIPANTS / "fromprompts"), str(KIT)]
    names = ("case_files", "asked_boxes", "growing")
    sys.path[:0] = [folders[2], folders[0], folders[1]]
    yield {name: importlib.import_module(name) for name in names}
    for folder in folders:
        sys.path.remove(folder)
    for name in (*names, "predict"):
        sys.modules.pop(name, None)


def test_clicks_make_the_answer_better_and_never_worse_than_the_first(run: Run) -> None:
    image, labels = two_objects()
    answer, clicks, values = np.zeros_like(labels), [], []
    for number in range(5):
        clicks.append(error_clicks(labels, answer, [1, 2]))
        case = {"imgs": image, "spacing": np.array(SPACING_MM[::-1]), "prev_pred": answer}
        case |= Clicks.of([1, 2], clicks, axes=3).arrays()
        answer = run(f"fromprompts/{number}", {"a.npz": case})["a.npz"]
        values.append(dice(labels, answer))
    assert values[0] > 0.3 and values[-1] > values[0] + 0.05 and min(values) == values[0]


def test_what_the_challenge_pickles_is_read_as_what_segjudge_keeps(
    modules: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from data_manifest.cases import CaseInputs
    from data_manifest.layouts.npz_contract import write_inputs

    image, labels = two_objects()
    folder = tmp_path_factory.mktemp("read")
    hand = Hand(generator=np.random.default_rng(1))
    answers = [np.zeros_like(labels), (labels == 1).astype(np.uint8)]
    clicks = Clicks.of([1, 2], [error_clicks(labels, a, [1, 2]) for a in answers], axes=3)
    boxes, texts = (KINDS[kind].made(labels, hand) for kind in ("middle_boxes", "text"))
    inputs = CaseInputs(image=image, prompts=(boxes, clicks, texts), spacing_mm=SPACING_MM)
    write_inputs(folder / "plain.npz", inputs)
    write_cvpr25(folder / "pickled.npz", inputs)
    read = modules["case_files"]._read
    plain, pickled = (
        read(folder / f"{name}.npz", pickled=name == "pickled") for name in ("plain", "pickled")
    )
    np.testing.assert_array_equal(plain.boxes, pickled.boxes)
    assert plain.clicks == pickled.clicks and len(plain.clicks) == 3
    assert plain.texts == pickled.texts and plain.spacing_mm == pickled.spacing_mm


def test_clicks_stretch_and_cut_the_box_around_the_object_so_far(
    modules: dict[str, ModuleType],
) -> None:
    kit, boxed = modules["case_files"], modules["asked_boxes"].boxed
    previous = np.zeros((40, 50), np.uint8)
    previous[10:21, 12:31] = 1
    click = {"on": (25, 20), "beside": (15, 28), "first": (8, 44)}
    clicks = (
        kit.Click(label=1, voxel=click["on"], foreground=True),
        kit.Click(label=1, voxel=click["beside"], foreground=False),
        kit.Click(label=2, voxel=click["first"], foreground=True),
    )
    case = kit.Case(
        image=np.zeros((40, 50, 3), np.uint8), boxes=np.zeros((0, 4), int), previous=previous,
        clicks=clicks,
    )  # fmt: skip
    first, second = boxed(case).boxes.tolist()
    assert first == [12, 10, 27, 28], "down to the click on it, and left of the one beside it"
    assert second == [39, 3, 49, 13], "a tenth of the image around the first click"
    with pytest.raises(SystemExit, match="can't read texts"):
        boxed(kit.Case(image=case.image, boxes=case.boxes, texts={1: "liver"}))
