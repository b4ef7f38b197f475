"""LiTS 2017, whose lesions merge, and CoNIC 2022, whose nuclei are instances, by their rules."""

import csv

import numpy as np

from metrics.boundaries import Boundary
from metrics.cohort import STATISTICS, aggregated_dice, determination
from metrics.detection import merge_lesions
from metrics.distances import measure_distances
from metrics.matching import match_by_iou
from tests.metrics.parity.lesion_challenges import counted, instances_of, objects_of, or_else
from tests.metrics.parity.official import load_nifti

CONTOUR_18 = Boundary(elements="voxels", connectivity=18)


# ---- LiTS 2017
SURFACE = {"rvd": 9001.0, "assd": 9001.0, "rmsd": 9001.0, "msd": 9001.0}


def lits_pair(reference, prediction, spacing):
    overlap = counted(reference, prediction)
    measured = measure_distances(reference, prediction, spacing_mm=spacing, boundary=CONTOUR_18)
    return {
        "dice": overlap.dsc,
        "jaccard": overlap.iou,
        "voe": 1 - overlap.iou,
        "rvd": overlap.relative_volume_difference,
        "assd": measured.mean(),
        "rmsd": measured.root_mean_square(),
        "msd": measured.hausdorff(),
    }


NO_PAIR = {"dice": 0.0, "jaccard": 0.0, "voe": 1.0} | SURFACE


def lits_case(reference, prediction, spacing):
    objects = objects_of(reference == 2, prediction == 2, 6)
    detections = {
        "0": merge_lesions(objects, overlap=0),
        "0.5": merge_lesions(objects, overlap=0.5),
    }
    pairs = [
        lits_pair(*objects.masks(lesions, made), spacing)
        for lesions, made in (detections["0.5"].pairs if detections["0.5"].tp > 0 else ())
    ]
    liver = reference >= 1, prediction >= 1
    has_liver = bool((prediction == 1).any())
    burdens = [(m == 2).sum() / max((m >= 1).sum(), 1) for m in (reference, prediction)]
    overlaps = counted(reference == 2, prediction == 2), counted(*liver)
    scored = lits_pair(*liver, spacing) if has_liver else NO_PAIR
    return {
        "detections": detections,
        "lesions": pairs,
        "overlaps": overlaps,
        "has_liver": has_liver,
        "liver": scored | {"dice_per_case": scored["dice"]},
        "burden": burdens[0] - (burdens[1] if has_liver else 9001.0),
    }


def lits_report(cases):
    """The tree of scores.json over some cases."""
    detection, rates = {}, {}
    for overlap, ending in {"0.5": "", "0": "_greater_zero"}.items():
        tp, fp, fn = (
            sum(getattr(case["detections"][overlap], name) for case in cases)
            for name in ("tp", "fp", "fn")
        )
        detection[overlap] = {"TP": tp, "FP": fp, "FN": fn}
        rates["precision" + ending] = tp / (tp + fp) if tp + fp else 0.0
        rates["recall" + ending] = tp / (tp + fn) if tp + fn else 0.0
    pairs = [pair for case in cases for pair in case["lesions"]] or [NO_PAIR]
    lesion = {name: float(np.mean([p[name] for p in pairs])) for name in NO_PAIR}
    lesion["dice_per_case"] = float(np.mean([or_else(c["overlaps"][0].dsc, 0.0) for c in cases]))
    liver = {k: float(np.mean([c["liver"][k] for c in cases])) for k in cases[0]["liver"]}
    for part, overlaps, counts in (
        (lesion, [c["overlaps"][0] for c in cases], [True] * len(cases)),
        (liver, [c["overlaps"][1] for c in cases], [c["has_liver"] for c in cases]),
    ):
        part["dice_global"] = aggregated_dice(
            [o.shared * is_counted for o, is_counted in zip(overlaps, counts, strict=True)],
            [
                o.reference + o.prediction * is_counted
                for o, is_counted in zip(overlaps, counts, strict=True)
            ],
        )
    burdens = [case["burden"] for case in cases]
    return {
        "detection": detection,
        "lesion_detection": rates,
        "lesion": lesion,
        "liver": liver,
        "tumour_burden_rmse": STATISTICS["rmse"](burdens),
        "tumour_burden_max": max(burdens),
    }


def leaves(node, address):
    if not isinstance(node, dict):
        return {address: node}
    return {
        k: v for name, child in node.items() for k, v in leaves(child, f"{address}/{name}").items()
    }


def lits(folder):
    cases = {}
    for path in sorted((folder / "ref").glob("*.nii")):
        reference, spacing = load_nifti(path)
        prediction, _ = load_nifti(folder / "res" / path.name)
        cases[path.name.removesuffix(".nii")] = lits_case(reference, prediction, spacing)
    tree = {name: lits_report([case]) for name, case in cases.items()}
    return leaves(tree | {"all": lits_report(list(cases.values()))}, "scores.json")


# ---- CoNIC 2022
def conic22(folder):
    true, pred = (np.load(folder / f"{name}.npy") for name in ("true", "pred"))
    found, classes = {}, {c: [] for c in range(1, 7)}
    qualities = []
    for patch in range(len(true)):
        instances = [m[patch, ..., 0].astype(np.uint16) for m in (true, pred)]
        whole = match_by_iou(instances_of(*instances), "one_to_one", min_iou=0.5, inclusive=False)
        found |= {
            f"scores.csv/{patch}/dq": whole.detection_quality(smoothing=1e-6),
            f"scores.csv/{patch}/sq": whole.segmentation_quality(smoothing=1e-6),
            f"scores.csv/{patch}/pq": whole.panoptic_quality(smoothing=1e-6),
        }
        qualities.append(whole.panoptic_quality(smoothing=1e-6))
        for number in classes:
            kept = [
                i * (m[patch, ..., 1] == number)
                for i, m in zip(instances, (true, pred), strict=True)
            ]
            one = match_by_iou(instances_of(*kept), "one_to_one", min_iou=0.5, inclusive=False)
            classes[number].append(one)
            found |= {
                f"classes.csv/{patch}/{number}/{name}": getattr(one, name)
                for name in ("tp", "fp", "fn", "iou_sum")
            }
    return found | conic_aggregate(folder, qualities, classes)


def conic_aggregate(folder, qualities, classes):
    counts = []
    for name in ("true", "pred"):
        rows = list(csv.DictReader((folder / f"{name}.csv").read_text("utf-8").splitlines()))
        counts.append({c: np.array([float(r[c]) for r in rows]) for c in rows[0] if c != "patch"})
    summed = []
    for detections in classes.values():
        totals = {n: sum(getattr(d, n) for d in detections) for n in ("tp", "fp", "fn", "iou_sum")}
        summed.append(type(detections[0])(**totals).panoptic_quality(smoothing=1e-6))
    return {
        "aggregate.json/pq": float(np.mean(qualities)),
        "aggregate.json/multi_pq+": float(np.mean(summed)),
        "aggregate.json/multi_r2": float(
            np.mean([determination(counts[0][c], counts[1][c]) for c in counts[0]])
        ),
    }
