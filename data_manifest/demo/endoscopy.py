"""Simulated endoscopy: a lit tube with folds, vessels, wet highlights, and polyps on its wall."""

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    Mask,
    blob,
    curve,
    grid,
    label_map,
    power_law_noise,
    smooth_noise,
    soft,
    to_uint8,
)

_MUCOSA = np.array([0.93, 0.56, 0.44])
_VESSEL = np.array([0.62, 0.20, 0.20])


def _vessels(rng: np.random.Generator, shape: tuple[int, int], count: int) -> FloatArray:
    """Coverage, 0 to 1, of branching, tapering vessels under the mucosa."""
    coverage = np.zeros(shape)
    pending = [
        (rng.uniform((0, 0), shape), rng.uniform(0, 2 * np.pi), rng.uniform(1.2, 2.4))
        for _ in range(count)
    ]
    while pending:
        start, angle, width = pending.pop()
        steps = int(rng.uniform(90, 220))
        turns = np.cumsum(rng.normal(0, 0.09, steps))
        angles = angle + turns
        points = start + 0.6 * np.cumsum(np.stack([np.sin(angles), np.cos(angles)], 1), axis=0)
        widths = width * np.linspace(1, 0.6, steps)
        coverage = np.maximum(coverage, curve(shape, points, widths))
        if width > 0.7:
            for side in (-1, 1):
                branch = angles[-1] + side * rng.uniform(0.3, 0.7)
                pending.append((points[-1], branch, 0.6 * width))
    return np.asarray(ndimage.gaussian_filter(coverage, 1.0))


def _tube(
    rng: np.random.Generator, shape: tuple[int, int], lumen: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Relief in pixels and light of an empty colon seen along its axis.

    The wall at distance r from the vanishing point lies at a depth of about 1 / r, and a lamp
    beside the lens lights it with the square of the inverse distance; folds ring the tube.
    """
    y, x = grid(shape)
    dy, dx = (y - lumen[0]) / shape[0], (x - lumen[1]) / shape[1]
    theta = np.arctan2(dy, dx)
    waves = 0.10 * np.cos(2 * theta + rng.uniform(0, 6)) + 0.06 * np.cos(3 * theta + 1)
    radius = np.hypot(dy, dx) * (1 + waves) + 0.012 * smooth_noise(rng, shape, 20)
    radius = np.clip(radius, 0.008, None)
    depth = 0.16 / radius
    phase = 2 * np.pi * (1.5 * np.log(radius) + 0.12 * smooth_noise(rng, shape, 45))
    fold = np.clip(np.cos(phase), 0, 1) ** 3
    relief = 9 * fold * np.clip(radius / 0.25, 0, 1) + 2.0 * power_law_noise(rng, shape, 3.2)
    light = 0.82 / (0.72 + depth**2 * 0.9)
    shadow = np.clip(np.cos(phase + 1.2), 0, 1) ** 4
    light = light * (1 - 0.45 * shadow * np.clip(radius / 0.12, 0, 1)) * (1 + 0.12 * fold)
    return np.asarray(relief), np.asarray(light)


def _render(
    rng: np.random.Generator,
    relief: FloatArray,
    light: FloatArray,
    redness: FloatArray,
    vessels: FloatArray,
) -> FloatArray:
    """The camera's picture of a wet relief lit from the lens."""
    shape = relief.shape
    slope_y, slope_x = np.gradient(ndimage.gaussian_filter(relief, 1.2))
    y, x = grid(shape)
    to_lamp_y, to_lamp_x = (0.42 - y / shape[0]) * 0.9, (0.45 - x / shape[1]) * 0.9
    norm = np.sqrt(1 + slope_y**2 + slope_x**2) * np.sqrt(1 + to_lamp_y**2 + to_lamp_x**2)
    lambert = np.clip((1 - slope_y * to_lamp_y - slope_x * to_lamp_x) / norm, 0, 1)
    colour = _MUCOSA * (1 - redness[..., None] * np.array([0.02, 0.30, 0.28]))
    colour = colour * (1 - vessels[..., None]) + _VESSEL * vessels[..., None]
    colour = colour * (light * (0.3 + 0.7 * lambert**1.5))[..., None]
    wet_y, wet_x = (
        slope + 0.07 * smooth_noise(rng, shape, 3) + 0.12 * smooth_noise(rng, shape, 11)
        for slope in (slope_y, slope_x)
    )
    mirror = (wet_y - 0.9 * to_lamp_y) ** 2 + (wet_x - 0.9 * to_lamp_x) ** 2
    flash = np.exp(-mirror / 0.004) * np.clip(light - 0.3, 0, 1) * 2.6
    colour = colour + ndimage.gaussian_filter(flash, 0.9)[..., None] * np.array([1, 0.97, 0.95])
    colour = np.clip(colour, 0, None) ** (1 / 1.25)
    colour = ndimage.gaussian_filter(colour, (0.8, 0.8, 0))
    colour = colour + rng.normal(0, 0.012, colour.shape)
    return np.asarray(np.clip(colour, 0, 1))


def _colon(
    rng: np.random.Generator,
    shape: tuple[int, int],
    lumen: tuple[float, float],
    polyps: list[tuple[FloatArray, float]],
) -> Picture:
    """Polyps are (outline field, height in pixels) on the wall of a tube around `lumen`."""
    relief, light = _tube(rng, shape, lumen)
    redness = np.clip(0.25 + 0.25 * power_law_noise(rng, shape, 2.6), 0, 1)
    vessels = 0.55 * _vessels(rng, shape, 16)
    pits = smooth_noise(rng, shape, 1.8)
    y, x = grid(shape)
    masks: list[Mask] = []
    for field, height in polyps:
        inside = soft(field, 1.6)
        bulk = ndimage.gaussian_filter(inside, 0.4 * np.sqrt((field < 0).sum() / np.pi))
        base = float(bulk[np.abs(field) < 1].mean())
        dome = np.sqrt(np.clip((bulk - base) / (bulk.max() - base), 0, 1)) * inside
        dome = ndimage.gaussian_filter(height * dome, 2.0)
        relief = relief * (1 - 0.75 * inside) + dome + 0.35 * inside * pits
        near = np.clip(light[field < 0].mean() * 1.1, 0.55, 1.0)
        light = light * (1 - inside) + (0.25 * light + 0.75 * near) * inside
        away_y, away_x = np.gradient(field)
        outward = away_y * (lumen[0] - y) + away_x * (lumen[1] - x)
        side = np.clip(0.35 + 0.65 * outward / (np.hypot(lumen[0] - y, lumen[1] - x) + 1), 0, 1)
        light = light * (1 - 0.5 * side * np.exp(-np.clip(field, 0, None) / 9) * (field >= 0))
        redness = redness * (1 - inside) + (0.75 + 0.12 * pits) * inside
        vessels = vessels * (1 - 0.9 * inside)
        masks.append(field < 0)
    image = _render(rng, relief, light, redness, vessels)
    corner = np.hypot(y - shape[0] / 2, (x - shape[1] / 2) * 0.92) - 0.6 * shape[0]
    image = image * soft(np.asarray(corner), 2)[..., None]
    return to_uint8(image), label_map(*masks)


def one_polyp(rng: np.random.Generator) -> Picture:
    """A colon with one polyp."""
    shape = (480, 560)
    polyp = blob(rng, shape, centre=(298, 372), radii=(64, 84), angle=0.4, roughness=0.11)
    return _colon(rng, shape, (190.0, 205.0), [(polyp, 40.0)])


def two_polyps(rng: np.random.Generator) -> Picture:
    """A colon with two polyps."""
    shape = (448, 448)
    large = blob(rng, shape, centre=(300, 130), radii=(54, 48), angle=0.2, roughness=0.09)
    small = blob(rng, shape, centre=(128, 318), radii=(30, 37), angle=-0.5, roughness=0.09)
    return _colon(rng, shape, (215.0, 245.0), [(large, 30.0), (small, 19.0)])
