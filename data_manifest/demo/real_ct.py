"""Real CT slices that pydicom ships: a thoracic vertebra and a head."""

from pathlib import Path

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import CaseMaker, RawCase
from data_manifest.demo.shapes import FloatArray, label_map, largest_part, polygon
from data_manifest.demo.shipped import shipped_file

_CT_SMALL = "3dd31e5cc835b3f2cdd46c9da1982f59251e78518fefa8163d914631c66437d6"
_HEAD = "2df92c523d36639e4d88f892f47e4f6616c48ab017a445a6241ffe38b2d07bbf"
_LICENCE = "MIT, as pydicom's distribution; its notes on test files name no restriction"

# Around each compartment of the skull base, x and y in pixels; bone bounds it inside.
_HEAD_COMPARTMENTS = {
    "frontal lobes": [(220, 75), (296, 75), (300, 178), (216, 178)],
    "temporal lobe, image left": [
        (112, 155), (202, 155), (230, 220), (226, 238), (206, 251), (112, 272),
    ],
    "temporal lobe, image right": [
        (288, 222), (323, 155), (394, 155), (412, 288), (372, 272), (310, 253), (282, 240),
    ],
    "posterior fossa": [
        (253, 242), (281, 243), (325, 275), (382, 318), (375, 378), (310, 405), (185, 405),
        (135, 378), (130, 322), (211, 253), (230, 242),
    ],
}  # fmt: skip


def _hounsfield(file: Path) -> FloatArray:
    """The slice in HU, as the file's rescale slope and intercept say."""
    import pydicom  # an optional package: only whoever builds the demo data needs it

    dataset = pydicom.dcmread(file)
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    return np.asarray(dataset.pixel_array * slope + intercept, dtype=np.float64)


def _thorax(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng  # a real image: nothing is drawn
    hu = _hounsfield(shipped_file("pydicom", "data/test_files/CT_small.dcm", _CT_SMALL))
    smooth = ndimage.gaussian_filter(hu, 0.7)
    around_canal = polygon(hu.shape, [(45, 41), (71, 41), (74, 62), (43, 62)])
    canal = largest_part(ndimage.binary_opening(around_canal & (smooth < 130), iterations=2))
    near = polygon(hu.shape, [(15, 0), (105, 0), (105, 90), (15, 90)])
    bone = ndimage.binary_fill_holes(ndimage.binary_closing(smooth > 170, iterations=2) | canal)
    vertebra = largest_part(ndimage.binary_opening(near & bone, iterations=3)) & ~canal
    around_aorta = polygon(hu.shape, [(66, -1), (112, -1), (110, 12), (95, 26), (76, 26), (70, 12)])
    aorta = ndimage.binary_opening(around_aorta & (smooth > 45), iterations=4)
    return RawCase(
        identifier=identifier,
        modality="CT",
        image=hu.astype(np.int16),
        labels=label_map(np.asarray(vertebra), canal, np.asarray(aorta)),
        label_names=("vertebra", "spinal canal", "aorta"),
        spacing_mm=(0.661468, 0.661468),
        origin="real",
        source=(
            "pydicom's CT_small.dcm: an axial CT slice at a thoracic vertebra; reference:"
            " thresholds on the smoothed image inside hand-set polygons, closed, holes filled,"
            " checked by eye"
        ),
        licence=_LICENCE,
        window=(150.0, 700.0),
    )


def _head(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng
    hu = _hounsfield(shipped_file("pydicom", "data/test_files/J2K_pixelrep_mismatch.dcm", _HEAD))
    tissue = ndimage.gaussian_filter(hu, 1.0)
    tissue_mask = (tissue > -25) & (tissue < 85)
    compartments = []
    for outline in _HEAD_COMPARTMENTS.values():
        part = ndimage.binary_opening(tissue_mask & polygon(hu.shape, outline), iterations=3)
        filled = ndimage.binary_fill_holes(ndimage.binary_closing(largest_part(part), iterations=3))
        compartments.append(np.asarray(filled))
    return RawCase(
        identifier=identifier,
        modality="CT",
        image=hu.astype(np.int16),
        labels=label_map(*compartments),
        label_names=tuple(_HEAD_COMPARTMENTS),
        spacing_mm=(0.431, 0.431),
        origin="real",
        source=(
            "pydicom's J2K_pixelrep_mismatch.dcm: an axial CT slice through the skull base;"
            " reference: thresholds inside hand-set polygons, opened, holes filled, checked by eye"
        ),
        licence=_LICENCE,
        window=(40.0, 160.0),
    )


CASES: dict[str, CaseMaker] = {"2DBox_CT_thorax": _thorax, "2DBox_CT_head": _head}
