"""Simulated mammography: power-law glandular tissue, a spiculated mass, a film-like background."""

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    blob,
    curve,
    grid,
    label_map,
    one_piece,
    power_law_noise,
    smooth_noise,
    soft,
)


def _spicules(
    rng: np.random.Generator, shape: tuple[int, int], centre: tuple[float, float], radius: float
) -> FloatArray:
    """Thin strands, 0 to 1, that radiate from a mass and fade."""
    strands = np.zeros(shape)
    for _ in range(26):
        angle = rng.uniform(0, 2 * np.pi)
        length = radius * rng.uniform(0.5, 1.3)
        t = np.linspace(0, 1, int(2 * length))
        bend = angle + rng.normal(0, 0.25) * t
        reach = 0.7 * radius + length * t
        y, x = centre[0] + reach * np.sin(bend), centre[1] + reach * np.cos(bend)
        width = rng.uniform(0.8, 1.8) * (1 - 0.7 * t)
        strands = np.maximum(strands, curve(shape, np.stack([y, x], axis=1), width))
    fade = np.exp(-np.clip(np.hypot(*_offsets(shape, centre)) - radius, 0, None) / radius)
    return np.asarray(ndimage.gaussian_filter(strands, 1.2) * fade)


def _offsets(shape: tuple[int, int], centre: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    y, x = grid(shape)
    return y - centre[0] + 0 * x, x - centre[1] + 0 * y


def mass(rng: np.random.Generator) -> Picture:
    """A compressed breast with a spiculated mass."""
    shape = (600, 448)
    y, x = grid(shape)
    chest = 0.62 * shape[1] * np.sqrt(np.clip(1 - ((y - 300) / 285) ** 2, 0, 1))
    edge = chest * (1.18 - 0.12 * (y - 300) / 300) - x
    breast = np.clip(edge / 70, 0, 1) ** 0.6  # compressed flat, thinner towards the skin
    skin = np.exp(-(((edge - 4) / 3) ** 2)) * (edge > 0)
    glandular = power_law_noise(rng, shape, 2.7)
    inner = np.clip(1.2 - np.hypot((y - 300) / 230, (x - 130) / 190), 0, 1)
    fat = 0.42 * breast
    dense = 0.36 * breast * inner * (1 + 0.5 * glandular)
    ducts = np.abs(smooth_noise(rng, shape, (1.5, 9))) + np.abs(smooth_noise(rng, shape, (3, 4)))
    strands = 0.07 * ducts * inner
    centre = (252.0, 158.0)
    outline = blob(rng, shape, centre=centre, radii=(42, 48), roughness=0.12, modes=12)
    outline = one_piece(outline + 1.5 * smooth_noise(rng, shape, 4))
    inside = soft(outline, 3.5)
    body = inside * (0.75 + 0.25 * np.clip(-outline / 40, 0, 1))
    mass = 0.55 * body + 0.22 * _spicules(rng, shape, centre, 45.0)
    absorbed = fat + np.clip(dense, 0, None) + strands * (edge > 0) + 0.25 * skin + mass
    muscle = soft((x - (150 - 0.62 * y)), 8) * (y < 240)
    absorbed = absorbed + 0.30 * muscle * (1 + 0.1 * glandular)
    clusters = rng.normal(0, 1, (14, 2)) * 14 + (390, 190)
    for cy, cx in clusters:
        absorbed = absorbed + 0.35 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 1.6)
    photons = rng.poisson(2600 * np.exp(-1.6 * ndimage.gaussian_filter(absorbed, 0.8)))
    film = 4095 * np.clip(-np.log((photons + 1) / 2700) / 2.8, 0, 1)
    film = film * (edge > -2)
    return np.rint(film).astype(np.uint16), label_map(outline < 0)
