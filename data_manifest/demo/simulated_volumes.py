"""Simulated volumes: an abdominal CT in thick slices, and a head MR with a tumour.

PET, also as one slice: activity in SUV, the scanner's blur, counting noise, few large voxels.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from data_manifest.demo.real_slices import mni152
from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    blob,
    blob_3d,
    crop_to_labels,
    grid,
    label_map,
    largest_part,
    one_piece,
    power_law_noise,
    smooth_noise,
    soft,
)

_CT_SHAPE = (12, 240, 320)
# Centre (z, y, x), half axes and HU of what lies in the abdomen; later ones lie over earlier ones.
_ABDOMEN = {
    "stomach": ((6, 88, 216), (7, 34, 42), 25.0),
    "stomach air": ((6, 66, 222), (5, 10, 28), -850.0),
    "colon": ((11, 70, 150), (4, 15, 40), 35.0),
    "liver": ((5, 104, 94), (8.5, 60, 64), 112.0),
    "vena cava": ((7, 136, 144), (30, 8, 10), 172.0),
    "aorta": ((7, 140, 172), (30, 10, 10), 190.0),
    "spleen": ((6, 132, 252), (6.5, 40, 20), 138.0),
    "right kidney": ((9, 160, 104), (7.5, 25, 20), 175.0),
    "right pelvis": ((9, 159, 112), (4, 8, 7), 40.0),
    "left kidney": ((8, 162, 218), (7.5, 25, 20), 178.0),
    "left pelvis": ((8, 161, 210), (4, 8, 7), 40.0),
}
_CT_ORGANS = (("liver",), ("spleen",), ("left kidney", "left pelvis"))


def _trunk(rng: np.random.Generator) -> FloatArray:
    """HU of the trunk around the organs: air, skin fat, muscle, ribs, spine, inner fat."""
    shape = _CT_SHAPE
    _, y, x = grid(shape)
    wobble = smooth_noise(rng, shape, (5, 22, 22))
    wall = (np.hypot((y - 122) / 100, (x - 160) / 142) - 1) * 118 + 2.5 * wobble
    hu = np.full(shape, -1000.0)
    hu = hu + (905 + 10 * smooth_noise(rng, shape, (1, 4, 4))) * soft(wall, 0.8)
    muscle = soft(wall + 15, 0.8) * (1 - soft(wall + 26, 0.8))
    back = soft(np.hypot((y - 196) / 24, (np.abs(x - 160) - 34) / 32) * 24 - 24 + wobble, 1.0)
    hu = hu + 150 * np.maximum(muscle, back) * (1 + 0.08 * smooth_noise(rng, shape, (1, 2, 5)))
    ring = np.arctan2((y - 122) / 100, (x - 160) / 142) + 0.09 * np.arange(shape[0])[:, None, None]
    ribs = soft(np.abs(wall + 20) - 5, 0.8) * (np.cos(6 * ring + 0.8 * np.sin(3 * ring)) > 0.75)
    hu = hu + 330 * ribs * (1 - 0.4 * soft(np.abs(wall + 20) - 2, 0.8))
    body = np.hypot((y - 166) / 17, (x - 160) / 22) - 1
    arch = np.maximum(np.abs(x - 160) / 26 - 1, np.abs(y - 192) / 12 - 1)
    arch = np.minimum(arch, np.maximum(np.abs(x - 160) / 6 - 1, np.abs(y - 206) / 16 - 1))
    bone = np.maximum(soft(body * 19, 0.8), soft(arch * 10 + 0.4 * wobble, 0.8))
    trabecular = 210 + 50 * smooth_noise(rng, shape, (0.8, 1.2, 1.2))
    shell = np.exp(-((body * 19 + 1.5) ** 2) / 3) * 260
    hu = hu * (1 - bone) + (trabecular + shell) * bone
    canal = soft((np.hypot((y - 190) / 8, (x - 160) / 10) - 1) * 9, 0.8)
    return np.asarray(hu * (1 - canal) + 30 * canal)


def abdomen(rng: np.random.Generator) -> Picture:
    """An abdomen in the portal phase, in slices of 5 mm."""
    shape = _CT_SHAPE
    hu = _trunk(rng)
    _, y, x = grid(shape)
    cavity = (np.hypot((y - 122) / 100, (x - 160) / 142) - 1) * 118 + 30
    spine = 21 - np.hypot(y - 166, (x - 160) * 0.85)
    owner = np.full(shape, -1, dtype=np.int64)
    texture = 5 * smooth_noise(rng, shape, (1, 2.5, 2.5))
    for number, (centre, radii, value) in enumerate(_ABDOMEN.values()):
        field = blob_3d(rng, shape, centre=centre, radii=radii, roughness=0.09, sigma=(3, 11, 11))
        field = np.maximum(np.maximum(field, cavity), spine)
        inside = soft(field, 0.7)
        hu = hu * (1 - inside) + (value + texture) * inside
        owner[field < 0] = number
    vessels = np.clip(smooth_noise(rng, shape, (0.8, 2.2, 3.0)) - 1.7, 0, 0.8)
    hu = hu + 55 * vessels * (owner == list(_ABDOMEN).index("liver"))  # portal phase
    near = ndimage.binary_dilation(owner >= 0, np.ones((1, 9, 9)))  # fat parts bowel from organs
    loops = 12 * (0.35 - smooth_noise(rng, shape, (2, 8, 8)))
    loops = np.maximum(np.maximum(loops, cavity + 8), y - 150)
    bowel = soft(loops, 1.0) * ~near
    hu = hu * (1 - bowel) + (35 + 25 * np.exp(-((loops + 2) ** 2) / 6)) * bowel
    noise = smooth_noise(rng, shape, (0.5, 0.8, 0.8)) - 0.6 * smooth_noise(
        rng, shape, (0.5, 2.2, 2.2)
    )  # back projection leaves little noise of low frequency
    hu = ndimage.gaussian_filter(hu, (0.35, 0.7, 0.7)) + 11 * noise
    names = list(_ABDOMEN)
    masks = [
        largest_part(
            ndimage.binary_opening(
                np.isin(owner, [names.index(part) for part in parts]), np.ones((1, 5, 5))
            )
        )
        for parts in _CT_ORGANS
    ]
    slices, labels = crop_to_labels(np.rint(hu).astype(np.int16), label_map(*masks), at_most=6)
    return slices, labels


def tumour(rng: np.random.Generator) -> Picture:
    """A ring-enhancing tumour in the template."""
    part = (slice(62, 98, 2), slice(24, 216), slice(16, 180))
    head = mni152("t1")[part].astype(np.float64)
    shape = head.shape
    centre = (9.0, 118.0, 118.0)
    lesion = blob_3d(rng, shape, centre=centre, radii=(5, 21, 18), roughness=0.16, sigma=(2, 6, 6))
    lesion = one_piece(lesion)
    core = lesion + 8.0 + 1.5 * smooth_noise(rng, shape, (1.5, 3, 3))
    swelling = lesion - 9 + 4 * smooth_noise(rng, shape, (2, 6, 6))
    inside, necrosis = soft(lesion, 0.8), soft(core, 0.8)
    white = mni152("wm")[part] / 255.0
    image = head * (1 - 0.28 * soft(swelling, 3.0) * white)
    rim = 240 + 12 * smooth_noise(rng, shape, (1, 2, 2))
    image = image * (1 - inside) + rim * inside
    image = image * (1 - necrosis) + (88 + 9 * smooth_noise(rng, shape, (1, 2, 2))) * necrosis
    image = image * (1 + 0.07 * power_law_noise(rng, (1, *shape[1:]), 4.0))  # the coil's field
    real, imaginary = rng.normal(0, 4.5, (2, *shape))
    measured = np.hypot(image + real, imaginary) * (ndimage.gaussian_filter(head, 1) > 4)
    slices, labels = crop_to_labels(
        np.rint(measured).astype(np.int16), label_map(lesion < 0), at_most=6
    )
    return slices, labels


def _acquire(
    rng: np.random.Generator, activity: FloatArray, blur: Sequence[float], counts_per_suv: float
) -> FloatArray:
    """What the scanner reconstructs: blurred, with noise that grows with the activity in SUV.

    The blur is the point spread function's standard deviation per axis, in voxels.
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
