"""Simulated pictures in visible light.

Dermoscopy: skin that absorbs, a lesion with a pigment network, hairs, vignetting. Endoscopy: a lit
tube with folds, vessels, wet highlights, and polyps on its wall. Fluorescence microscopy: stained
nuclei, blur in and out of focus, photon noise.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    Mask,
    blob,
    curve,
    grid,
    label_map,
    one_piece,
    power_law_noise,
    smooth_noise,
    soft,
    to_uint8,
)

_SKIN = np.array([0.89, 0.71, 0.62])
_MELANIN = np.array([0.62, 0.92, 1.12])  # absorbs blue most
_BLOOD = np.array([0.05, 0.35, 0.28])
_VEIL = np.array([0.45, 0.50, 0.60])  # deep pigment scatters back bluish


def _network(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> FloatArray:
    """Lines, 0 to 1, of a mesh about `spacing` pixels wide: pigment along the rete ridges."""
    y, x = (np.arange(-spacing, n + spacing, spacing) for n in shape)
    centres = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    centres = centres + rng.normal(0, 0.38 * spacing, centres.shape)
    pixels = np.indices(shape).reshape(2, -1).T
    nearest, _ = cKDTree(centres).query(pixels, k=2)
    gap = (nearest[:, 1] - nearest[:, 0]).reshape(shape)
    lines = ndimage.gaussian_filter(np.exp(-((gap / (0.2 * spacing)) ** 2)), 0.11 * spacing)
    strength = np.clip(0.75 + 0.4 * smooth_noise(rng, shape, 1.6 * spacing), 0.1, 1.4)
    return np.asarray(lines * strength)


def _hairs(rng: np.random.Generator, shape: tuple[int, int], count: int) -> FloatArray:
    """Coverage, 0 to 1, of `count` long, slightly bent hairs."""
    coverage = np.zeros(shape)
    main = rng.uniform(0, np.pi)
    for _ in range(count):
        start = rng.uniform((0, 0), shape)
        angle = main + rng.normal(0, 0.5)
        length = rng.uniform(0.35, 0.9) * max(shape)
        t = np.linspace(-0.5, 0.5, int(2 * length))
        bend = rng.normal(0, 0.12) * length * t**2 * 4
        y = start[0] + np.sin(angle) * length * t + np.cos(angle) * bend
        x = start[1] + np.cos(angle) * length * t - np.sin(angle) * bend
        width = rng.uniform(0.7, 1.5) * np.sqrt(np.clip(1.02 - (2 * t) ** 2, 0.05, 1.0))
        coverage = np.maximum(coverage, curve(shape, np.stack([y, x], axis=1), width))
    return coverage


def _skin(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Melanin and blood of healthy skin, in units of absorption."""
    furrows = np.abs(smooth_noise(rng, shape, (1.2, 7))) + np.abs(
        smooth_noise(rng, shape, (7, 1.2))
    )
    melanin = 0.05 + 0.02 * power_law_noise(rng, shape, 2.2) + 0.012 * furrows
    blood = 0.18 + 0.08 * power_law_noise(rng, shape, 2.8)
    return melanin, blood


def _photograph(
    rng: np.random.Generator,
    melanin: FloatArray,
    blood: FloatArray,
    veil: FloatArray,
    hairs: FloatArray,
) -> FloatArray:
    """What the camera sees of the absorbers: Beer-Lambert per colour, hairs, lens and noise."""
    shape = melanin.shape
    colour = _SKIN * np.exp(-melanin[..., None] * _MELANIN - blood[..., None] * _BLOOD)
    colour = colour * (1 - veil[..., None]) + _VEIL * veil[..., None]
    shadow = ndimage.gaussian_filter(np.roll(hairs, (2, 2), axis=(0, 1)), 1.5)
    colour = colour * (1 - 0.25 * shadow[..., None])
    colour = colour * (1 - hairs[..., None]) + np.array([0.13, 0.09, 0.08]) * hairs[..., None]
    y, x = grid(shape)
    radius = np.hypot(y / shape[0] - 0.5, x / shape[1] - 0.5)
    colour = colour * (1 - 0.55 * np.clip(radius - 0.15, 0, None) ** 2 * 4)[..., None]
    colour = ndimage.gaussian_filter(colour, (0.7, 0.7, 0))
    return np.asarray(colour + rng.normal(0, 0.012, colour.shape))


def naevus(rng: np.random.Generator) -> Picture:
    """A reticular naevus."""
    shape = (384, 512)
    field = blob(rng, shape, centre=(196, 262), radii=(96, 128), angle=0.35, roughness=0.07)
    field = one_piece(field + 1.5 * smooth_noise(rng, shape, 6))
    inside = soft(field, 5)
    melanin, blood = _skin(rng, shape)
    fading = np.clip(-field / 70, 0, 1)
    pigment = 0.4 + 0.35 * fading + 0.08 * smooth_noise(rng, shape, 14)
    pigment = pigment + 0.6 * (1 - 0.6 * fading) * _network(rng, shape, 9)
    pigment = pigment + 0.05 * power_law_noise(rng, shape, 1.6)
    image = _photograph(
        rng, melanin + inside * pigment, blood, np.zeros(shape), _hairs(rng, shape, 7)
    )
    return to_uint8(image), label_map(np.asarray(ndimage.binary_fill_holes(field < 0)))


def melanoma(rng: np.random.Generator) -> Picture:
    """An asymmetric lesion of many colours."""
    shape = (480, 480)
    field = blob(rng, shape, centre=(250, 228), radii=(118, 150), angle=-0.6, roughness=0.13)
    lobe = blob(rng, shape, centre=(170, 330), radii=(58, 66), roughness=0.15)
    field = one_piece(np.minimum(field, lobe) + 3.0 * smooth_noise(rng, shape, 7))
    inside = soft(field, 3.5)
    melanin, blood = _skin(rng, shape)
    regions = smooth_noise(rng, shape, 34)
    pigment = np.clip(0.95 + 0.5 * regions, 0.4, 2.1) + 0.14 * power_law_noise(rng, shape, 2.0)
    dots = np.clip(smooth_noise(rng, shape, 3.0) - 1.7, 0, 1)
    pigment = pigment + 0.5 * _network(rng, shape, 12) * soft(regions - 0.3, 0.3) + 1.2 * dots
    depth = regions + 0.35 * power_law_noise(rng, shape, 2.4)
    veil = 0.55 * soft(-(depth - 1.0), 0.35) * np.clip(-field / 30, 0, 1)
    image = _photograph(
        rng, melanin + inside * pigment, blood + 0.3 * soft(field, 14), veil, _hairs(rng, shape, 16)
    )
    return to_uint8(image), label_map(np.asarray(ndimage.binary_fill_holes(field < 0)))


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


def nuclei(rng: np.random.Generator) -> Picture:
    """Twenty nuclei stained for DNA."""
    shape = (512, 512)
    texture = np.clip(1 + 0.22 * power_law_noise(rng, shape, 2.0), 0.3, 2)
    texture *= 1 - 0.45 * np.clip(smooth_noise(rng, shape, 3.5) - 1.1, 0, 1)  # dark nucleoli
    stain = np.zeros(shape)
    haze = np.zeros(shape)
    taken: Mask = np.zeros(shape, dtype=np.bool_)
    masks: list[Mask] = []
    for _ in range(400):
        if len(masks) == 20:
            break
        centre = (rng.uniform(40, 472), rng.uniform(40, 472))
        radii = (rng.uniform(17, 27), rng.uniform(22, 36))
        field = blob(
            rng, shape, centre=centre, radii=radii, angle=rng.uniform(0, np.pi), roughness=0.06
        )
        if (taken & (field < 3)).any():
            continue
        brightness = rng.uniform(0.55, 1.25)
        stain += brightness * soft(field, 1.5) * texture
        haze += brightness * soft(field, 8.0)
        taken |= field < 0
        masks.append(field < 0)
    out_of_focus = np.clip(smooth_noise(rng, shape, 24) - 0.8, 0, None)
    light = ndimage.gaussian_filter(stain, 1.3) + 0.10 * ndimage.gaussian_filter(haze, 14)
    light = light + 0.25 * ndimage.gaussian_filter(out_of_focus, 8) + 0.06
    photons = rng.poisson(240 * light * (1 + 0.12 * smooth_noise(rng, shape, 120)))
    counts = 100 + 9.0 * photons + rng.normal(0, 14, shape)
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16), label_map(*masks)
