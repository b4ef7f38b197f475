"""The registered metrics, with settings that a protocol can write, have the challenges' numbers.

Each table below is what a protocol says of a challenge: the metric, its settings, and what counts
where a mask is empty.
"""

from dataclasses import replace

import numpy as np
import pytest

from metrics import METRICS, Comparison
from tests.metrics.parity.lesion_challenges import REGIONS
from tests.metrics.parity.official import (
    differences,
    inputs,
    load_mha,
    load_nifti,
    needs_reference,
    official_values,
)
from tests.metrics.parity.tube_challenges import PULPS, TEETH, VESSELS

BOTH_EMPTY = {"both": 1.0}
UNDEFINED = {"both": "skip", "reference": "skip"}


def scored(pair, columns):
    """The columns of one label or region: METRIC, settings, empty rules by official name."""
    found = {}
    for column, (name, options, empty) in columns.items():
        metric = METRICS[name]
        rule = replace(metric.empty, **empty).of(pair)
        if rule is None:
            found[column] = metric.computed(pair, **metric.checked(options))
        else:
            found[column] = metric.ruled(rule, diagonal_mm=pair.diagonal_mm)
    return found


def nifti_pairs(folder):
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        reference, spacing = load_nifti(path)
        prediction, own_spacing = load_nifti(folder / "segs" / path.name)
        yield path.name.removesuffix(".nii.gz"), reference, prediction, spacing, own_spacing


# ---- BraTS 2023
def brats(dilation, ignored_mm3):
    rules = {"dilation": dilation, "ignored_mm3": ignored_mm3}
    counted = rules | {"matching": "dilated"}
    far = {"both": 0.0, "reference": 374.0, "prediction": 374.0}
    return {
        "Num_TP": ("lesion_tp", counted, {}),
        "Num_FP": ("lesion_fp", counted, {}),
        "Num_FN": ("lesion_fn", counted, {}),
        "Sensitivity": ("sensitivity", {}, BOTH_EMPTY),
        "Specificity": ("specificity", {}, {}),
        "Legacy_Dice": ("dsc", {}, BOTH_EMPTY),
        "Legacy_HD95": ("hd95", {}, far),
        "LesionWise_Score_Dice": ("lesion_dsc", rules, BOTH_EMPTY),
        "LesionWise_Score_HD95": ("lesion_hd95", rules | {"penalty_mm": 374.0}, {"both": 0.0}),
    }


def brats23(folder):
    found = {}
    settings = {"GLI": (3, 50), "SSA": (3, 50), "PED": (3, 50), "MEN": (1, 50), "MET": (1, 2)}
    for case, reference, prediction, _, spacing in nifti_pairs(folder):
        comparison = Comparison(reference.astype(np.uint8), prediction.astype(np.uint8))
        for region, labels in REGIONS.items():
            pair = comparison.region(labels, spacing_mm=spacing)
            for challenge, (dilation, ignored) in settings.items():
                at = f"scores.csv/{challenge}/{case}/{region}"
                values = scored(pair, brats(dilation, ignored))
                found |= {f"{at}/{column}": value for column, value in values.items()}
    return found


# ---- ISLES, autoPET
ISLES_2022 = {
    "dice": ("dsc", {}, BOTH_EMPTY),
    "absolute_volume_difference_ml": ("absolute_volume_difference_ml", {}, {}),
    "absolute_lesion_count_difference": ("lesion_count_difference", {}, {}),
    "lesion_f1": ("lesion_f1", {"matching": "any"}, BOTH_EMPTY),
}
ISLES_2024 = ISLES_2022 | {
    "lesion_f1": ("lesion_f1", {"matching": "greedy", "min_iou": 0.2}, BOTH_EMPTY)
}
_VALUES = {"objects": "components_of_values", "neighbours": 18}
_COUNTS = _VALUES | {"matching": "iou", "min_iou": 0.1}
AUTOPET = {
    "dice_sc": ("dsc", {"sum_values": True}, UNDEFINED),
    "false_pos_vol": ("fp_volume_ml", _VALUES, {}),
    "false_neg_vol": ("fn_volume_ml", _VALUES, UNDEFINED),
}
AUTOPET_5 = {
    "dsc": AUTOPET["dice_sc"],
    "fpv": AUTOPET["false_pos_vol"],
    "fnv": AUTOPET["false_neg_vol"],
    "tp": ("lesion_tp", _COUNTS, {}),
    "fp": ("lesion_fp", _COUNTS, {}),
    "fn": ("lesion_fn", _COUNTS, {}),
    "f1": ("lesion_f1", _COUNTS, UNDEFINED),
}


def isles(columns, *, to_integers):
    def score(folder):
        found = {}
        for case, *maps, spacing, _ in nifti_pairs(folder):
            maps = [m.astype(int) if to_integers else m != 0 for m in maps]
            pair = Comparison(*maps).region(spacing_mm=spacing)
            found |= {f"scores.csv/{case}/{name}": v for name, v in scored(pair, columns).items()}
        return found

    return score


def autopet(folder):
    found = {}
    for case, reference, prediction, spacing, own in nifti_pairs(folder):
        comparison = Comparison(reference.astype(np.uint8), prediction.astype(np.uint8))
        for table, columns, used in (
            ("edition3.csv", AUTOPET, spacing),
            ("edition4.csv", AUTOPET, own),
            ("edition5.csv", AUTOPET_5, spacing),
        ):
            pair = comparison.region(spacing_mm=used)
            found |= {f"{table}/{case}/{name}": v for name, v in scored(pair, columns).items()}
    return found


# ---- ToothFairy, TopCoW
TOOTHFAIRY_1 = {
    "DiceCoefficient": ("dsc", {}, {}),
    "HausdorffDistance95": (
        "hd95",
        {"reading": "pooled", "contour": 26, "open_border": True},
        {},
    ),
    "clDice": ("cldice", {"empty_skeleton": 1.0}, {}),
    "Betti_0": ("betti0_error", {}, {}),
    "Betti_1": ("betti1_error", {}, {}),
}
TOOTHFAIRY_2 = {
    "dice": ("dsc", {}, BOTH_EMPTY),
    "hd95": ("hd95", {"reading": "pooled", "unit": "voxels"}, {"both": 0.0}),
}
_CONTOUR = {"contour": 26}
_FAR = {"both": 0.0, "reference": 90.0, "prediction": 90.0}
TOPCOW = {
    "Dice": ("dsc", {}, {"both": 0.0}),
    "B0err": ("betti0_error", {}, {}),
    "HD95": ("hd95", {"reading": "voxel"} | _CONTOUR, _FAR),
    "HD": ("hd", {"surface": "voxels"} | _CONTOUR, _FAR),
}


def mha_pairs(folder, pattern="*.mha"):
    for path in sorted((folder / "gts").glob(pattern)):
        reference, spacing = load_mha(path)
        case = path.name.partition(".")[0]
        prediction, _ = load_mha(folder / "segs" / f"{case}.mha")
        yield case, reference, prediction, spacing[::-1]


def toothfairy1(folder):
    found = {}
    for case, *maps, spacing in mha_pairs(folder):
        pair = Comparison(*(m.astype(np.uint8) for m in maps)).region(spacing_mm=spacing)
        values = scored(pair, TOOTHFAIRY_1)
        found |= {f"scores.csv/{case}.mha/{name}": value for name, value in values.items()}
    return found


def toothfairy(labels, merged=()):
    def score(folder):
        found = {}
        for case, *maps, _ in mha_pairs(folder):
            maps = [np.where(np.isin(m, merged), 150, m).astype(np.uint8) for m in maps]
            # one millimetre a voxel, so that the diagonal is in voxels too
            for pair in Comparison(*maps).pairs(labels, spacing_mm=(1.0, 1.0, 1.0)):
                at = f"labels.csv/{case}.mha/{pair.label}"
                values = scored(pair, TOOTHFAIRY_2)
                found |= {f"{at}/{name}": value for name, value in values.items()}
        return found

    return score


def topcow24(folder):
    found = {}
    for case, *maps, spacing in mha_pairs(folder, "*.nii.gz"):
        comparison = Comparison(*(m.astype(np.uint8) for m in maps))
        pairs = {
            VESSELS[pair.label]: pair for pair in comparison.pairs(VESSELS, spacing_mm=spacing)
        }
        pairs["MergedBin"] = whole = comparison.region(spacing_mm=spacing)
        for name, pair in pairs.items():
            values = scored(pair, TOPCOW)
            found |= {f"cases.json/{case}/{m}_{name}": value for m, value in values.items()}
        cldice = {"clDice": ("cldice", {"axes": "reversed", "empty_skeleton": 0.0}, {"both": 0.0})}
        found |= {f"cases.json/{case}/{k}": v for k, v in scored(whole, cldice).items()}
    return found


# ---- LiTS, CoNIC
LITS_LIVER = {
    "dice": ("dsc", {}, {}),
    "jaccard": ("iou", {}, {}),
    "rvd": ("relative_volume_difference", {}, {}),
    "assd": ("assd", {"surface": "voxels", "contour": 18}, {}),
    "rmsd": ("rmsd", {"surface": "voxels", "contour": 18}, {}),
    "msd": ("hd", {"surface": "voxels", "contour": 18}, {}),
}
_MERGED = {"matching": "merged", "neighbours": 6}
_MERGED_SURFACE = _MERGED | {"surface": "voxels", "contour": 18, "unmatched": 9001.0}
LITS_LESION = {
    "detection/0.5/TP": ("lesion_tp", _MERGED, {}),
    "detection/0.5/FP": ("lesion_fp", _MERGED, {}),
    "detection/0.5/FN": ("lesion_fn", _MERGED, {}),
    "lesion/dice": ("lesion_matched_dsc", _MERGED, {}),
    "lesion/jaccard": ("lesion_matched_iou", _MERGED, {}),
    "lesion/rvd": (
        "lesion_matched_relative_volume_difference",
        _MERGED | {"unmatched": 9001.0},
        {"prediction": 9001.0},
    ),
    "lesion/assd": ("lesion_matched_assd", _MERGED_SURFACE, {"prediction": 9001.0}),
    "lesion/rmsd": ("lesion_matched_rmsd", _MERGED_SURFACE, {"prediction": 9001.0}),
    "lesion/msd": ("lesion_matched_hd", _MERGED_SURFACE, {"prediction": 9001.0}),
}


def lits(folder):
    found = {}
    for path in sorted((folder / "ref").glob("*.nii")):
        reference, spacing = load_nifti(path)
        prediction, _ = load_nifti(folder / "res" / path.name)
        comparison = Comparison(reference.astype(np.uint8), prediction.astype(np.uint8))
        at = f"scores.json/{path.name.removesuffix('.nii')}"
        if (prediction == 1).any():  # else the liver counts as absent: no setting of a metric
            values = scored(comparison.region(spacing_mm=spacing), LITS_LIVER)
            found |= {f"{at}/liver/{name}": value for name, value in values.items()}
        (lesion,) = comparison.pairs([2], spacing_mm=spacing)
        found |= {f"{at}/{name}": value for name, value in scored(lesion, LITS_LESION).items()}
    return found


_INSTANCES = {"objects": "instances", "inclusive": False}
_NONE = {"both": 0.0}
CONIC = {
    f"{short}q": (f"{name}_quality", _INSTANCES | {"smoothing": 1e-6}, _NONE)
    for short, name in {"d": "detection", "s": "segmentation", "p": "panoptic"}.items()
}
CONIC_CLASS = {
    "tp": ("lesion_tp", _INSTANCES, {}),
    "fp": ("lesion_fp", _INSTANCES, {}),
    "fn": ("lesion_fn", _INSTANCES, {}),
    "iou_sum": ("lesion_iou_sum", _INSTANCES, {}),
}


def conic22(folder):
    true, pred = (np.load(folder / f"{name}.npy") for name in ("true", "pred"))
    found = {}
    for patch in range(len(true)):
        instances = [m[patch, ..., 0].astype(np.uint16) for m in (true, pred)]
        pair = Comparison(*instances).region(spacing_mm=(1, 1))
        found |= {f"scores.csv/{patch}/{name}": v for name, v in scored(pair, CONIC).items()}
        for number in range(1, 7):
            kept = [
                i * (m[patch, ..., 1] == number)
                for i, m in zip(instances, (true, pred), strict=True)
            ]
            pair = Comparison(*kept).region(spacing_mm=(1, 1))
            at = f"classes.csv/{patch}/{number}"
            found |= {f"{at}/{name}": v for name, v in scored(pair, CONIC_CLASS).items()}
    return found


# How many values of each are compared: those that a metric of one label or region stands for.
CHALLENGES = {
    "autopet": (169, autopet, 2e-7),
    "brats23": (2295, brats23, 1e-9),
    "conic22": (324, conic22, 1e-9),
    "isles22": (56, isles(ISLES_2022, to_integers=False), 2e-7),
    "isles24": (56, isles(ISLES_2024, to_integers=True), 2e-7),
    "lits": (213, lits, 1e-9),
    "toothfairy1": (68, toothfairy1, 1e-5),
    "toothfairy2": (86, toothfairy(TEETH), 1e-9),
    "toothfairy3": (104, toothfairy([*TEETH, 103, 104, 105, 150], PULPS), 1e-9),
    "topcow24": (765, topcow24, 2e-5),
}


@needs_reference
@pytest.mark.parametrize("challenge", CHALLENGES)
def test_registered_metrics_have_a_challenge_s_numbers(challenge, tmp_path):
    count, scorer, tolerance = CHALLENGES[challenge]
    found = scorer(inputs(challenge, tmp_path))
    slips = ("scores.csv/P12.mha/HausdorffDistance95", "scores.csv/P13.mha/HausdorffDistance95")
    expected = {
        address: value
        for address, value in official_values(challenge).items()
        if address in found and address not in slips
    }
    assert not differences(found, expected, within=lambda _: tolerance)
    assert len(expected) == count
