"""Simulated dermoscopy: skin that absorbs, a lesion with a pigment network, hairs, vignetting."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

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
