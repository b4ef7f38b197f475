"""The restated script gives the values that were measured by running the challenge's own."""

import numpy as np
import pytest

from tests.metrics.reference_script import reference_case_scores

_UNIT = (1.0, 1.0, 1.0)


def _volume(*labels):
    """One 4 x 4 x 4 cube for each label, apart from each other."""
    volume = np.zeros((8, 8, 8 * len(labels)), dtype=np.uint8)
    for index, label in enumerate(labels):
        volume[2:6, 2:6, 8 * index + 2 : 8 * index + 6] = label
    return volume


@pytest.mark.parametrize(
    ("gts", "segs", "expected"),
    [
        (_volume(1, 2), _volume(1, 2), (1.0, 1.0)),
        (_volume(1, 2), _volume(1, 0), (0.5, 0.5)),
        (_volume(1), _volume(0), (0.0, 0.0)),
        (_volume(1, 3), _volume(1, 3), (float("nan"), 0.0)),  # nan is not above the gate
        (_volume(1, 3, 0), _volume(1, 3, 2), (2 / 3, 2 / 3)),  # a label of the gap counts as 0
        (_volume(1, 0), _volume(1, 2), (1.0, 1.0)),  # above the reference's largest: not seen
        (_volume(0), _volume(1), (float("nan"), 0.0)),
        (_volume(255)[:, :, ::-1], _volume(255), (float("nan"), 0.0)),
    ],
)
def test_labels_count_from_one_to_the_references_largest(gts, segs, expected):
    assert reference_case_scores(gts, segs, _UNIT, True) == pytest.approx(expected, nan_ok=True)


def test_a_voxel_moved_within_tolerance_falls_to_the_gate():
    gts = np.zeros((6, 6, 6), dtype=np.uint8)
    gts[2, 2, 2] = 1
    assert reference_case_scores(gts, np.roll(gts, 1, axis=0), _UNIT, True) == (0.0, 0.0)


def test_an_image_is_a_slab_of_unit_spacing():
    gts, segs = np.zeros((2, 60, 60), dtype=np.uint8)
    gts[10:50, 10:50] = segs[6:54, 6:54] = 1
    dsc, nsd = reference_case_scores(gts, segs, None, False)
    assert dsc == pytest.approx(2 * 1600 / (1600 + 2304))
    assert nsd == pytest.approx(0.917, abs=5e-4)


def test_the_stored_spacing_is_applied_by_index():
    gts = _volume(1)
    moved = np.roll(gts, 2, axis=0)
    dsc_right, nsd_right = reference_case_scores(gts, moved, (2.5, 0.8, 0.8), True)
    dsc_stored, nsd_stored = reference_case_scores(gts, moved, (0.8, 0.8, 2.5), True)
    assert dsc_right == dsc_stored == 0.5
    assert nsd_right < 1.0
    assert nsd_stored == 1.0
