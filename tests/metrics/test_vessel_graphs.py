"""Parts that are there, touch, and lie on their side: on maps small enough to see it."""

import numpy as np
import pytest

from metrics import METRICS, Comparison, MetricInputError

# A left vessel (1), a right one (2), and a bridge (3) between them; x, the last axis, runs left.
LINE = np.array([[[2, 2, 3, 3, 1, 1]]], dtype=np.uint8)
BROKEN = np.array([[[2, 2, 3, 0, 1, 1]]], dtype=np.uint8)
SWAPPED = np.array([[[1, 1, 3, 3, 2, 2]]], dtype=np.uint8)
NOTHING = np.zeros_like(LINE)


def value(name, prediction, **options):
    pair = Comparison(LINE, prediction).region(None, spacing_mm=(1.0, 1.0, 1.0))
    return METRICS[name].computed(pair, **METRICS[name].checked(options))


@pytest.mark.parametrize(
    ("prediction", "digits"), [(LINE, 11101), (BROKEN, 11100), (SWAPPED, 11101), (NOTHING, 0)]
)
def test_a_variant_is_which_parts_are_there_or_touch(prediction, digits):
    assert value("prediction_variant", prediction, graph="1 2 3 1+2 1+3") == digits
    assert value("reference_variant", prediction, graph="1 2 3 1+2 1+3") == 11101


@pytest.mark.parametrize(
    ("prediction", "match", "flipped"),
    [(LINE, 1, 0), (BROKEN, 0, 0), (SWAPPED, 0, 1), (NOTHING, 0, 0)],
)
def test_a_topology_matches_where_labels_touch_alike_and_sides_are_right(
    prediction, match, flipped
):
    assert value("topology_match", prediction, checked="1 3", sides="1+2") == match
    assert value("left_right_flipped", prediction, sides="9+2 1+2") == flipped
    assert value("topology_match", prediction, checked="7") == 1  # of neither map


def test_labels_at_corners_touch():
    corner = np.zeros((2, 2, 6), dtype=np.uint8)
    corner[0, 0, 0], corner[1, 1, 1] = 1, 3
    pair = Comparison(corner, corner).region(None, spacing_mm=(1.0, 1.0, 1.0))
    assert METRICS["reference_variant"].computed(pair, graph="1+3") == 1


def test_a_graph_that_is_none_is_refused():
    with pytest.raises(MetricInputError, match="labels, and pairs"):
        METRICS["reference_variant"].checked({"graph": "Acom"})
