"""Real CT slices that pydicom ships: a thoracic vertebra and a head."""

from pathlib import Path

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import FloatArray, label_map, largest_part, polygon
from data_manifest.demo.shipped import OUTLINES, shipped_file

_CT_SMALL = "3dd31e5cc835b3f2cdd46c9da1982f59251e78518fefa8163d914631c66437d6"
_HEAD = "2df92c523d36639e4d88f892f47e4f6616c48ab017a445a6241ffe38b2d07bbf"


def _hounsfield(file: Path) -> FloatArray:
    """The slice in HU, as the file's rescale slope and intercept say."""
    import pydicom  # an optional package: only whoever builds the demo data needs it

    dataset = pydicom.dcmread(file)
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    return np.asarray(dataset.pixel_array * slope + intercept, dtype=np.float64)


def thorax(_: np.random.Generator) -> Picture:
    """A slice at a thoracic vertebra."""
    hu = _hounsfield(shipped_file("pydicom", "data/test_files/CT_small.dcm", _CT_SMALL))
    smooth = ndimage.gaussian_filter(hu, 0.7)
    near = {k: polygon(hu.shape, p.outline) for k, p in OUTLINES["2DBox_CT_thorax"].items()}
    canal = largest_part(ndimage.binary_opening(near["canal"] & (smooth < 130), iterations=2))
    bone = ndimage.binary_fill_holes(ndimage.binary_closing(smooth > 170, iterations=2) | canal)
    vertebra = largest_part(ndimage.binary_opening(near["vertebra"] & bone, iterations=3)) & ~canal
    aorta = ndimage.binary_opening(near["aorta"] & (smooth > 45), iterations=4)
    return hu.astype(np.int16), label_map(np.asarray(vertebra), canal, np.asarray(aorta))


def head(_: np.random.Generator) -> Picture:
    """A slice through the skull base."""
    hu = _hounsfield(shipped_file("pydicom", "data/test_files/J2K_pixelrep_mismatch.dcm", _HEAD))
    tissue = ndimage.gaussian_filter(hu, 1.0)
    tissue_mask = (tissue > -25) & (tissue < 85)
    compartments = []
    for traced in OUTLINES["2DBox_CT_head"].values():
        part = ndimage.binary_opening(tissue_mask & polygon(hu.shape, traced.outline), iterations=3)
        filled = ndimage.binary_fill_holes(ndimage.binary_closing(largest_part(part), iterations=3))
        compartments.append(np.asarray(filled))
    return hu.astype(np.int16), label_map(*compartments)
