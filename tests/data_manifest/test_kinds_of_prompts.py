"""Every kind of prompts is made from a reference with a seed, stored, read again and verified."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_manifest.cases import CaseInputs
from data_manifest.errors import CaseFileError
from data_manifest.layouts import read_inputs
from data_manifest.layouts.npz_contract import write_inputs
from data_manifest.layouts.text_prompts import read_text_prompts
from data_manifest.prompts import KINDS, Dots, Hand, Prompts, Rectangle, Texts, Words
from data_manifest.prompts.scribbles import BACKGROUND

NAMES = {1: "liver", 2: "left kidney", 3: "spleen"}


def two_lumps(dimensions: int = 3) -> np.ndarray:
    labels = np.zeros((9, 40, 50), np.uint8)
    labels[2:7, 5:18, 8:30] = 1
    labels[3:6, 22:34, 30:44] = 2
    labels[4, 2:4, 2:4] = 1  # a second piece
    return labels if dimensions == 3 else labels[4]


def made(kind: str, labels: np.ndarray, **more: object) -> Prompts:
    settings = {"generator": np.random.default_rng(3), "names": NAMES} | more
    return KINDS[kind].made(labels, Hand(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "dimensions"),
    [(kind, d) for kind in sorted(KINDS) for d in (2, 3) if (kind, d) != ("middle_boxes", 2)],
)
def test_what_is_made_fits_and_is_read_again_as_it_was(
    kind: str, dimensions: int, tmp_path: Path
) -> None:
    labels = two_lumps(dimensions)
    prompts = made(kind, labels, jitter=2, margin=1)
    assert len(prompts) == 2 and prompts.axes == dimensions
    assert not list(prompts.problems(labels.shape, 2))
    image = np.zeros((*labels.shape, 3) if dimensions == 2 else labels.shape, np.uint8)
    spacing = None if dimensions == 2 else (2.5, 1.0, 1.0)
    path = tmp_path / "case.npz"
    write_inputs(path, CaseInputs(image=image, prompts=(prompts,), spacing_mm=spacing))
    np.load(path, allow_pickle=False)  # nothing of ours is a pickle
    (again,) = read_inputs(path).prompts
    assert again.kind == kind
    for key, array in prompts.arrays().items():
        np.testing.assert_array_equal(again.arrays()[key], array)
    answer = prompts.baseline(labels.shape)
    assert answer.shape == labels.shape and set(np.unique(answer)) <= {0, 1, 2}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_same_seed_makes_the_same_and_another_number_of_labels_is_a_problem(kind: str) -> None:
    labels = two_lumps()
    first, second = (made(kind, labels, jitter=3).arrays() for _ in range(2))
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    if kind != "text":  # which may ask for what a case has not
        assert any("2" in problem for problem, _ in made(kind, labels).problems(labels.shape, 3))
    labels[labels == 2] = 3
    with pytest.raises(ValueError, match="do not occur"):
        made(kind, labels)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"text"}))
def test_what_is_drawn_lies_where_the_prompts_are(kind: str) -> None:
    labels = two_lumps()
    prompts = made(kind, labels)
    on_a_slice = [s for z in range(len(labels)) for s in prompts.shapes(z)]
    assert on_a_slice and prompts.shapes()
    assert set(prompts.slices()) <= set(range(len(labels)))
    for shape in on_a_slice:
        assert isinstance(shape, (Rectangle, Dots))
        rows, columns = zip(*shape.corners, strict=True)
        assert max(rows) < 40 and max(columns) < 50 and min(*rows, *columns) >= 0


def test_texts_are_written_and_ask_in_one_of_four_ways() -> None:
    prompts = made("text", two_lumps())
    words = [shape.text for shape in prompts.shapes(4) if isinstance(shape, Words)]
    assert len(words) == 2 and "liver" in words[0] and "left kidney" in words[1]
    asked = {
        str(made("text", two_lumps(), generator=np.random.default_rng(seed)).shapes()[0])
        for seed in range(40)
    }
    assert len(asked) == 4


@pytest.mark.parametrize(
    "said", [b"", b"[]", b'{"1": "liver"}', b'{"1": 5, "instance_label": 0, "axes": 3}', b"\xff"]
)
def test_texts_that_are_none_are_refused(said: bytes, tmp_path: Path) -> None:
    path = tmp_path / "case.npz"
    texts = np.frombuffer(said, dtype=np.uint8)
    np.savez(path, imgs=np.zeros((2, 3, 4), np.uint8), spacing=np.ones(3), texts=texts)
    for read in (read_inputs, read_text_prompts):
        with pytest.raises(CaseFileError, match="texts"):
            read(path)


def test_texts_of_instances_tell_the_scoring_so(tmp_path: Path) -> None:
    texts = Texts(texts={1: "nuclei"}, is_instance=True)
    image = np.zeros((2, 3, 4), np.uint8)
    path = tmp_path / "case.npz"
    write_inputs(path, CaseInputs(image=image, prompts=(texts,), spacing_mm=(1.0, 1.0, 1.0)))
    asked = read_text_prompts(path)
    assert asked.labels == (1,) and asked.is_instance


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_scribbles_say_what_is_so_and_lie_on_one_slice_a_label(seed: int) -> None:
    labels = two_lumps().astype(np.int64)
    generator = np.random.default_rng(seed)
    marks = made("scribbles", labels, generator=generator).arrays()["scribbles"]
    where = marks > 0
    np.testing.assert_array_equal(
        marks[where], np.where(labels[where] == 0, BACKGROUND, labels[where])
    )
    for label in (1, 2, BACKGROUND):
        assert len({z for z, *_ in np.argwhere(marks == label).tolist()}) == 1


def test_a_line_is_the_longest_across_its_object_and_a_loose_hand_draws_it_longer() -> None:
    labels = np.zeros((5, 30, 40), np.uint8)
    labels[1, 10:13, 10:21] = 1
    labels[2, 10:14, 10:30] = 1  # the largest slice
    marks = made("recist", labels).arrays()["recist"]
    at = np.argwhere(marks == 1)
    assert set(at[:, 0]) == {2} and at[0].tolist() == [2, 10, 10] and at[-1].tolist() == [2, 13, 29]
    assert len(at) == 20 and (labels[marks == 1] == 1).all()
    longer = np.argwhere(made("recist", labels, margin=3).arrays()["recist"])
    assert longer[0].tolist() == [2, 10, 7] and longer[-1].tolist() == [2, 13, 32]


def test_clicks_for_rounds_ahead_lie_on_the_object_and_on_what_is_bright_beside_it() -> None:
    labels = two_lumps()
    image = np.full(labels.shape, 40, np.uint8)
    labels[labels == 2] = 0
    image[labels > 0] = 200
    image[1:3, 36:39, 3:7] = 150
    prompts = made("clicks", labels, rounds=5, image=image).arrays()
    assert prompts["click_labels"].tolist() == [1, 1]
    given, beside = prompts["clicks"][:, 0], prompts["clicks"][:, 1]
    assert given.shape == (5, 4) and (given[:, 0] == 1).all() and (beside[:, 0] == 0).all()
    assert all(labels[tuple(voxel)] == 1 for _, *voxel in given.tolist())
    assert all(
        labels[tuple(voxel)] == 0 and image[tuple(voxel)] >= 150 for _, *voxel in beside.tolist()
    )
    assert len({tuple(click) for click in given[:2, 1:].tolist()}) == 2, "a click a piece first"
