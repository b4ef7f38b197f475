"""Real MR: an abdomen that pydicom ships, and the MNI152 head template that nilearn ships."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.demo.records import CaseMaker, RawCase
from data_manifest.demo.shapes import Mask, label_map, largest_part, polygon
from data_manifest.demo.shipped import shipped_file

_ABDOMEN = "112539bc17c0e281987397e827dff9e99890109866d570f08761f83b8f55c277"
_MNI = {
    "t1": "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    "gm": "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
    "wm": "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
}
MNI_LICENCE = (
    "ICBM 152 2009, copyright Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological"
    " Institute: free to use, copy, modify and distribute with this notice"
)
# Around each organ, x and y in pixels; the organ's own threshold bounds it inside.
_ORGANS = {
    "liver": (
        270.0,
        [(48, 200), (48, 130), (80, 92), (108, 84), (128, 84), (135, 96), (146, 98), (166, 112),
         (178, 118), (180, 145), (165, 163), (125, 170), (95, 186), (70, 196)],
    ),
    "right kidney": (
        420.0,
        [(112, 222), (125, 195), (160, 185), (182, 190), (188, 210), (175, 235), (150, 255),
         (125, 252)],
    ),
    "left kidney": (
        420.0,
        [(284, 215), (300, 196), (325, 194), (345, 215), (347, 240), (330, 254), (300, 248)],
    ),
    "spleen": (
        480.0,
        [(362, 190), (363, 140), (370, 115), (390, 115), (402, 140), (402, 185), (394, 240),
         (360, 245), (352, 225)],
    ),
    "aorta": (430.0, [(238, 168), (246, 150), (262, 150), (272, 168), (266, 184), (246, 186)]),
}  # fmt: skip
_SAGITTAL_ROWS = slice(36, 189)
# The same for the midsagittal slice, in its rows from _SAGITTAL_ROWS on.
_STRUCTURES = {
    "corpus callosum": (
        170.0,
        [(60, 72), (70, 62), (95, 46), (125, 48), (146, 62), (144, 75), (132, 78), (124, 66),
         (112, 61), (96, 61), (80, 67), (76, 76), (84, 84), (62, 86)],
    ),
    "brain stem": (
        145.0,
        [(103, 98), (108, 90), (116, 84), (126, 85), (131, 92), (137, 104), (140, 122), (146, 140),
         (150, 153), (136, 153), (124, 132), (112, 126), (108, 112), (114, 102), (108, 96)],
    ),
    "cerebellum": (
        120.0,
        [(138, 92), (152, 74), (166, 84), (182, 100), (181, 120), (172, 130), (155, 130),
         (140, 122), (146, 112), (138, 102)],
    ),
}  # fmt: skip
_HINDBRAIN = ("brain stem", "cerebellum")


def _largest_filled(mask: Mask) -> Mask:
    return np.asarray(ndimage.binary_fill_holes(largest_part(mask)))


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


def _abdomen(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng  # a real image: nothing is drawn
    import pydicom

    file = shipped_file("pydicom", "data/test_files/examples_overlay.dcm", _ABDOMEN)
    image = np.asarray(pydicom.dcmread(file).pixel_array, dtype=np.int16)
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 0.7)
    organs = []
    for threshold, outline in _ORGANS.values():
        bright = polygon(image.shape, outline) & (smooth > threshold)
        filled = _largest_filled(ndimage.binary_closing(bright, iterations=5))
        organs.append(np.asarray(ndimage.binary_opening(filled, iterations=4)))
    return RawCase(
        identifier=identifier,
        modality="MR",
        image=image,
        labels=label_map(*organs),
        label_names=tuple(_ORGANS),
        spacing_mm=(0.72314, 0.72314),
        origin="real",
        source=(
            "pydicom's examples_overlay.dcm: an axial contrast-enhanced T1 slice of the abdomen;"
            " reference: a threshold per organ inside a hand-set polygon, closed, holes filled,"
            " checked by eye"
        ),
        licence="BSD-style licence of GDCM, as pydicom's notes on test files say",
    )


def _midsagittal(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng
    image = mni152("t1")[_SAGITTAL_ROWS, :, 98].copy()
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 0.5)
    structures = []
    for threshold, outline in _STRUCTURES.values():
        bright = polygon(image.shape, outline) & (smooth > threshold)
        structures.append(_largest_filled(ndimage.binary_opening(bright, iterations=1)))
    return RawCase(
        identifier=identifier,
        modality="MR",
        image=image,
        labels=label_map(*structures),
        label_names=tuple(_STRUCTURES),
        spacing_mm=(1.0, 1.0),
        origin="real",
        source=(
            "nilearn's MNI152 T1 template (an average of 152 real heads), midsagittal slice;"
            " reference: a threshold per structure inside a hand-set polygon, checked by eye"
        ),
        licence=MNI_LICENCE,
    )


def _hindbrain(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng
    image = np.moveaxis(mni152("t1")[_SAGITTAL_ROWS, :, 96:101], 2, 0).copy()
    smooth = ndimage.gaussian_filter(image.astype(np.float64), 0.5)
    structures = []
    for name in _HINDBRAIN:
        threshold, outline = _STRUCTURES[name]
        bright = (smooth > threshold) & polygon(image.shape[1:], outline)
        opened = ndimage.binary_opening(bright, ndimage.generate_binary_structure(2, 1)[None])
        part = largest_part(opened)
        structures.append(np.stack([ndimage.binary_fill_holes(slice_) for slice_ in part]))
    return RawCase(
        identifier=identifier,
        modality="MR",
        image=image,
        labels=label_map(*structures),
        label_names=_HINDBRAIN,
        spacing_mm=(1.0, 1.0, 1.0),
        origin="real",
        source=(
            "nilearn's MNI152 T1 template (an average of 152 real heads), 5 sagittal slices at the"
            " midline; reference: a threshold per structure inside a hand-set polygon, checked by"
            " eye"
        ),
        licence=MNI_LICENCE,
    )


CASES: dict[str, CaseMaker] = {
    "2DBox_MR_abdomen": _abdomen,
    "2DBox_MR_midsagittal": _midsagittal,
    "3DBox_MR_hindbrain": _hindbrain,
}
