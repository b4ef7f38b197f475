"""Every challenge's own numbers come out of `metrics`, value by value, traps included.

The scorers beside this file only put the functions together by each challenge's rules.
"""

from fnmatch import fnmatchcase

import pytest

from tests.metrics.parity import (
    lesion_challenges,
    merged_and_instances,
    region_challenges,
    tube_challenges,
)
from tests.metrics.parity.official import differences, inputs, needs_reference, official_values

ROUNDED_4, ROUNDED_8 = 0.5001e-4, 0.5001e-8
FLOAT32_VOLUME = 2e-7  # they multiply the float32 spacings of the header in float32

# By challenge: how many values are compared, the scorer, by pattern how much may differ where it
# is more than 1e-9, and what is not compared, with the reason.
LESIONS, REGIONS, TUBES = lesion_challenges, region_challenges, tube_challenges
CHALLENGES = {
    "autopet": (
        230,
        LESIONS.autopet,
        {"*_vol": FLOAT32_VOLUME, "*f?v*": FLOAT32_VOLUME},
        {},
    ),
    "brats23": (2550, LESIONS.brats23, {}, {}),
    "conic22": (327, merged_and_instances.conic22, {}, {"counts_*": "copies of the inputs"}),
    "cvpr25-text": (68, REGIONS.cvpr25_text, {"*": ROUNDED_4}, {}),
    "flare22": (338, REGIONS.flare22, {"*": ROUNDED_4}, {}),
    "flare23": (394, REGIONS.flare23, {"scores.csv*": ROUNDED_4, "scores.txt*": 1.5001e-4}, {}),
    "flare24": (
        363,
        REGIONS.flare24,
        {"*": ROUNDED_4},
        {"task1.csv/FLARE_0011_*/Lesion_DSC": "integers of a reference taken as bits: a defect"},
    ),
    "hecktor21": (48, REGIONS.hecktor21, {}, {}),
    "hecktor22": (51, REGIONS.hecktor22, {}, {}),
    "isles22": (56, LESIONS.isles22, {"*_ml": FLOAT32_VOLUME}, {}),
    "isles24": (98, LESIONS.isles24, {"*_ml": FLOAT32_VOLUME}, {}),
    "kits23": (
        108,
        REGIONS.kits23,
        {"scores.csv/average/*": 1.0001e-8, "*": ROUNDED_8},
        {"summary.csv*": "the generator's", "ranking.csv*": "a ranking, not a metric"},
    ),
    "lits": (
        480,
        merged_and_instances.lits,
        {},
        {"scores.txt*": "scores.json's `all` at 3 decimals"},
    ),
    "panther25": (77, REGIONS.panther25, {}, {"empty.json/time_score": "a placeholder"}),
    "toothfairy1": (
        105,
        TUBES.toothfairy1,
        {"*HausdorffDistance95*": 1e-5},  # their distance map is float32
        {
            "scores.csv/P1[23].mha/HausdorffDistance95": "an empty mask: 1.8e19",
            "aggregates.json/HausdorffDistance95/m[ea]*": "that number is in the mean and maximum",
            "aggregates.json/HausdorffDistance95/std": "and in the spread",
        },
    ),
    "toothfairy2": (110, TUBES.toothfairy2, {}, {}),
    "toothfairy3": (128, TUBES.toothfairy3, {}, {}),
    "topcow24": (
        980,
        TUBES.topcow24,
        {"*HD*": 2e-5},
        {
            "aggregate.json/detection/*/label": "a name",
            "*/graph/*": "no metric of masks",
            "*/topology*": "no metric of masks",
            "*/left_right_flipped/*": "no metric of masks",
        },
    ),
}


@needs_reference
@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_challenge_s_own_numbers_come_out(challenge, tmp_path):
    count, scorer, tolerances, left_out = CHALLENGES[challenge]
    expected = {
        address: value
        for address, value in official_values(challenge).items()
        if not any(fnmatchcase(address, pattern) for pattern in left_out)
    }

    def within(address):
        return next((t for p, t in tolerances.items() if fnmatchcase(address, p)), 1e-9)

    wrong = differences(scorer(inputs(challenge, tmp_path)), expected, within=within)
    assert not wrong
    assert len(expected) == count
