"""Real photographs that scikit-image ships: a retina, a cell in saline, stained colon tissue."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from data_manifest.demo.records import CaseMaker, RawCase
from data_manifest.demo.shapes import Mask, label_map, largest_part, polygon
from data_manifest.demo.shipped import shipped_file

_SHA256 = {
    "retina.jpg": "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
    "ihc.png": "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
    "cell.png": "8d23a7fb81f7cc877cd09f330357fc7f595651306e84e17252f6e0a1b3f61515",
}
_CC0 = "CC0-1.0"
# x and y in pixels of the retina at half size.
_OPTIC_DISC = [
    (61, 318), (62, 305), (70, 294), (80, 285), (95, 278), (115, 275), (130, 279), (143, 288),
    (151, 300), (155, 320), (154, 340), (148, 356), (138, 368), (124, 376), (105, 378), (90, 374),
    (76, 358), (66, 340),
]  # fmt: skip
# Around each gland; the brown stain bounds it where it meets the stroma.
_GLANDS = {
    "gland, top left": [
        (-1, -1), (254, -1), (262, 60), (272, 120), (276, 150), (270, 205), (248, 240), (200, 264),
        (165, 262), (138, 240), (95, 222), (60, 208), (20, 165), (-1, 142),
    ],
    "gland, top right": [
        (257, -1), (266, 60), (276, 120), (278, 150), (295, 200), (325, 250), (358, 284),
        (398, 300), (420, 302), (440, 284), (452, 248), (462, 201), (468, 155), (461, 80),
        (442, 33), (430, -1),
    ],
    "gland, bottom": [
        (246, 345), (270, 302), (300, 298), (345, 322), (376, 345), (386, 390), (386, 430),
        (380, 512), (290, 512), (262, 440), (248, 400),
    ],
    "gland, left": [
        (-1, 150), (20, 175), (70, 218), (96, 262), (128, 305), (151, 347), (164, 390), (166, 445),
        (164, 513), (30, 513), (32, 470), (42, 400), (46, 366), (44, 333), (-1, 272),
    ],
}  # fmt: skip


def _photograph(name: str) -> Path:
    return shipped_file("skimage", f"data/{name}", _SHA256[name])


def _largest_filled(mask: Mask) -> Mask:
    return np.asarray(ndimage.binary_fill_holes(largest_part(mask)))


def _retina(factor: int) -> npt.NDArray[np.uint8]:
    with Image.open(_photograph("retina.jpg")) as photograph:
        return np.asarray(photograph.convert("RGB").reduce(factor))


def _optic_disc(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng  # a real image: nothing is drawn
    image = _retina(2)[:640, :640]
    return RawCase(
        identifier=identifier,
        modality="Fundus",
        image=image,
        labels=label_map(polygon(image.shape[:2], _OPTIC_DISC)),
        label_names=("optic disc",),
        spacing_mm=None,
        origin="real",
        source=(
            "scikit-image's retina.jpg at half size, its first 640 x 640 pixels: a normal left"
            " eye; reference: hand-set polygon, checked by eye"
        ),
        licence=_CC0,
    )


def _field_of_view(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng
    image = _retina(3)
    lit = ndimage.gaussian_filter(image[:, :, 0].astype(np.float64), 1.0) > 60
    return RawCase(
        identifier=identifier,
        modality="Fundus",
        image=image,
        labels=label_map(_largest_filled(lit)),
        label_names=("field of view",),
        spacing_mm=None,
        origin="real",
        source=(
            "scikit-image's retina.jpg at a third of its size: a normal left eye; reference: the"
            " red channel's threshold, holes filled, checked by eye"
        ),
        licence=_CC0,
    )


def _cell(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng
    with Image.open(_photograph("cell.png")) as photograph:
        image = np.asarray(photograph.convert("L"))
    bright = ndimage.gaussian_filter(image.astype(np.float64), 2.0) > 100
    return RawCase(
        identifier=identifier,
        modality="Microscopy",
        image=image,
        labels=label_map(_largest_filled(bright)),
        label_names=("cell",),
        spacing_mm=(0.000107, 0.000107),
        origin="real",
        source=(
            "scikit-image's cell.png: quantitative phase image of a cell in saline; reference: a"
            " threshold half way between cell and background, holes filled, checked by eye"
        ),
        licence=_CC0,
    )


def _stained_tissue() -> npt.NDArray[np.uint8]:
    with Image.open(_photograph("ihc.png")) as photograph:
        return np.asarray(photograph.convert("RGB"))


def _glands(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng
    image = _stained_tissue()
    brown = image[:, :, 0].astype(np.float64) - image[:, :, 2]
    stained = ndimage.gaussian_filter(brown, 2.5) > 22
    glands = []
    for outline in _GLANDS.values():
        part = stained & polygon(stained.shape, outline)
        padded = np.pad(part, 24, mode="edge")  # so that closing does not eat the border
        closed = ndimage.binary_closing(padded, iterations=20)[24:-24, 24:-24]
        glands.append(_largest_filled(closed & polygon(stained.shape, outline)))
    return RawCase(
        identifier=identifier,
        modality="Microscopy",
        image=image,
        labels=label_map(*glands),
        label_names=tuple(_GLANDS),
        spacing_mm=None,
        origin="real",
        source=(
            "scikit-image's ihc.png: colon tissue, FHL2 stained brown, nuclei blue; reference: the"
            " brown stain inside hand-set polygons, closed, holes filled, checked by eye"
        ),
        licence="no known copyright restriction (scikit-image)",
    )


CASES: dict[str, CaseMaker] = {
    "2DBox_Fundus_disc": _optic_disc,
    "2DBox_Fundus_field": _field_of_view,
    "2DBox_Microscopy_cell": _cell,
    "2DBox_Microscopy_glands": _glands,
}
