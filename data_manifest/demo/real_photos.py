"""Real photographs that scikit-image ships: a retina, a cell in saline, stained colon tissue."""

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import label_map, largest_filled, polygon
from data_manifest.demo.shipped import OUTLINES, shipped_file

_SHA256 = {
    "retina.jpg": "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
    "ihc.png": "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
    "cell.png": "8d23a7fb81f7cc877cd09f330357fc7f595651306e84e17252f6e0a1b3f61515",
}


def _photograph(name: str, mode: str, factor: int = 1) -> npt.NDArray[np.uint8]:
    with Image.open(shipped_file("skimage", f"data/{name}", _SHA256[name])) as photograph:
        return np.asarray(photograph.convert(mode).reduce(factor))


def optic_disc(_: np.random.Generator) -> Picture:
    """A retina at half size, around its optic disc."""
    image = _photograph("retina.jpg", "RGB", 2)[:640, :640]
    disc = OUTLINES["2DBox_Fundus_disc"]["optic disc"]
    return image, label_map(polygon(image.shape[:2], disc.outline))


def field_of_view(_: np.random.Generator) -> Picture:
    """A retina at a third of its size."""
    image = _photograph("retina.jpg", "RGB", 3)
    lit = ndimage.gaussian_filter(image[:, :, 0].astype(np.float64), 1.0) > 60
    return image, label_map(largest_filled(lit))


def cell(_: np.random.Generator) -> Picture:
    """A cell in saline."""
    image = _photograph("cell.png", "L")
    bright = ndimage.gaussian_filter(image.astype(np.float64), 2.0) > 100
    return image, label_map(largest_filled(bright))


def glands(_: np.random.Generator) -> Picture:
    """Colon tissue, stained."""
    image = _photograph("ihc.png", "RGB")
    brown = image[:, :, 0].astype(np.float64) - image[:, :, 2]
    stained = ndimage.gaussian_filter(brown, 2.5) > 22
    glands = []
    for traced in OUTLINES["2DBox_Microscopy_glands"].values():
        inside = polygon(stained.shape, traced.outline)
        # Padded, so that closing does not eat the border.
        padded = np.pad(stained & inside, 24, mode="edge")
        closed = ndimage.binary_closing(padded, iterations=20)[24:-24, 24:-24]
        glands.append(largest_filled(closed & inside))
    return image, label_map(*glands)
