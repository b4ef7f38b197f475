"""Challenges that score organs, vessels and tumours, put together from `metrics` by their rules."""

import csv
import math

import numpy as np
import SimpleITK as sitk  # noqa: N813

from metrics import surface_dice
from metrics.boundaries import Boundary
from metrics.cohort import STATISTICS, aggregated_dice
from metrics.distances import measure_distances
from metrics.matching import detect_label, match_by_iou
from metrics.spans import Spans
from metrics.topology import betti_numbers, centreline_dice, harmonic_mean
from metrics.windows import reference_slices
from tests.metrics.parity.lesion_challenges import (
    counted,
    hd95_areas,
    instances_of,
    or_else,
)
from tests.metrics.parity.official import load_mha, load_nifti

CONTOUR_6 = Boundary(elements="voxels", connectivity=6)
CONTOUR_26 = Boundary(elements="voxels", connectivity=26)
CONTOUR_26_INSIDE = Boundary(elements="voxels", connectivity=26, open_border=True)


def dsc_and_nsd(reference, prediction, spacing, tolerance, *, gate=0.0):
    """Both empty 1 and 1, one empty 0 and 0; NSD 0 below the gate."""
    if not reference.any() and not prediction.any():
        return 1.0, 1.0
    if not (reference.any() and prediction.any()):
        return 0.0, 0.0
    dsc = counted(reference, prediction).dsc
    if dsc < gate:
        return dsc, 0.0
    nsd = surface_dice(reference, prediction, spacing_mm=spacing, tolerance_mm=tolerance)
    return dsc, nsd


# ---- FLARE
ORGANS = {
    "Liver": 5, "RK": 3, "Spleen": 3, "Pancreas": 5, "Aorta": 2, "IVC": 2, "RAG": 2, "LAG": 2,
    "Gallbladder": 2, "Esophagus": 3, "Stomach": 5, "Duodenum": 7, "LK": 3, "Lesion": 2,
}  # fmt: skip
TUBES = (5, 6, 10)


def flare_organs(folder, table, organs, dtype):
    found = {}
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        if not (folder / "segs" / path.name).exists():
            continue
        reference, spacing = load_nifti(path)
        prediction, _ = load_nifti(folder / "segs" / path.name)
        maps = [m.astype(np.float64).astype(dtype) for m in (reference, prediction)]
        for label, organ in enumerate(organs, start=1):
            masks = [m == label for m in maps]
            if label in TUBES and masks[0].any() and masks[1].any():
                window = reference_slices(masks[0], axis=2, inclusive=False)
                masks = [np.ascontiguousarray(m[window]) for m in masks]
            scores = dsc_and_nsd(*masks, spacing, ORGANS[organ], gate=0.2)
            for name, value in zip(("DSC", "NSD"), scores, strict=True):
                found[f"{table}/{path.name}/{organ}_{name}"] = value
    return found


def flare22(folder):
    return flare_organs(folder, "scores.csv", list(ORGANS)[:13], np.uint8)


def flare23(folder):
    found = flare_organs(folder, "scores.csv", list(ORGANS), np.int8)
    for name in ("DSC", "NSD"):
        means = {
            organ: float(np.mean([v for k, v in found.items() if k.endswith(f"/{organ}_{name}")]))
            for organ in ORGANS
        }
        found |= {f"scores.txt/{organ}_{name}": value for organ, value in means.items()}
        found[f"scores.txt/Organ_{name}"] = float(np.mean(list(means.values())[:13]))
    return found


def flare24(folder):
    found = flare_organs(folder / "task2", "task2.csv", list(ORGANS)[:13], np.uint8)
    for path in sorted((folder / "task1" / "gts").glob("*.nii.gz")):
        if not (folder / "task1" / "segs" / path.name).exists():
            continue
        reference, spacing = load_nifti(path)
        prediction, _ = load_nifti(folder / "task1" / "segs" / path.name)
        maps = [m.astype(np.float64).astype(np.uint8) for m in (reference, prediction)]
        dsc, nsd = (
            (0.0, 0.0)
            if maps[1].max() > 1
            else dsc_and_nsd(*(m > 0 for m in maps), spacing, 2, gate=0.2)
        )
        found[f"task1.csv/{path.name}/Lesion_DSC"] = dsc
        found[f"task1.csv/{path.name}/Lesion_NSD"] = nsd
    return found


# ---- KiTS 2023
KITS = {
    "kidney": ((1, 2, 3), 1.0330772532390826),
    "masses": ((2, 3), 1.1328796488598762),
    "tumor": ((2,), 1.1498198361434828),
}


def kits23(folder):
    found, columns = {}, {}
    for path in sorted((folder / "segs").glob("*.nii.gz")):
        case = path.name.removesuffix(".nii.gz")
        prediction, spacing = load_nifti(path)
        reference, _ = load_nifti(folder / "gts" / case / "segmentation.nii.gz")
        if reference.shape != prediction.shape:
            continue
        for region, (labels, tolerance) in KITS.items():
            masks = (np.isin(m, labels) for m in (reference, prediction))
            for name, value in zip(
                ("Dice", "SD"), dsc_and_nsd(*masks, spacing, tolerance), strict=True
            ):
                found[f"scores.csv/{case}/{name}_{region}"] = value
                columns.setdefault(f"{name}_{region}", []).append(value)
    return found | {f"scores.csv/average/{k}": float(np.mean(v)) for k, v in columns.items()}


# ---- ToothFairy
def toothfairy1(folder):
    found, columns = {}, {}
    for path in sorted((folder / "gts").glob("*.mha")):
        reference, spacing = load_mha(path)
        prediction, _ = load_mha(folder / "segs" / path.name)
        masks = [m.astype(np.uint8) > 0 for m in (reference, prediction)]
        scores = {
            "DiceCoefficient": or_else(counted(*masks).dsc, 1.0),
            "HausdorffDistance95": 1e9,  # an empty mask: more than any other
            "clDice": harmonic_mean(*(or_else(s, 1.0) for s in centreline_dice(*masks))),
        }
        if all(m.any() for m in masks):
            measured = measure_distances(
                *masks, spacing_mm=spacing[::-1], boundary=CONTOUR_26_INSIDE
            )
            scores["HausdorffDistance95"] = measured.percentile(95, "pooled")
        bettis = zip(*(betti_numbers(m) for m in masks), strict=True)
        errors = [abs(a - b) for a, b in bettis]
        scores |= {"Betti_0": errors[0], "Betti_1": errors[1]}
        for name, value in scores.items():
            found[f"scores.csv/{path.name}/{name}"] = value
            columns.setdefault(name, []).append(value)
    statistics = {"std": "sd", "25pc": "q25", "50pc": "median", "75pc": "q75"}
    for name, values in columns.items():
        found[f"aggregates.json/{name}/count"] = len(values)
        for theirs in ("mean", "std", "min", "25pc", "50pc", "75pc", "max"):
            statistic = STATISTICS[statistics.get(theirs, theirs)]
            found[f"aggregates.json/{name}/{theirs}"] = statistic(values)
    return found


def toothfairy_labels(folder, labels, merged=()):
    found = {}
    for path in sorted((folder / "gts").glob("*.mha")):
        maps = [load_mha(folder / part / path.name)[0] for part in ("gts", "segs")]
        maps = [np.where(np.isin(m, merged), 150, m) for m in maps]
        columns = []
        for label in labels:
            masks = [m == label for m in maps]
            dsc, hd95 = or_else(counted(*masks).dsc, 1.0), 0.0
            if all(m.any() for m in masks):
                measured = measure_distances(*masks, spacing_mm=(1.0,) * 3, boundary=CONTOUR_6)
                hd95 = measured.percentile(95, "pooled")
            elif any(m.any() for m in masks):
                hd95 = float(np.linalg.norm(maps[0].shape))
            found[f"labels.csv/{path.name}/{label}/dice"] = dsc
            found[f"labels.csv/{path.name}/{label}/hd95"] = hd95
            columns.append((dsc, hd95))
        means = np.mean(columns, axis=0).tolist()
        found[f"scores.csv/{path.name}/DiceCoefficient"] = means[0]
        found[f"scores.csv/{path.name}/HausdorffDistance95"] = means[1]
    return found


TEETH = [*range(1, 11), *(10 * tens + units for tens in range(1, 5) for units in range(1, 9))]
PULPS = [100 + 10 * tens + units for tens in range(1, 5) for units in range(1, 9)]


def toothfairy2(folder):
    return toothfairy_labels(folder, TEETH)


def toothfairy3(folder):
    return toothfairy_labels(folder, [*TEETH, 103, 104, 105, 150], merged=PULPS)


# ---- TopCoW 2024
VESSELS = {
    1: "BA", 2: "R-PCA", 3: "L-PCA", 4: "R-ICA", 5: "R-MCA", 6: "L-ICA", 7: "L-MCA", 8: "R-Pcom",
    9: "L-Pcom", 10: "Acom", 11: "R-ACA", 12: "L-ACA", 15: "3rd-A2",
}  # fmt: skip
SELDOM = (8, 9, 10, 15)


def vessel_scores(reference, prediction, spacing):
    if not (reference.any() or prediction.any()):
        return {"Dice": 0.0, "B0err": 0.0, "HD95": 0.0, "HD": 0.0}
    pieces = [len(Spans.of(m).joined(26).boxes) for m in (reference, prediction)]
    hd95 = hd = 90.0
    if reference.any() and prediction.any():
        measured = measure_distances(reference, prediction, spacing_mm=spacing, boundary=CONTOUR_26)
        hd95, hd = measured.percentile(95, "voxel"), measured.hausdorff()
    return {
        "Dice": counted(reference, prediction).dsc,
        "B0err": abs(pieces[0] - pieces[1]),
        "HD95": hd95,
        "HD": hd,
    }


def topcow24(folder):
    found, columns, detections = {}, {}, {label: [] for label in SELDOM}
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        case = path.name.removesuffix(".nii.gz")
        reference, spacing = load_mha(path)
        prediction, _ = load_mha(folder / "segs" / f"{case}.mha")
        labels = sorted((set(np.unique(reference)) | set(np.unique(prediction))) - {0})
        scored = {VESSELS[n]: (reference == n, prediction == n) for n in labels}
        each = {name: vessel_scores(*masks, spacing[::-1]) for name, masks in scored.items()}
        values = {
            f"{metric}_ClsAvg{metric}": float(np.mean([v[metric] for v in each.values()] or [0.0]))
            for metric in ("Dice", "B0err", "HD95", "HD")
        }
        each["MergedBin"] = vessel_scores(reference > 0, prediction > 0, spacing[::-1])
        values |= {f"{m}_{name}": v for name, scores in each.items() for m, v in scores.items()}
        # their thinning spans over x, y, z
        shares = centreline_dice(reference.T > 0, prediction.T > 0)
        values["clDice"] = 0.0 if any(map(math.isnan, shares)) else harmonic_mean(*shares)
        found |= {f"cases.json/{case}/{k}": v for k, v in values.items()}
        for name, value in values.items():
            columns.setdefault(name, []).append(value)
        for label in SELDOM:
            overlap = counted(reference == label, prediction == label)
            one = detect_label(overlap.reference, overlap.prediction, overlap.shared, min_iou=0.25)
            detections[label].append(one)
            word = "TP" if one.tp else "FN" if one.fn else "FP" if one.fp else "TN"
            found[f"cases.json/{case}/detection/{label}"] = word
    found |= {f"aggregate.json/mean/{name}": float(np.mean(v)) for name, v in columns.items()}
    return found | topcow_detection(detections)


def topcow_detection(detections):
    found, rates = {}, {"precision": [], "recall": [], "f1_score": []}
    for label, some in detections.items():
        total = type(some[0])(**{n: sum(getattr(d, n) for d in some) for n in ("tp", "fp", "fn")})
        for name, value in zip(rates, (total.precision, total.sensitivity, total.f1), strict=True):
            found[f"aggregate.json/detection/{label}/{name}"] = or_else(value, 0.0)
            rates[name].append(or_else(value, 0.0))
    for name, values in rates.items():
        found[f"aggregate.json/detection/{name}/mean"] = float(np.mean(values))
        found[f"aggregate.json/detection/{name}/std"] = float(np.std(values))
    return found


# ---- HECKTOR
def on_grid(image, size, origin, spacing):
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetOrigin(origin)
    grid.SetSpacing(spacing)
    return sitk.GetArrayFromImage(
        sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    )


def hecktor22(folder):
    found, sums = {}, {1: [], 2: []}
    for path in sorted((folder / "gts").glob("*.nii.gz")):
        if not (folder / "segs" / path.name).exists():
            continue
        image = sitk.ReadImage(str(path))
        reference = sitk.GetArrayFromImage(image)
        prediction = on_grid(
            sitk.ReadImage(str(folder / "segs" / path.name)),
            image.GetSize(), image.GetOrigin(), image.GetSpacing(),
        )  # fmt: skip
        voxel = math.prod(image.GetSpacing())
        for label in (1, 2):
            overlap = counted(reference == label, prediction == label, voxel)
            shared = overlap.intersection_volume_ml * 1000
            both = (overlap.reference_volume_ml + overlap.prediction_volume_ml) * 1000
            sums[label].append((shared, both))
            case = path.name.removesuffix(".nii.gz")
            found[f"scores.csv/{case}/TP{label}"] = shared
            found[f"scores.csv/{case}/vol_sum{label}"] = both
    dice = [aggregated_dice(*zip(*sums[label], strict=True)) for label in (1, 2)]
    for name, value in zip(("GTVp", "GTVn", "mean"), [*dice, np.mean(dice)], strict=True):
        found[f"aggregate.json/{name}"] = float(value)
    return found


def hecktor21(folder):
    found, columns = {}, []
    boxes = csv.DictReader((folder / "bbox.csv").read_text().splitlines())
    for row in boxes:
        case = row["PatientID"]
        path = folder / "segs" / f"{case}.nii.gz"
        names = ("dice_score", "hausdorff_distance_95", "recall", "precision")
        if not path.exists():
            columns.append((0.0, math.inf, 0.0, 0.0))
            continue
        reference = sitk.ReadImage(str(folder / "gts" / f"{case}_gtvt.nii.gz"))
        low, high = ([float(row[axis + end]) for axis in "xyz"] for end in "12")
        spacing = reference.GetSpacing()
        size = [round((b - a) / s) for a, b, s in zip(low, high, spacing, strict=True)]
        masks = [
            on_grid(image, size, low, spacing) > 0
            for image in (reference, sitk.ReadImage(str(path)))
        ]
        values = (0.0, 0.0, 0.0, 0.0)
        if masks[1].any():
            overlap = counted(*masks)
            hd95 = hd95_areas(*masks, spacing)  # x, y, z on z, y, x: theirs
            values = overlap.dsc, hd95, overlap.sensitivity, overlap.precision
        columns.append(values)
        found |= {f"scores.csv/{case}/{n}": v for n, v in zip(names, values, strict=True)}
    for name, column in zip(names, zip(*columns, strict=True), strict=True):
        statistic = STATISTICS["median" if "95" in name else "mean"]
        found[f"aggregate.json/{name}"] = statistic(column)
    return found


# ---- PANTHER 2025
def panther_case(gts, segs, name):
    reference, spacing = load_mha(gts / name)
    prediction, _ = load_mha(segs / name)
    masks = reference > 0, prediction > 0
    overlap = counted(*masks, math.prod(spacing))
    volumes = {
        "gt_volume": overlap.reference_volume_ml * 1000,
        "pred_volume": overlap.prediction_volume_ml * 1000,
    }
    if not masks[1].any():
        diagonal = math.hypot(*np.multiply(masks[0].shape, spacing))
        distances = {"hausdorff95": diagonal, "masd": diagonal}
        return {"volumetric_dice": 0.0, "surface_dice": 0.0} | distances | volumes
    measured = measure_distances(*masks, spacing_mm=spacing)  # x, y, z on z, y, x: theirs
    return {
        "volumetric_dice": overlap.dsc,
        "surface_dice": surface_dice(*masks, spacing_mm=spacing, tolerance_mm=5),
        "hausdorff95": measured.percentile(95, "directed"),
        "masd": measured.mean_of_means(),
    } | volumes


def panther25(folder):
    found, cases = {}, []
    for path in sorted((folder / "segs").glob("*.mha")):
        scores = panther_case(folder / "gts", folder / "segs", path.name)
        cases.append(scores)
        case = path.name.removesuffix(".mha")
        found |= {f"scores.csv/{case}/{name}": value for name, value in scores.items()}
    for name in ("volumetric_dice", "surface_dice", "hausdorff95", "masd"):
        found[f"aggregate.json/mean_{name}"] = STATISTICS["mean"]([c[name] for c in cases])
    found["aggregate.json/tumor_burden_rmse"] = STATISTICS["rmse"](
        [c["gt_volume"] - c["pred_volume"] for c in cases]
    )
    empty = panther_case(folder / "empty" / "gts", folder / "empty" / "segs", "10014_0001.mha")
    return found | {f"empty.json/{name}": value for name, value in empty.items()}


# ---- CVPR 2025, text track
def text_labels(prompts, reference):
    background = int(reference.min())
    wanted = {int(key) for key in prompts if key.isdigit()}
    return sorted((wanted & set(np.unique(reference).tolist())) - {background})


def cvpr25_text(folder):
    found = {}
    for path in sorted((folder / "gts").glob("*.npz")):
        if not (folder / "segs" / path.name).exists():
            continue
        with np.load(folder / "imgs" / path.name, allow_pickle=True) as image:
            prompts, spacing = image["text_prompts"].item(), tuple(map(float, image["spacing"]))
        maps = [
            np.load(folder / part / path.name)[key].astype(np.uint8)
            for part, key in (("gts", "gts"), ("segs", "segs"))
        ]
        scores = dict.fromkeys(("DSC", "NSD", "F1", "DSC_TP"), math.nan)
        if prompts["instance_label"]:
            scores |= text_instances(*maps)
        else:
            pairs = []
            for label in text_labels(prompts, maps[0]):
                masks = [m == label for m in maps]
                nsd = surface_dice(*masks, spacing_mm=spacing, tolerance_mm=2)
                pairs.append((or_else(counted(*masks).dsc, 0.0), nsd))
            if pairs:
                scores |= dict(zip(("DSC", "NSD"), np.mean(pairs, axis=0).tolist(), strict=True))
        found |= {f"scores.csv/{path.name}/{name}": value for name, value in scores.items()}
    return found


def text_instances(reference, prediction):
    if len(np.unique(prediction)) == 2:
        prediction = components_with_background(prediction)
    objects = instances_of(reference, prediction)
    one = match_by_iou(objects, "one_to_one", min_iou=0.5)
    dsc = [objects.dsc(*pair) for pair in one.pairs]
    return {"F1": or_else(one.f1, 0.0), "DSC_TP": float(np.mean(dsc)) if dsc else 0.0}


def components_with_background(label_map):
    joined = Spans.of(label_map).joined(6)
    numbered = np.zeros(label_map.shape, dtype=np.uint16)
    for number, box in joined.boxes.items():
        numbered[box][joined.mask([number], box)] = number
    return numbered
