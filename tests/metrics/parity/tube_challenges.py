"""ToothFairy and TopCoW: canals, teeth and vessels, by the rules of the challenges' own code."""

import math

import numpy as np

from metrics.boundaries import Boundary
from metrics.cohort import STATISTICS
from metrics.distances import measure_distances
from metrics.matching import detect_label
from metrics.spans import Spans
from metrics.topology import betti_numbers, centreline_dice, harmonic_mean
from tests.metrics.parity.lesion_challenges import counted, or_else
from tests.metrics.parity.official import load_mha

CONTOUR_6 = Boundary(elements="voxels", connectivity=6)
CONTOUR_26 = Boundary(elements="voxels", connectivity=26)
CONTOUR_26_INSIDE = Boundary(elements="voxels", connectivity=26, open_border=True)


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
