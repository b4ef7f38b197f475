"""Simulated scans in depth: speckle from random scatterers, shadows, log compression.

Ultrasound with its attenuation; OCT of retinal layers with a foveal pit and fluid.
"""

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    blob,
    grid,
    label_map,
    one_piece,
    power_law_noise,
    smooth_noise,
    soft,
    to_uint8,
)


def _beamform(
    rng: np.random.Generator,
    echogenicity_db: FloatArray,
    absorption: FloatArray,
    *,
    axial: float,
    lateral: float,
    dynamic_range_db: float = 58.0,
) -> FloatArray:
    """The display, 0 to 1, of a field whose axis 0 runs along the beams.

    Many scatterers in a resolution cell add with random phases: the echo is complex Gaussian, its
    amplitude Rayleigh distributed. The pulse is short along the beam and wide across it (half
    widths in samples), and wider with depth; what lies behind an absorber (in dB per sample) gets
    less.
    """
    shape = echogenicity_db.shape
    scatterers = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    echo = scatterers * 10 ** (echogenicity_db / 20)
    focus, wide = (
        ndimage.gaussian_filter(echo, (axial, width)) * np.sqrt(4 * np.pi * axial * width)
        for width in (lateral, 1.8 * lateral)
    )
    depth = np.linspace(0, 1, shape[0])[:, None]
    defocus = np.clip(np.abs(depth - 0.45) * 1.6, 0, 1)
    amplitude = np.abs(focus * (1 - defocus) + wide * defocus)
    loss_db = 2 * np.cumsum(absorption, axis=0)
    power_db = 20 * np.log10(amplitude + 1e-9) - loss_db
    electronic = 20 * np.log10(np.abs(rng.normal(0, 1, shape)) + 1e-3) - 46 + 4 * depth
    power_db = 10 * np.log10(10 ** (power_db / 10) + 10 ** (electronic / 10))
    return np.asarray(np.clip((power_db + dynamic_range_db - 12) / dynamic_range_db, 0, 1))


def breast(rng: np.random.Generator) -> Picture:
    """A breast under a linear probe: an absorbing mass and a cyst."""
    shape = (420, 480)
    y, x = grid(shape)
    layers = 6 * smooth_noise(rng, shape, (9, 60))
    depth = y + layers + 0 * x
    texture = power_law_noise(rng, shape, 2.0)
    echo = np.where(depth < 22, -4.0, -22.0) + np.zeros(shape)  # skin, then fat
    septa = np.clip(1.8 - 3 * np.abs(smooth_noise(rng, shape, (6, 28))), 0, 1)
    echo = echo + 9 * septa * (depth > 22) * (depth < 110)
    echo = np.where(depth > 105, -12 + 2.5 * texture, echo)  # glandular tissue
    fascia = np.exp(-(((depth - 108) / 4) ** 2)) + np.exp(-(((depth - 345) / 5) ** 2))
    echo = np.where(depth > 345, -20 + 5 * smooth_noise(rng, shape, (2, 18)), echo) + 10 * fascia
    mass = blob(rng, shape, centre=(205, 165), radii=(52, 66), angle=0.2, roughness=0.11, modes=9)
    mass = one_piece(mass + 1.5 * smooth_noise(rng, shape, 5))
    cyst = blob(rng, shape, centre=(190, 356), radii=(34, 45), angle=-0.15, roughness=0.07)
    in_mass, in_cyst = soft(mass, 2.5), soft(cyst, 1.5)
    rim = np.exp(-(((mass - 5) / 5) ** 2))
    echo = echo + 5 * rim
    echo = echo * (1 - in_mass) + (-31 + 2 * texture) * in_mass
    echo = echo * (1 - in_cyst) - 62 * in_cyst
    absorption = 0.006 + 0.05 * in_mass - 0.04 * in_cyst
    image = _beamform(rng, echo, absorption, axial=1.1, lateral=2.2)
    return to_uint8(ndimage.gaussian_filter(image, 0.6)), label_map(mass < 0, cyst < 0)


# Layers from the vitreous down: thickness in pixels away from the fovea, and reflectivity.
_LAYERS = {
    "nerve fibres": (14.0, 0.85),
    "ganglion cells": (16.0, 0.45),
    "inner plexiform": (14.0, 0.55),
    "inner nuclear": (14.0, 0.20),
    "outer plexiform": (9.0, 0.50),
    "outer nuclear": (26.0, 0.13),
    "ellipsoid zone": (7.0, 1.0),
    "outer segments": (7.0, 0.28),
    "pigment epithelium": (8.0, 1.5),
}
_INNER = 6  # the first layers, which the fovea lacks


def _retina(
    rng: np.random.Generator, shape: tuple[int, int], swelling: FloatArray, base: float
) -> tuple[FloatArray, FloatArray]:
    """Reflectivity of layered tissue, and the depth of its lower edge.

    In pixels: the outer nuclear layer's extra thickness, (W,), and the pigment epithelium's depth.
    """
    y, x = grid(shape)
    column = x[0]
    pit = np.exp(-(((column - shape[1] * 0.5) / (0.085 * shape[1])) ** 2))
    bow = 16 * ((column / shape[1] - 0.5) * 2) ** 2
    bottom = base - bow + 2.5 * smooth_noise(rng, (shape[1],), 60)
    reflectivity = np.full(shape, 0.004)
    depth = bottom
    for number, (thickness, value) in reversed(list(enumerate(_LAYERS.values()))):
        thin = (1 - 0.8 * pit) if number < _INNER - 1 else np.ones_like(pit)
        rim = 1 + 0.25 * np.exp(-(((np.abs(column / shape[1] - 0.5) - 0.16) / 0.07) ** 2))
        height = thickness * thin * (rim if number < _INNER else 1.0)
        height = height * (1 + 0.06 * smooth_noise(rng, (shape[1],), 25))
        if number == _INNER - 1:
            height = height + swelling
        upper = depth - height
        between = soft(upper - y, 1.0) * soft(y - depth, 1.0)
        reflectivity = reflectivity * (1 - between) + value * between
        depth = upper
    below = soft(bottom - y, 1.0)
    vessels = np.clip(smooth_noise(rng, shape, (7, 11)), -1.5, 1.5)
    choroid = (0.24 + 0.12 * vessels) * np.exp(-np.clip(y - bottom, 0, None) / 38)
    return reflectivity * (1 - below) + choroid * below, bottom


def _scan(rng: np.random.Generator, reflectivity: FloatArray) -> FloatArray:
    """The display, 0 to 1: averaged speckle, vessel shadows, log scale."""
    shape = reflectivity.shape
    shadows = np.ones(shape[1])
    for _ in range(5):
        centre = rng.uniform(0, shape[1])
        if abs(centre / shape[1] - 0.5) > 0.12:
            width = rng.uniform(2.5, 5)
            shadows = shadows * (1 - 0.5 * np.exp(-(((np.arange(shape[1]) - centre) / width) ** 2)))
    depth = np.cumsum(reflectivity, axis=0)
    onset = np.clip(depth / 12, 0, 1)
    reflectivity = reflectivity * (1 - onset * (1 - shadows)) * np.exp(-depth / 150)
    power = np.zeros(shape)
    looks = 4  # frames averaged at one place
    for _ in range(looks):
        field = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        field = ndimage.gaussian_filter(field, (0.7, 1.1)) * np.sqrt(4 * np.pi * 0.77)
        power += np.abs(field * np.sqrt(reflectivity)) ** 2 / (2 * looks)
    power += 0.006 * rng.gamma(looks, 1 / looks, shape)
    return np.asarray(np.clip((10 * np.log10(power + 1e-6) + 25) / 28, 0, 1))


def fluid(rng: np.random.Generator) -> Picture:
    """A retina with three pockets of fluid."""
    shape = (400, 512)
    x = np.arange(shape[1], dtype=np.float64)
    swelling = 62 * np.exp(-(((x - 268) / 105) ** 2))
    reflectivity, bottom = _retina(rng, shape, swelling, 285.0)
    level = float(bottom[268])
    pockets = [
        blob(rng, shape, centre=(level - 62, 262), radii=(27, 44), roughness=0.09, angle=0.05),
        blob(rng, shape, centre=(level - 58, 352), radii=(15, 25), roughness=0.10, angle=0.3),
        blob(rng, shape, centre=(level - 58, 176), radii=(14, 26), roughness=0.10, angle=-0.3),
    ]
    for pocket in pockets:
        pocket[:] = one_piece(pocket + 0.8 * smooth_noise(rng, shape, 5))
        inside = soft(pocket, 1.2)
        wall = 0.12 * np.exp(-(((pocket - 3) / 2.5) ** 2))
        reflectivity = (reflectivity + wall) * (1 - inside) + 0.008 * inside
    labels = label_map(*(pocket < 0 for pocket in pockets))
    return to_uint8(_scan(rng, reflectivity)), labels
