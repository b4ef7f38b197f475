"""Challenges that score organs, vessels and tumours, put together from `metrics` by their rules."""

import csv
import math

import numpy as np
import SimpleITK as sitk  # noqa: N813

from metrics import surface_dice
from metrics.cohort import STATISTICS, aggregated_dice
from metrics.distances import measure_distances
from metrics.matching import match_by_iou
from metrics.spans import Spans
from metrics.windows import reference_slices
from tests.metrics.parity.lesion_challenges import (
    counted,
    hd95_areas,
    instances_of,
    or_else,
)
from tests.metrics.parity.official import load_mha, load_nifti


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
    boxes = csv.DictReader((folder / "bbox.csv").read_text("utf-8").splitlines())
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
