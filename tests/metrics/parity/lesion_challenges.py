"""Challenges that score objects, put together from `metrics` by the rules of their own code."""

import math

import numpy as np

from metrics.cohort import STATISTICS, aggregated_f1, by_group
from metrics.distances import measure_distances
from metrics.lesions import LesionRules, lesion_wise
from metrics.matching import match_any, match_by_iou
from metrics.objects import ObjectPairs
from metrics.overlaps import Overlap
from metrics.spans import Spans
from tests.metrics.parity.official import load_nifti


def objects_of(reference, prediction, connectivity):
    """Components of two masks or label maps."""
    first = Spans.of(reference)
    return ObjectPairs(
        reference=first.joined(connectivity),
        prediction=Spans.of(prediction, like=first).joined(connectivity),
    )


def instances_of(reference, prediction):
    """The instances of two maps as they are numbered."""
    first = Spans.of(reference)
    return ObjectPairs(reference=first, prediction=Spans.of(prediction, like=first))


def counted(reference, prediction, voxel_mm3=1.0):
    return Overlap(
        reference=int(reference.sum()),
        prediction=int(prediction.sum()),
        shared=int((reference & prediction).sum()),
        image=reference.size,
        voxel_mm3=voxel_mm3,
    )


def or_else(value, instead):
    return instead if math.isnan(value) else value


# ---- BraTS 2023
SETTINGS = {"GLI": (3, 50), "SSA": (3, 50), "PED": (3, 50), "MEN": (1, 50), "MET": (1, 2)}
REGIONS = {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)}
MISSED_MM = 374.0


def hd95_areas(reference, prediction, spacing):
    if not reference.any() and not prediction.any():
        return 0.0
    if not (reference.any() and prediction.any()):
        return MISSED_MM
    measured = measure_distances(reference, prediction, spacing_mm=spacing)
    return measured.percentile(95, "directed")


def brats_region(maps, spans, labels, spacing, rules):
    masks = tuple(np.isin(m, labels) for m in maps)
    overlap = counted(*masks, voxel_mm3=math.prod(spacing))
    lesions = lesion_wise(*(r.union(labels) for r in spans), rules, voxel_mm3=math.prod(spacing))
    hd95 = lesions.mean(
        lambda lesion: hd95_areas(*lesions.masks(lesion), spacing),
        missed=MISSED_MM,
        false_positive=MISSED_MM,
    )
    dsc = lesions.mean(lambda lesion: lesion.dsc, missed=0.0, false_positive=0.0)
    is_empty = not overlap.prediction
    return {
        "Num_TP": lesions.detection.tp,
        "Num_FP": lesions.detection.fp,
        "Num_FN": lesions.detection.fn,
        "Sensitivity": or_else(overlap.sensitivity, float(is_empty)),
        "Specificity": overlap.specificity,
        "Legacy_Dice": or_else(overlap.dsc, 1.0),
        "Legacy_HD95": hd95_areas(*masks, spacing),
        "GT_Complete_Volume": overlap.reference_volume_ml * 1000,
        "LesionWise_Score_Dice": or_else(dsc, 1.0),
        "LesionWise_Score_HD95": or_else(hd95, 0.0),
    }


def brats23(folder):
    found = {}
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        reference, _ = load_nifti(path)
        prediction, spacing = load_nifti(folder / "segs" / path.name)
        maps = reference.astype(np.uint8), prediction.astype(np.uint8)
        first = Spans.of(maps[0])
        spans = first, Spans.of(maps[1], like=first)
        for challenge, (dilation, ignored) in SETTINGS.items():
            rules = LesionRules(dilation=dilation, max_ignored_mm3=ignored)
            for region, labels in REGIONS.items():
                scores = brats_region(maps, spans, labels, spacing, rules)
                case = path.name.removesuffix(".nii.gz")
                found |= {
                    f"scores.csv/{challenge}/{case}/{region}/{k}": v for k, v in scores.items()
                }
    return found


# ---- ISLES 2022 and 2024
def isles22_columns(reference, prediction, spacing):
    masks = reference != 0, prediction != 0
    objects = objects_of(*masks, 26)
    overlap = counted(*masks, voxel_mm3=math.prod(spacing))
    lesions = len(objects.reference_objects), len(objects.predicted_objects)
    return {
        "dice": or_else(overlap.dsc, 1.0),
        "absolute_volume_difference_ml": overlap.absolute_volume_difference_ml,
        "absolute_lesion_count_difference": abs(lesions[0] - lesions[1]),
        "lesion_f1": or_else(match_any(objects).f1, 1.0),
    }


def isles24_columns(reference, prediction, spacing):
    before = isles22_columns(reference, prediction, spacing)
    masks = reference.astype(int) != 0, prediction.astype(int) != 0
    objects = objects_of(*masks, 26)
    lesions = len(objects.reference_objects), len(objects.predicted_objects)
    return {f"{name}_2024": value for name, value in before.items()} | {
        "dice": or_else(counted(*masks).dsc, 1.0),
        "absolute_volume_difference_ml": before["absolute_volume_difference_ml"],
        "absolute_lesion_count_difference": abs(lesions[0] - lesions[1]),
        "lesion_f1": or_else(match_by_iou(objects, "greedy", min_iou=0.2).f1, 1.0),
    }


def _isles(folder, columns):
    found = {}
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        reference, spacing = load_nifti(path)
        prediction, _ = load_nifti(folder / "segs" / path.name)
        for name, value in columns(reference, prediction, spacing).items():
            found[f"scores.csv/{path.name.removesuffix('.nii.gz')}/{name}"] = value
    return found


def isles22(folder):
    return _isles(folder, isles22_columns)


def isles24(folder):
    return _isles(folder, isles24_columns)


# ---- autoPET
def autopet_case(reference, prediction, voxel_mm3, *, edition):
    is_empty = not reference.any()
    # a voxel of value 2 counts twice, as their sums have it
    overlap = Overlap(
        reference=float(reference.sum()),
        prediction=float(prediction.sum()),
        shared=float(prediction[reference == 1].sum()),
        image=reference.size,
        voxel_mm3=voxel_mm3,
    )
    objects = objects_of(reference, prediction, 18)
    dsc, missed = overlap.dsc, objects.missed_voxels() * voxel_mm3 / 1000
    if is_empty and edition > 1:
        dsc = missed = math.nan
    scores = {
        "dice_sc": dsc,
        "false_pos_vol": objects.invented_voxels() * voxel_mm3 / 1000,
        "false_neg_vol": missed,
    }
    if edition == 5:
        found = match_by_iou(objects, "iou", min_iou=0.1)
        names = dict(zip(("dsc", "fpv", "fnv"), scores.values(), strict=True))
        f1 = math.nan if is_empty else or_else(found.f1, 0.0)
        return names | {"tp": found.tp, "fp": found.fp, "fn": found.fn, "f1": f1}
    return scores


def autopet(folder):
    found, columns = {}, {}
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        case = path.name.removesuffix(".nii.gz")
        reference, spacing = load_nifti(path)
        prediction, own_spacing = load_nifti(folder / "segs" / path.name)
        for edition, used in {1: own_spacing, 3: spacing, 4: own_spacing, 5: spacing}.items():
            scores = autopet_case(reference, prediction, math.prod(used), edition=edition)
            found |= {f"edition{edition}.csv/{case}/{name}": v for name, v in scores.items()}
        columns[case] = scores
        rounds = [
            autopet_case(reference, load_nifti(p)[0], math.prod(spacing), edition=4)
            for p in sorted(
                (folder / "clicks").glob(f"{case}_pred*.nii.gz"),
                key=lambda p: int(p.name.removesuffix(".nii.gz").rpartition("pred")[2]),
            )
        ]
        for short, name in {
            "dice": "dice_sc", "fpv": "false_pos_vol", "fnv": "false_neg_vol",
        }.items() if rounds else ():  # fmt: skip
            values = [scores[name] for scores in rounds]
            found[f"edition4_interactive.csv/{case}/{short}_auc"] = float(np.trapezoid(values))
            found[f"edition4_interactive.csv/{case}/{short}_final"] = values[-1]
    return found | autopet_aggregate(columns)


def autopet_aggregate(scores):
    columns = {k: np.array([s[k] for s in scores.values()]) for k in ("dsc", "tp", "fp", "fn")}
    sets = ["_".join(case.split("_")[:2]) for case in scores]

    def f1(some):
        return aggregated_f1(some["tp"], some["fp"], some["fn"])

    def mean(some):
        return STATISTICS["mean"](some["dsc"])

    values = {
        "dsc": mean(columns),
        "f1_aggregated": f1(columns),
        "dsc_weighted": by_group(mean, columns, sets),
        "f1_aggregated_weighted": by_group(f1, columns, sets),
    }
    return {f"edition5_aggregate.json/{name}": value for name, value in values.items()}
