"""Simulated X-ray: rays through a body that absorbs, scatter, photon noise, negative display."""

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import CaseMaker, RawCase
from data_manifest.demo.shapes import (
    FloatArray,
    Mask,
    blob_3d,
    grid,
    label_map,
    power_law_noise,
    smooth_noise,
    soft,
)

__all__ = ["CASES"]

_SOFT, _LUNG, _BONE = 0.020, 0.005, 0.048  # absorption per mm at about 70 keV


def _expose(rng: np.random.Generator, absorption: FloatArray, photons: float) -> FloatArray:
    """The detector's log signal, bright where much is absorbed.

    Beer-Lambert along each ray, a fog of scattered photons, Poisson noise, a slight blur.
    """
    primary = np.exp(-absorption)
    scatter = 0.25 * ndimage.gaussian_filter(primary, 25)
    seen = ndimage.gaussian_filter(primary + scatter, 0.7)
    counts = rng.poisson(photons * seen)
    return np.asarray(-np.log((counts + 1.0) / photons))


def _thorax(rng: np.random.Generator) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Absorption per mm of a thorax, (z, y, x) at 1.25 mm, and its organs' fields in pixels."""
    shape = (288, 80, 304)
    z, y, x = grid(shape)
    middle = 152.0
    body = np.hypot((x - middle) / (138 - 16 * np.exp(-((z / 60) ** 2))), (y - 40) / 38)
    organs = {
        side: blob_3d(
            rng, shape, centre=(150, 38, centre), radii=(112, 29, 47), roughness=0.05, sigma=14
        )
        for side, centre in (("right lung", 88.0), ("left lung", 214.0))
    }
    wobble = 3 * smooth_noise(rng, shape[2:], 12)
    for side, centre, top in (("right lung", 92.0, 196.0), ("left lung", 212.0, 206.0)):
        dome = z - (top + ((x - centre) / 55) ** 2 * 26 + ((y - 30) / 40) ** 2 * 30 + wobble)
        organs[side] = np.maximum(organs[side], dome)  # the diaphragm lifts the lung's base
    heart = blob_3d(rng, shape, centre=(172, 28, 176), radii=(50, 22, 48), roughness=0.06, sigma=16)
    tilt = heart + 0.10 * (x - 176) * np.sign(172 - z)
    organs["heart"] = np.maximum(tilt, z - 212)
    volume = np.where(body < 1, _SOFT, 0.0) + np.zeros(shape)
    tissue = _LUNG * (1 + 0.25 * power_law_noise(rng, shape, 3.2))
    for side in ("right lung", "left lung"):
        inside = soft(organs[side], 1.0)
        volume = volume * (1 - inside) + tissue * inside
    solid = soft(organs["heart"], 1.0)
    volume = volume * (1 - solid) + 0.021 * solid
    shell = np.abs(body - 0.86) < 0.030
    for number in range(9):  # ribs: slanting rings, higher at the back
        level = 34 + 25 * number + 0.50 * (40 - y) + 0.0011 * (x - middle) ** 2
        volume = volume + 0.020 * (shell & (np.abs(z - level) < 3.6))
    for side in (-1, 1):  # collar bones
        path = 34 - 0.10 * side * (x - middle) - side * 3
        bone = (np.hypot(z - path, y - 12) < 5) & (side * (x - middle) > 14)
        volume = volume + 0.024 * (bone & (side * (x - middle) < 112))
    disc = 1 - 0.35 * (np.cos(2 * np.pi * z / 23) > 0.86)
    volume = volume + 0.017 * disc * (np.hypot((x - middle) / 13, (y - 62) / 12) < 1)
    return volume, organs


def _chest(identifier: str, rng: np.random.Generator) -> RawCase:
    volume, organs = _thorax(rng)
    image = _expose(rng, 1.25 * volume.sum(axis=1), 9000.0)
    heart = np.asarray(ndimage.binary_opening((organs["heart"] < 0).sum(axis=1) > 4, iterations=2))
    lungs = []
    for side in ("right lung", "left lung"):
        seen = ((organs[side] < 0).sum(axis=1) > 6) & ~heart
        parts, _ = ndimage.label(ndimage.binary_opening(seen, iterations=2))
        lungs.append(np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])))
    masks = (lungs[0], lungs[1], heart)
    names = ("right lung", "left lung", "heart")
    return _case(identifier, image, masks, names, "a thorax of lungs, heart, ribs and spine")


def _shaft(
    rng: np.random.Generator,
    shape: tuple[int, int],
    axis: FloatArray,
    half_width: FloatArray,
    cortex: FloatArray,
) -> tuple[FloatArray, Mask]:
    """Absorption of a long bone along each ray, and where it is seen.

    Args:
        rng: draws the spongy bone.
        shape: (H, W) of the image; the bone runs down it.
        axis: x of the bone's axis in each row, in pixels.
        half_width: of the bone in each row, in pixels.
        cortex: thickness of the dense wall in each row, in pixels.
    """
    _, x = grid(shape)
    offset = (x - axis[:, None]) ** 2
    outer = 2 * np.sqrt(np.clip(half_width[:, None] ** 2 - offset, 0, None))
    hollow = np.clip(half_width - cortex, 0, None)[:, None]
    inner = 2 * np.sqrt(np.clip(hollow**2 - offset, 0, None))
    spongy = np.clip(0.32 + 0.13 * smooth_noise(rng, shape, (3.5, 1.3)), 0, 1)
    millimetres = 0.4 * ((outer - inner) + spongy * inner)
    return (_BONE - _SOFT) * millimetres, np.asarray(outer > 0)


def _forearm(identifier: str, rng: np.random.Generator) -> RawCase:
    shape = (560, 320)
    row = np.linspace(0, 1, shape[0])
    head = np.clip((row - 0.72) / 0.28, 0, 1) ** 2
    elbow = np.clip((0.25 - row) / 0.25, 0, 1) ** 2
    uneven = [1.2 * smooth_noise(rng, (shape[0],), 18) for _ in range(4)]
    radius_axis = 118 - 16 * np.sin(np.pi * row) + 9 * head + uneven[0]
    ulna_axis = 208 + 9 * np.sin(np.pi * row) - 6 * head + uneven[1]
    radius_width = 20 + 22 * head + 5 * elbow + uneven[2]
    ulna_width = 19 + 1.5 * head + 17 * elbow + uneven[3]
    wall = 2.2 + 6.5 * np.sin(np.pi * np.clip((row - 0.05) / 0.85, 0, 1)) ** 0.8
    radius, in_radius = _shaft(rng, shape, radius_axis, radius_width, wall)
    ulna, in_ulna = _shaft(rng, shape, ulna_axis, ulna_width, wall)
    rows, x = grid(shape)
    ends = (534 + 0.10 * (x - 120) + 6 * np.cos((x - 130) / 18), 512 + 4 * np.cos((x - 200) / 9))
    keep_radius, keep_ulna = (soft(rows - end, 1.0) for end in ends)
    arm = 138 - 26 * row**2 + 2 * smooth_noise(rng, (shape[0],), 40)
    flesh = 2 * np.sqrt(np.clip(arm[:, None] ** 2 - (x - 162) ** 2, 0, None)) * 0.55 * 0.4
    muscle = 1 + 0.05 * power_law_noise(rng, shape, 2.8)
    absorption = _SOFT * flesh * muscle + radius * keep_radius + ulna * keep_ulna
    image = _expose(rng, absorption, 5000.0)
    masks = (in_radius & (keep_radius > 0.5), in_ulna & (keep_ulna > 0.5))
    return _case(identifier, image, masks, ("radius", "ulna"), "a forearm of flesh and two bones")


def _case(
    identifier: str, image: FloatArray, masks: tuple[Mask, ...], names: tuple[str, ...], what: str
) -> RawCase:
    return RawCase(
        identifier=identifier,
        modality="X-Ray",
        image=np.rint(np.clip(image * 800 + 500, 0, 4095)).astype(np.uint16),
        labels=label_map(*masks),
        label_names=names,
        spacing_mm=None,
        origin="simulated",
        source=(
            f"simulated: parallel rays through {what}; Beer-Lambert absorption, scatter, photon"
            " noise; reference: the organs' projections as simulated"
        ),
        licence="Apache-2.0, as segjudge",
    )


CASES: dict[str, CaseMaker] = {"2DBox_X-Ray_chest": _chest, "2DBox_X-Ray_forearm": _forearm}
