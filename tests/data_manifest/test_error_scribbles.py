"""A scribble lies in the largest error of any slice, as autoPET V describes its test."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.draw import line
from skimage.segmentation import find_boundaries

from data_manifest.prompts.error_scribbles import error_scribbles, strategy_of
from data_manifest.prompts.scribbles import BACKGROUND
from data_manifest.prompts.strokes import STRATEGIES, largest_piece, line_pixels

DICE = random.Random(42)  # noqa: S311


def lump(seed: int, shape: tuple[int, ...] = (30, 34)) -> np.ndarray:
    """Random and uneven; its largest piece."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2.5)
    pieces, _ = ndimage.label(field > np.quantile(field, 0.6), np.ones((3, 3)))
    return pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])


@given(ends=st.lists(st.integers(0, 40), min_size=4, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_straight_line_is_that_of_scikit_image(ends: list[int]) -> None:
    wanted = np.stack(line(*ends), axis=1)
    np.testing.assert_array_equal(line_pixels(ends[:2], ends[2:]), wanted)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_strokes_lie_in_the_piece_and_are_what_they_are_called(seed: int) -> None:
    piece = lump(seed)
    strokes = {name: draw(piece, DICE) for name, draw in STRATEGIES.items()}
    for pixels in strokes.values():
        assert len(pixels) and piece[tuple(pixels.T)].all()
        assert len({tuple(p) for p in pixels.tolist()}) == len(pixels)
    for name in ("centre_line", "boundary"):  # each step goes to a neighbour
        assert (np.abs(np.diff(strokes[name], axis=0)).max(axis=1) == 1).all()
    border = find_boundaries(piece, mode="inner")
    assert border[tuple(strokes["boundary"].T)].all()
    assert len(strokes["boundary"]) <= max(2, int(0.2 * border.sum())) + 1
    depth = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    middle, along = (depth[tuple(strokes[n].T)].mean() for n in ("centre_line", "boundary"))
    assert middle > along == 1.0


def test_a_bar_has_a_line_through_its_middle_less_a_tenth_at_both_ends() -> None:
    piece = np.zeros((9, 60), bool)
    piece[2:7, 5:55] = True
    pixels = STRATEGIES["centre_line"](piece, DICE)
    assert set(pixels[:, 0]) == {4} and 35 <= len(pixels) <= 42


def test_the_larger_error_gets_the_scribble_and_it_says_what_is_there() -> None:
    reference = np.zeros((6, 20, 30), np.uint8)
    answer = np.zeros_like(reference)
    reference[2, 3:9, 3:9] = 1  # missing
    answer[4, 10:18, 10:26] = 1  # too much, and larger
    reference[4, 10:18, 10:14] = 2
    for strategy in STRATEGIES:
        marks = error_scribbles(reference, answer, [1], strategy=strategy)
        at = np.argwhere(marks)
        assert set(at[:, 0]) == {4} and answer[marks > 0].all()
        said = marks[marks > 0]
        truth = reference[marks > 0].astype(int)
        assert set(said.tolist()) <= {2, 1000}
        np.testing.assert_array_equal(said, np.where(truth == 0, BACKGROUND, truth))
    answer[4] = 0
    assert set(np.unique(error_scribbles(reference, answer, [1], strategy="random"))) == {0, 1}
    assert not error_scribbles(reference, reference, [1, 2], strategy="random").any()


def test_the_largest_piece_is_of_one_slice_and_touches_itself_at_corners() -> None:
    volume = np.zeros((4, 8, 8), bool)
    volume[1:3, 0, 0:3] = True  # six voxels, but on two slices
    volume[3, 5, 5] = volume[3, 6, 6] = volume[3, 5, 7] = volume[3, 4, 4] = True
    at, piece = largest_piece(volume) or (None, None)
    assert at == 3 and piece is not None and piece.sum() == 4
    assert largest_piece(np.zeros((2, 2, 2), bool)) is None


def test_each_strategy_has_about_a_third_of_the_cases() -> None:
    names = [f"fdg_{number:04d}" for number in range(3000)]
    counts = [sum(strategy_of(n, list(STRATEGIES)) == s for n in names) for s in STRATEGIES]
    assert sum(counts) == 3000 and min(counts) > 900


def test_maps_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="the same twice"):
        error_scribbles(np.zeros((1, 2, 3)), np.zeros((1, 2, 4)), [1], strategy="random")  # type: ignore[arg-type]
