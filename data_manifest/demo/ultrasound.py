"""Simulated ultrasound: speckle from random scatterers, attenuation, shadows, log compression."""

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
    amplitude Rayleigh distributed. The pulse is short along the beam and wide across it, and
    wider with depth; what lies behind an absorber gets less.

    Args:
        rng: draws the scatterers.
        echogenicity_db: mean echo power of the tissue.
        absorption: loss in dB per sample along the beam.
        axial: half width of the pulse along the beam, in samples.
        lateral: half width of the beam at its focus, in samples.
        dynamic_range_db: what the display shows between black and white.
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
