"""Real MR: an abdomen that pydicom ships, and the MNI152 head template that nilearn ships."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import label_map, largest_filled, largest_part, polygon
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
