"""Real slices: CT, an abdominal MR and ultrasound that pydicom ships, nilearn's MNI152 head."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import FloatArray, label_map, largest_filled, largest_part, polygon
from data_manifest.demo.shipped import OUTLINES, shipped_file

_ABDOMEN = "112539bc17c0e281987397e827dff9e99890109866d570f08761f83b8f55c277"
_MNI = {
    "t1": "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    "gm": "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
    "wm": "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
}
_SAGITTAL_ROWS = slice(36, 189)
_STRUCTURES = OUTLINES["2DBox_MR_midsagittal"]


@cache
def mni152(kind: str) -> npt.NDArray[np.uint8]:
    """One map of the MNI152 template ("t1", "gm", "wm"): uint8 (189, 233, 197) at 1 mm.

    Axes are z from the head's top down, y from the forehead back, x from the patient's right:
    each slice along z stands as radiologists look at it. The array is read-only.
    """
    from nibabel.nifti1 import Nifti1Image

    name = f"datasets/data/mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
    stored = Nifti1Image.from_filename(shipped_file("nilearn", name, _MNI[kind]))
    volume = np.ascontiguousarray(np.asarray(stored.dataobj).T[::-1, ::-1, ::-1])
    volume.setflags(write=False)
    return volume


def abdomen(_: np.random.Generator) -> Picture:
    """A contrast-enhanced slice of the abdomen."""
    import pydicom

    file = shipped_file("pydicom", "data/test_files/examples_overlay.dcm", _ABDOMEN)
    image = np.asarray(pydicom.dcmread(file).pixel_array, dtype=np.int16)
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 0.7)
    organs = []
    for traced in OUTLINES["2DBox_MR_abdomen"].values():
        bright = polygon(image.shape, traced.outline) & (smooth > traced.threshold)
        filled = largest_filled(ndimage.binary_closing(bright, iterations=5))
        organs.append(np.asarray(ndimage.binary_opening(filled, iterations=4)))
    return image, label_map(*organs)


def midsagittal(_: np.random.Generator) -> Picture:
    """The midsagittal slice of the template."""
    image = mni152("t1")[_SAGITTAL_ROWS, :, 98].copy()
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 0.5)
    structures = []
    for traced in _STRUCTURES.values():
        bright = polygon(image.shape, traced.outline) & (smooth > traced.threshold)
        structures.append(largest_filled(ndimage.binary_opening(bright, iterations=1)))
    return image, label_map(*structures)


def hindbrain(_: np.random.Generator) -> Picture:
    """Five slices of the template around the midline."""
    image = np.moveaxis(mni152("t1")[_SAGITTAL_ROWS, :, 96:101], 2, 0).copy()
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 0.5)
    structures = []
    for traced in (_STRUCTURES["brain stem"], _STRUCTURES["cerebellum"]):
        bright = (smooth > traced.threshold) & polygon(image.shape[1:], traced.outline)
        opened = ndimage.binary_opening(bright, ndimage.generate_binary_structure(2, 1)[None])
        part = largest_part(opened)
        structures.append(np.stack([ndimage.binary_fill_holes(slice_) for slice_ in part]))
    return image, label_map(*structures)


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


_SHA256 = "6fa3a087d3c631b43216a8abec8aac8d2d73751c5bf5885708d1150b09283f72"
_FRAME = 24  # end of systole: the closed mitral valve bounds the ventricle


def heart(_: np.random.Generator) -> Picture:
    """A four-chamber view at the end of systole."""
    import pydicom  # an optional package: only whoever builds the demo data needs it

    file = shipped_file("pydicom", "data/test_files/examples_ybr_color.dcm", _SHA256)
    frame = pydicom.dcmread(file).pixel_array[_FRAME]
    image = np.ascontiguousarray(frame[15:215, 30:280, 0], dtype=np.uint8)
    ventricle = OUTLINES["2DBox_Ultrasound_heart"]["left ventricle"]
    outline = [(x - 30, y - 15) for x, y in ventricle.outline]
    return image, label_map(polygon(image.shape, outline))
