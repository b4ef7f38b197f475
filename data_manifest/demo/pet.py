"""Simulated PET: an activity map in SUV, the scanner's blur, counting noise, few large voxels."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    blob,
    blob_3d,
    crop_to_labels,
    grid,
    label_map,
    one_piece,
    smooth_noise,
    soft,
)


def _acquire(
    rng: np.random.Generator, activity: FloatArray, blur: Sequence[float], counts_per_suv: float
) -> FloatArray:
    """What the scanner reconstructs: blurred, with noise that grows with the activity.

    Args:
        rng: draws the decays.
        activity: in SUV.
        blur: standard deviation of the point spread function per axis, in voxels.
        counts_per_suv: decays counted in a voxel of SUV 1.
    """
    decays = rng.poisson(np.clip(ndimage.gaussian_filter(activity, blur), 0, None) * counts_per_suv)
    smoothing = [0.55 * b for b in blur]  # the filter after reconstruction correlates the noise
    return np.asarray(ndimage.gaussian_filter(decays / counts_per_suv, smoothing))


def coronal(rng: np.random.Generator) -> Picture:
    """A whole body with three lesions."""
    shape = (448, 288)
    y, x = grid(shape)
    head = np.hypot((y - 62) / 54, (x - 144) / 42) - 1
    torso = np.hypot(np.clip(y - 300, None, 0) / 190, (x - 144) / 100) - 1
    arms = np.minimum(np.abs(x - 24) - 15, np.abs(x - 264) - 15) / 15
    arms = np.maximum(arms, (150 - y) / 20)
    neck = np.maximum(np.abs(x - 144) / 26 - 1, (y - 180) / 50)
    neck = np.maximum(neck, (80 - y) / 20)
    body = np.minimum(np.minimum(head * 40, torso * 60), np.minimum(arms * 15, neck * 26))
    body = body + 2 * smooth_noise(rng, shape, 9)
    activity = 0.75 * soft(body, 2) * (1 + 0.12 * smooth_noise(rng, shape, 5))

    def put(centre: tuple[float, float], radii: tuple[float, float], suv: float, angle: float = 0.0,
            roughness: float = 0.06) -> FloatArray:  # fmt: skip
        nonlocal activity
        field = blob(rng, shape, centre=centre, radii=radii, angle=angle, roughness=roughness)
        inside = soft(field, 1.2)
        activity = activity * (1 - inside) + suv * inside * (1 + 0.08 * smooth_noise(rng, shape, 4))
        return field

    for centre in ((190.0, 100.0), (190.0, 190.0)):
        put(centre, (54, 30), 0.4)
    put((268.0, 100.0), (34, 46), 2.3, 0.25)  # liver
    put((266.0, 200.0), (22, 14), 1.9)  # spleen
    put((58.0, 144.0), (38, 31), 5.5, roughness=0.05)  # brain cortex, then its white matter
    put((62.0, 144.0), (20, 15), 3.2, roughness=0.15)
    put((224.0, 168.0), (19, 22), 3.4)  # heart muscle around its cavity
    put((224.0, 168.0), (10, 12), 1.3)
    for centre in ((312.0, 106.0), (310.0, 184.0)):
        put(centre, (21, 12), 3.0)
        put(centre, (8, 5), 6.0)
    lesions = [
        put((176.0, 138.0), (15, 23), 10.5, -0.3, 0.17),
        put((352.0, 162.0), (19, 14), 9.0, 0.4, 0.17),
        put((136.0, 116.0), (11, 13), 8.5, 0.0, 0.13),
    ]
    put((424.0, 144.0), (15, 20), 12.0)  # bladder
    return _acquire(rng, activity, (1.6, 1.6), 3.5).astype(np.float32), label_map(
        *(lesion < 0 for lesion in lesions)
    )


def thorax(rng: np.random.Generator) -> Picture:
    """A thorax with two lesions, as a volume."""
    shape = (16, 144, 144)
    _, y, x = grid(shape)
    body = (np.hypot((y - 74) / 46, (x - 72) / 64) - 1) * 54 + 1.5 * smooth_noise(
        rng, shape, (3, 6, 6)
    )
    activity = 0.8 * soft(body, 1.0) * (1 + 0.12 * smooth_noise(rng, shape, (1, 3, 3)))
    parts = (
        ((8.0, 70.0, 40.0), (14.0, 27.0, 19.0), 0.4),
        ((8.0, 70.0, 106.0), (14.0, 27.0, 18.0), 0.4),
        ((4.0, 66.0, 82.0), (6.0, 15.0, 13.0), 2.9),
        ((4.0, 66.0, 82.0), (4.0, 8.0, 7.0), 1.2),
        ((8.0, 106.0, 72.0), (30.0, 8.0, 8.0), 1.5),
    )
    for centre, radii, suv in parts:
        field = blob_3d(rng, shape, centre=centre, radii=radii, roughness=0.06, sigma=(2, 5, 5))
        inside = soft(field, 1.0)
        activity = activity * (1 - inside) + suv * inside
    lesions = []
    for centre, radii, suv in (
        ((8.5, 80.0, 35.0), (4.2, 9.0, 10.0), 9.5),
        ((9.0, 72.0, 66.0), (4.0, 8.0, 6.5), 7.5),
    ):
        field = blob_3d(rng, shape, centre=centre, radii=radii, roughness=0.16, sigma=(1.5, 3, 3))
        field = one_piece(field)
        necrosis = blob_3d(
            rng, shape, centre=centre, radii=(1.4, 3, 3), roughness=0.2, sigma=(1.5, 3, 3)
        )
        inside = soft(field, 0.8)
        activity = activity * (1 - inside) + suv * inside * (1 - 0.35 * soft(necrosis, 1))
        lesions.append(field < 0)
    image = _acquire(rng, activity, (0.75, 0.9, 0.9), 9.0).astype(np.float32)
    slices, labels = crop_to_labels(image, label_map(*lesions), at_most=5)
    return slices, labels
