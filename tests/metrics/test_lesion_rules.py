"""Lesions told apart, matched and scored, by hand and against straightforward code."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from metrics.detection import DetectionRules, detected, merge_lesions, object_rows
from metrics.lesions import LesionRules, lesion_wise
from metrics.matching import Detection, detect_label, match_any, match_by_iou
from metrics.objects import ObjectPairs
from metrics.spans import Spans
from tests.metrics.volumes import mask_pairs

MASKS = mask_pairs(longest=12)


def components(reference, prediction, connectivity=26):
    first = Spans.of(reference)
    return ObjectPairs(
        reference=first.joined(connectivity),
        prediction=Spans.of(prediction, like=first).joined(connectivity),
    )


def row(*spans, length=40):
    """A row of pixels with some spans set; pixels are voxels of 1 mm³ here."""
    mask = np.zeros((1, 1, length), dtype=bool)
    for start, stop in spans:
        mask[..., start:stop] = True
    return mask


def scored(reference, prediction, **rules):
    first = Spans.of(reference)
    return lesion_wise(first, Spans.of(prediction, like=first), LesionRules(**rules), voxel_mm3=1.0)


# ---- lesion-wise means
def test_a_lesion_owns_whole_components_and_what_no_lesion_owns_is_false():
    found = scored(row((2, 6), (20, 30)), row((4, 10), (35, 37)))
    assert [(lesion.voxels, lesion.dsc) for lesion in found.lesions] == [(4, 0.4), (10, 0.0)]
    assert (found.detection.tp, found.detection.fp, found.detection.fn) == (1, 1, 1)
    mean = found.mean(lambda lesion: lesion.dsc, missed=0.0, false_positive=0.0)
    assert mean == pytest.approx(0.4 / 3)
    distance = found.mean(lambda lesion: 4.0, missed=374.0, false_positive=374.0)
    assert distance == pytest.approx((4 + 374 + 374) / 3)


def test_lesions_whose_dilations_touch_are_one_and_keep_their_own_voxels():
    apart = scored(row((2, 6), (11, 14)), row((2, 14)), dilation=2)
    assert [lesion.voxels for lesion in apart.lesions] == [4, 3]
    one = scored(row((2, 6), (11, 14)), row((2, 14)), dilation=3)
    assert [(lesion.voxels, lesion.dsc) for lesion in one.lesions] == [(7, 14 / 19)]


def test_a_prediction_within_the_dilation_is_owned_though_it_overlaps_nothing():
    found = scored(row((2, 6)), row((7, 9)), dilation=2)
    assert (found.detection.tp, found.detection.fp, found.lesions[0].dsc) == (1, 0, 0.0)
    assert scored(row((2, 6)), row((8, 9)), dilation=2).detection.fp == 1


def test_a_lesion_up_to_the_limit_leaves_the_score_and_what_it_owns_is_not_false():
    found = scored(row((2, 6), (20, 30)), row((2, 6), (20, 30)), max_ignored_mm3=4)
    assert (found.detection.tp, found.detection.fp, found.detection.fn) == (1, 0, 0)
    assert len(found.lesions) == 2
    assert found.mean(lambda lesion: lesion.dsc, missed=0, false_positive=0) == 1


def test_a_lesion_may_own_only_what_it_shares_a_voxel_with():
    pair = row((2, 6), (8, 9)), row((7, 8), (8, 10))
    found = scored(row((2, 6)), row((7, 9)), dilation=2, reach="overlap")
    assert (found.detection.tp, found.detection.fp, found.detection.fn) == (0, 1, 1)
    # two lesions whose dilations touch are still one, found by either of them
    assert scored(*pair, dilation=2, reach="overlap").detection.tp == 1


def test_false_predictions_may_have_the_limit_of_the_lesions():
    pair = row((2, 6)), row((10, 14), (20, 25))
    assert scored(*pair, max_ignored_mm3=4).detection.fp == 2
    assert scored(*pair, max_ignored_mm3=4, ignored_sides="both").detection.fp == 1


def test_a_component_that_covers_two_lesions_is_compared_whole_with_each():
    found = scored(row((2, 6), (20, 30)), row((2, 30)))
    assert [lesion.owned for lesion in found.lesions] == [(1,), (1,)]
    assert [lesion.dsc for lesion in found.lesions] == [8 / 32, 20 / 38]


def test_no_lesion_and_no_prediction_has_no_mean():
    assert math.isnan(scored(row(), row()).mean(lambda lesion: 1, missed=0, false_positive=0))
    assert scored(row(), row((1, 2))).mean(lambda lesion: 1, missed=0, false_positive=0.25) == 0.25


def published_rules(reference, prediction, dilation, limit):
    """The rules lesion by lesion over whole volumes, as the published script goes about it."""
    neighbours, all_around = (ndimage.generate_binary_structure(3, rank) for rank in (2, 3))

    def grown(mask):
        return ndimage.binary_dilation(mask, neighbours, iterations=dilation)

    parts, count = ndimage.label(grown(reference), all_around)
    predicted, made = ndimage.label(prediction, all_around)
    scores, owned_by_any = [], set()
    for number in range(1, count + 1):
        lesion = reference & (parts == number)
        owned = set(np.unique(predicted[grown(lesion)]).tolist()) - {0}
        owned_by_any |= owned
        if np.count_nonzero(lesion) > limit:
            union = np.isin(predicted, list(owned))
            scores.append(2 * np.count_nonzero(lesion & union) / (lesion.sum() + union.sum()))
    return scores, made - len(owned_by_any)


@settings(max_examples=200, deadline=None)
@given(pair=MASKS, dilation=st.integers(1, 3), limit=st.sampled_from([0, 2, 5]))
def test_lesions_are_those_of_the_rules_applied_one_lesion_at_a_time(pair, dilation, limit):
    found = scored(*pair, dilation=dilation, max_ignored_mm3=limit)
    scores, false_positives = published_rules(*pair, dilation, limit)
    assert sorted(lesion.dsc for lesion in found.kept) == pytest.approx(sorted(scores))
    assert len(found.false) == false_positives


# ---- matching
def all_matchings(pairs):
    """Every set of pairs in which no object is used twice."""
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(pairs, size):
            if len({a for a, _ in chosen}) == len({b for _, b in chosen}) == size:
                yield chosen


@settings(max_examples=200, deadline=None)
@given(pair=mask_pairs(longest=7), min_iou=st.sampled_from([0.1, 0.2, 1 / 3, 0.5]))
def test_one_to_one_finds_the_most_pairs_and_among_these_the_largest_sum(pair, min_iou):
    objects = components(*pair, connectivity=6)
    iou = dict(
        zip(
            zip(*(a.tolist() for a in objects.overlaps[:2]), strict=True), objects.ious, strict=True
        )
    )
    fitting = [pair for pair, value in iou.items() if value >= min_iou]
    if len(fitting) > 10:
        return
    best = max((len(m), sum(iou[p] for p in m)) for m in all_matchings(fitting))
    found = match_by_iou(objects, "one_to_one", min_iou=min_iou)
    assert (found.tp, found.iou_sum) == (best[0], pytest.approx(best[1]))
    greedy = match_by_iou(objects, "greedy", min_iou=min_iou)
    assert greedy.tp <= found.tp
    assert greedy.tp >= found.tp / 2  # each greedy pair blocks two others at most
    many = match_by_iou(objects, "iou", min_iou=min_iou)
    assert found.tp <= many.tp <= match_any(objects).tp


@settings(max_examples=100, deadline=None)
@given(pair=MASKS, matching=st.sampled_from(["any", "iou", "one_to_one", "greedy"]))
def test_every_object_of_the_reference_is_found_or_missed(pair, matching):
    objects = components(*pair)
    found = match_by_iou(objects, matching, min_iou=0.3)
    assert found.tp + found.fn == len(objects.reference_objects)
    perfect = match_by_iou(components(pair[0], pair[0]), matching, min_iou=1.0)
    assert (perfect.fp, perfect.fn) == (0, 0)


def test_greedy_takes_the_largest_first_and_loses_a_pair_by_it():
    # one prediction over both lesions; another covers the left one better than it
    reference = np.zeros((2, 30), dtype=np.uint8)
    reference[0, 0:8], reference[0, 8:14] = 1, 2
    prediction = np.zeros((2, 30), dtype=np.uint8)
    prediction[0, 0:3], prediction[0, 3:12] = 1, 2
    first = Spans.of(reference)
    objects = ObjectPairs(reference=first, prediction=Spans.of(prediction, like=first))
    # IoU: (1, 1) 3/8, (1, 2) 5/12, (2, 2) 4/11
    assert objects.ious.tolist() == [3 / 8, 5 / 12, 4 / 11]
    assert match_by_iou(objects, "greedy", min_iou=0.2).pairs == (((1,), (2,)),)
    assert match_by_iou(objects, "one_to_one", min_iou=0.2).pairs == (((1,), (1,)), ((2,), (2,)))
    assert match_by_iou(objects, "iou", min_iou=0.2).tp == 2


@pytest.mark.parametrize(("inclusive", "tp"), [(True, 1), (False, 0)])
def test_a_pair_at_the_threshold_matches_where_it_is_inclusive(inclusive, tp):
    objects = components(row((0, 3)), row((0, 6)))
    found = match_by_iou(objects, "one_to_one", min_iou=0.5, inclusive=inclusive)
    assert found.tp == tp
    tenth = components(row((0, 3)), row((0, 30)))
    assert match_by_iou(tenth, "iou", min_iou=0.1).tp == 1  # though .1 * 30 > 3


def test_one_voxel_detects_by_any_overlap_and_false_volumes_are_of_those_that_touch_nothing():
    objects = components(row((0, 5), (10, 15), (30, 33)), row((4, 11), (20, 22)))
    found = match_any(objects)
    assert (found.tp, found.fp, found.fn) == (2, 1, 1)
    assert (objects.missed_voxels(), objects.invented_voxels()) == (3, 2)


def test_a_whole_label_is_found_missed_or_invented_but_never_two_of_these():
    for counts, expected in {
        (10, 10, 5): (1, 0, 0),
        (10, 10, 3): (0, 0, 1),
        (10, 0, 0): (0, 0, 1),
        (0, 4, 0): (0, 1, 0),
        (0, 0, 0): (0, 0, 0),
    }.items():
        found = detect_label(*counts, min_iou=0.25)
        assert (found.tp, found.fp, found.fn) == expected


def test_panoptic_quality_is_detection_times_segmentation():
    found = Detection(tp=3, fp=1, fn=2, iou_sum=2.4)
    assert found.detection_quality() == pytest.approx(3 / 4.5)
    assert found.segmentation_quality() == pytest.approx(0.8)
    assert found.panoptic_quality() == pytest.approx(3 / 4.5 * 0.8)
    assert Detection(tp=0, fp=1, fn=0).panoptic_quality() == 0
    assert math.isnan(Detection(tp=0, fp=0, fn=0).panoptic_quality())
    assert (found.precision, found.sensitivity, found.f1) == (3 / 4, 3 / 5, 6 / 9)


# ---- LiTS
def test_two_lesions_under_one_prediction_are_one_found_and_one_missed():
    found = merge_lesions(components(row((0, 5), (6, 11)), row((0, 11)), 6), overlap=0.5)
    assert (found.tp, found.fp, found.fn) == (1, 0, 1)
    assert found.pairs == (((1, 2), (1,)),)


def test_the_same_below_the_overlap_takes_two_off_the_one_that_was_counted():
    objects = components(row((0, 5), (6, 11)), row((4, 40)), 6)
    found = merge_lesions(objects, overlap=0.5)
    assert (found.tp, found.fp, found.fn, found.pairs) == (-1, 2, 3, ())
    assert merge_lesions(objects, overlap=0).tp == 1


def test_predictions_of_one_lesion_are_one():
    found = merge_lesions(components(row((0, 11)), row((0, 5), (6, 11), (20, 22)), 6), overlap=0.5)
    assert (found.tp, found.fp, found.fn, found.pairs) == (1, 2, 0, (((1,), (1, 2)),))


# ---- a table of lesions
def rows_of(reference, prediction, **rules):
    first = Spans.of(reference)
    found = detected(
        first, Spans.of(prediction, like=first), DetectionRules(**rules), voxel_mm3=1.0
    )
    return [
        (row.side, row.number, row.volume_ml, row.outcome, row.partners, row.dsc, row.hd95_mm)
        for row in object_rows(found, spacing_mm=(1.0, 1.0, 1.0))
    ]


@pytest.mark.parametrize("matching", ["one_to_one", "greedy", "iou", "any", "dilated"])
def test_a_table_of_lesions_says_what_became_of_each(matching):
    rows = rows_of(row((0, 4), (10, 14), (20, 22)), row((0, 4), (30, 33)), matching=matching)
    assert rows == [
        ("reference", 1, 0.004, "found", (1,), 1.0, 0.0),
        ("reference", 2, 0.004, "missed", (), 0.0, math.inf),
        ("reference", 3, 0.002, "missed", (), 0.0, math.inf),
        ("prediction", 2, 0.003, "false", (), 0.0, math.inf),
    ]


def test_a_lesion_too_small_to_count_is_in_the_table_as_ignored():
    rows = rows_of(row((0, 4), (20, 22)), row((20, 22)), matching="dilated", ignored_mm3=2)
    assert [(number, outcome, partners) for _, number, _, outcome, partners, *_ in rows] == [
        (1, "missed", ()),
        (2, "ignored", (1,)),
    ]


def test_a_lesion_shares_its_row_with_all_that_overlaps_it_where_nothing_is_paired():
    (only,) = rows_of(row((0, 11)), row((0, 5), (6, 9)), matching="any")
    assert only[3:6] == ("found", (1, 2), 2 * 8 / 19)
