"""The drawings: an outline encloses exactly its mask, a Pareto front is one, an axis holds all."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from data_manifest.cases import CaseInputs, Reference
from data_manifest.prompts.boxes import Boxes
from evaluate.reporting.case_pictures import draw_case, outline_path, slice_to_show
from evaluate.reporting.charts import RuntimePoint, pareto_front
from evaluate.reporting.svg import Axis, element

MASKS = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 1)
)
LABELS = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)
)


def _lines(path: str) -> list[list[tuple[int, int]]]:
    """Corners of each line of a path, closed ones with their first corner again at the end."""
    lines: list[list[tuple[int, int]]] = []
    for command, numbers in re.findall(r"([MHVZ])([\d ]*)", path):
        if command == "M":
            x, y = map(int, numbers.split())
            lines.append([(x, y)])
        elif command in "HV":
            x, y = lines[-1][-1]
            lines[-1].append((int(numbers), y) if command == "H" else (x, int(numbers)))
    return lines


def _signed_area(line: list[tuple[int, int]]) -> float:
    pairs = zip(line, [*line[1:], line[0]], strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs) / 2


def _length(path: str) -> int:
    return sum(
        abs(x1 - x0) + abs(y1 - y0)
        for line in _lines(path)
        for (x0, y0), (x1, y1) in pairwise(line)
    )


@given(MASKS)
def test_an_outline_encloses_as_many_pixels_as_its_mask_has(mask: np.ndarray) -> None:
    path = outline_path(mask)
    assert sum(map(_signed_area, _lines(path))) == mask.sum()
    assert path.count("M") == path.count("Z")


@given(LABELS)
def test_every_edge_between_labels_is_drawn_once(labels: np.ndarray) -> None:
    padded = np.pad(labels.astype(int), 1)
    edges = np.count_nonzero(np.diff(padded, axis=0)) + np.count_nonzero(np.diff(padded, axis=1))
    assert _length(outline_path(labels)) == edges


def test_pixels_that_touch_by_a_corner_are_outlined_apart() -> None:
    path = outline_path(np.array([[1, 0], [0, 1]]))
    assert path == "M0 0H1V1H0V0ZM1 1H2V2H1V1Z"


def test_the_lower_of_two_touching_labels_is_one_open_line() -> None:
    assert outline_path(np.array([[1, 2]])) == "M1 1H0V0H1M1 0H2V1H1V0Z"


def test_an_outline_of_noise_is_thinned_out_until_it_is_small() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (2000, 2000))
    assert len(outline_path(noise)) < 400_000


def test_the_slice_shown_is_the_first_with_the_largest_reference() -> None:
    labels = np.zeros((5, 4, 4), np.uint8)
    labels[1, :2, :2] = 1
    labels[3, :2, 1:3] = 2
    assert slice_to_show(labels) == 1
    assert slice_to_show(np.zeros((5, 4, 4), np.uint8)) == 2


def _draw(labels: np.ndarray, boxes: list[list[int]], prediction: np.ndarray | None = None) -> str:
    image = np.zeros(labels.shape if labels.ndim == 3 else (*labels.shape, 3), np.uint8)
    inputs = CaseInputs(image=image, prompts=(Boxes(corners=np.array(boxes)),), spacing_mm=None)
    reference = Reference(labels=labels, spacing_mm=None)
    drawn = draw_case(inputs, reference, prediction, name="c", title="t", description="d")
    return f"{drawn.drawing} {drawn.where}"


def test_a_small_object_in_a_large_image_is_cut_out_with_its_surroundings() -> None:
    labels = np.zeros((400, 600), np.uint8)
    labels[100:110, 200:220] = 1
    drawn = _draw(labels, [[200, 100, 219, 109]], labels)
    assert 'viewBox="0 0 48 48"' in drawn
    assert "cut to the objects" in drawn
    assert 'd="M200 100H220V110H200V100Z"' in drawn


def test_a_stray_piece_of_the_prediction_is_never_cut_off() -> None:
    labels, prediction = np.zeros((400, 600), np.uint8), np.zeros((400, 600), np.uint8)
    labels[100:110, 200:220] = prediction[390:, 590:] = 1
    drawn = _draw(labels, [[200, 100, 219, 109]], prediction)
    assert 'viewBox="0 0 600 400"' in drawn


def test_a_box_outside_the_image_does_not_stop_the_drawing() -> None:
    labels = np.zeros((80, 60), np.uint8)
    assert "outline prompt" in _draw(labels, [[500, 500, 900, 900]])


def test_a_box_is_shown_only_on_the_slices_that_it_spans() -> None:
    labels = np.zeros((5, 40, 40), np.uint8)
    labels[2, 5:9, 5:9] = 1
    boxes = [[5, 5, 2, 8, 8, 2], [5, 5, 3, 8, 8, 4]]
    assert _draw(labels, boxes).count('prompt"') == 2  # the box and its halo


_POINTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6)).map(
        lambda pair: RuntimePoint(team="t", rank_text="1", score=pair[0] / 6, seconds=pair[1])
    ),
    min_size=1,
)


@given(_POINTS)
def test_the_pareto_front_is_the_teams_that_no_other_beats(points: list[RuntimePoint]) -> None:
    def beaten(p: RuntimePoint) -> bool:
        return any(
            q.score >= p.score
            and q.seconds <= p.seconds
            and (q.score, q.seconds) != (p.score, p.seconds)
            for q in points
        )

    expected = sorted((p.seconds, p.score) for p in points if not beaten(p))
    assert sorted((p.seconds, p.score) for p in pareto_front(points)) == expected


@given(
    st.lists(st.floats(1e-3, 1e5), min_size=1),
    st.booleans(),
)
def test_an_axis_holds_every_value_and_has_a_tick(values: list[float], is_log: bool) -> None:
    axis = Axis.around(values, start=10, end=400, is_log=is_log, is_score=False)
    assert axis.low <= min(values) + 1e-9
    assert max(values) <= axis.high
    assert all(10 - 1e-6 <= axis(tick) <= 400 + 1e-6 for tick in axis.ticks(6))
    assert axis.ticks(6)


def test_an_element_escapes_what_it_is_given() -> None:
    assert element("text", "</text><script>", class_='"><script>') == (
        '<text class="&#34;&gt;&lt;script&gt;">&lt;/text&gt;&lt;script&gt;</text>'
    )


@pytest.mark.parametrize(("value", "text"), [(float("0.99997"), "0.999"), (1.0, "1.000")])
def test_a_score_is_never_rounded_up_to_a_perfect_one(value: float, text: str) -> None:
    from evaluate.reporting.quantities import score_text

    assert score_text(value) == text
