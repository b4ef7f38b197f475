"""The same cases scored by other packages, each as its users would: DSC and NSD at 2 mm.

    python -m bench.peers NAME REFERENCES PREDICTIONS

prints a line of JSON a case: seconds without start-up (reading included), DSC and NSD. 2D cases are
one-voxel slabs, as in the CVPR 2024 script; a definition that differs shows as a difference.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Pair = tuple[float, float]
TOLERANCE_MM = 2.0


def _mean(pairs: Iterable[Pair]) -> Pair:
    dsc, nsd = np.mean(list(pairs), axis=0)
    return float(dsc), float(nsd)


def _surface_distance(labels: Any, masks: Any, spacing: Any, is_3d: bool) -> Pair:
    from tests.metrics.reference_script import reference_case_scores

    return reference_case_scores(*labels, spacing, is_3d)


def _dice(reference: Mask, prediction: Mask) -> float:
    return float(2 * (reference & prediction).sum() / (reference.sum() + prediction.sum()))


def _monai(labels: Any, masks: Any, spacing: Any, is_3d: bool) -> Pair:
    import torch
    from monai.metrics import compute_surface_dice

    torch.set_num_threads(1)

    def score(reference: Mask, prediction: Mask) -> Pair:
        first, second = (torch.from_numpy(m)[None, None].float() for m in (prediction, reference))
        nsd = compute_surface_dice(
            first,
            second,
            class_thresholds=[TOLERANCE_MM],
            include_background=True,
            spacing=list(spacing),
            use_subvoxels=True,
        )
        return _dice(reference, prediction), float(nsd)

    return _mean(score(*pair) for pair in masks)


def _panoptica(labels: Any, masks: Any, spacing: Any, is_3d: bool) -> Pair:
    from panoptica.metrics.normalized_surface_dice import _compute_instance_normalized_surface_dice

    def score(reference: Mask, prediction: Mask) -> Pair:
        nsd = _compute_instance_normalized_surface_dice(
            reference, prediction, voxelspacing=tuple(spacing), threshold=TOLERANCE_MM
        )
        return _dice(reference, prediction), float(nsd)

    return _mean(score(*pair) for pair in masks)


def _simpleitk(labels: Any, masks: Any, spacing: Any, is_3d: bool) -> Pair:
    import SimpleITK as sitk  # noqa: N813  # its own documentation's name

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def score(reference: Mask, prediction: Mask) -> Pair:
        images = [sitk.GetImageFromArray(m.astype(np.uint8)) for m in (reference, prediction)]
        for image in images:
            image.SetSpacing([float(length) for length in spacing[::-1]])
        contours = [sitk.LabelContour(image) for image in images]
        distances = [
            sitk.Abs(sitk.SignedMaurerDistanceMap(c, squaredDistance=False, useImageSpacing=True))
            for c in contours
        ]
        edges = [sitk.GetArrayViewFromImage(c) > 0 for c in contours]
        maps = [sitk.GetArrayViewFromImage(d) for d in distances]
        near = (maps[1][edges[0]] <= TOLERANCE_MM).sum() + (maps[0][edges[1]] <= TOLERANCE_MM).sum()
        return _dice(reference, prediction), float(near / (edges[0].sum() + edges[1].sum()))

    return _mean(score(*pair) for pair in masks)


REFERENCE = "surface-distance"

PEERS: dict[str, Callable[..., Pair]] = {
    REFERENCE: _surface_distance,
    "MONAI": _monai,
    "panoptica": _panoptica,
    "SimpleITK": _simpleitk,
}


def _read(path: Path, predictions: Path) -> tuple[Any, Any, bool]:
    reference, prediction = np.load(path), np.load(predictions / path.name)
    labels = reference["gts"], prediction["segs"]
    return labels, reference.get("spacing"), labels[0].ndim == 3


def main() -> None:
    """Score a folder with one peer."""
    name, references, predictions = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    warnings.simplefilter("ignore")
    score = PEERS[name]
    tiny = np.zeros((4, 4, 4), np.uint8)
    tiny[1:3, 1:3, 1:3] = 1
    # Imports belong to the start-up.
    score((tiny, tiny), [(tiny == 1, tiny == 1)], [1.0, 1.0, 1.0], True)
    for path in sorted(references.glob("*.npz")):
        started = time.perf_counter()
        labels, spacing, is_3d = _read(path, predictions)
        masks: Any = ()
        if name != REFERENCE:
            # The script's traps, so that definitions are compared and not conventions.
            maps = labels if is_3d else tuple(m[..., np.newaxis] for m in labels)
            spacing = spacing if is_3d else [1.0, 1.0, 1.0]
            present = range(1, int(labels[0].max()) + 1)
            masks = ((maps[0] == label, maps[1] == label) for label in present)
        dsc, nsd = score(labels, masks, spacing, is_3d)
        seconds = time.perf_counter() - started
        print(json.dumps({"case": path.stem, "seconds": seconds, "dsc": dsc, "nsd": nsd}))


if __name__ == "__main__":
    main()
