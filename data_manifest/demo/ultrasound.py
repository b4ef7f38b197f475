"""Simulated ultrasound: speckle from random scatterers, attenuation, shadows, log compression."""

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import CaseMaker, RawCase
from data_manifest.demo.shapes import (
    FloatArray,
    Mask,
    blob,
    grid,
    label_map,
    one_piece,
    power_law_noise,
    smooth_noise,
    soft,
    to_uint8,
)

__all__ = ["CASES"]

_LICENCE = "Apache-2.0, as segjudge"


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


def _breast(identifier: str, rng: np.random.Generator) -> RawCase:
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
    return _case(
        identifier,
        ndimage.gaussian_filter(image, 0.6),
        (mass < 0, cyst < 0),
        ("mass", "cyst"),
        "a breast under a linear probe: fat, gland, an absorbing mass and a cyst",
        (0.09, 0.09),
    )


def _fan(shape: tuple[int, int]) -> tuple[FloatArray, FloatArray, Mask]:
    """Depth and beam number of each pixel of a curved probe's picture, and where it has any."""
    y, x = grid(shape)
    apex_y, apex_x, probe, reach, half_angle = -95.0, shape[1] / 2, 110.0, 460.0, 0.62
    radius, angle = np.hypot(y - apex_y, x - apex_x), np.arctan2(x - apex_x, y - apex_y)
    depth, beam = radius - probe, (angle / half_angle + 1) / 2 * 255
    seen = (depth >= 0) & (radius <= probe + reach) & (np.abs(angle) <= half_angle)
    return depth, beam, np.asarray(seen)


def _gallbladder(identifier: str, rng: np.random.Generator) -> RawCase:
    shape = (480, 600)
    y, x = grid(shape)
    depth, beam, seen = _fan(shape)
    texture = power_law_noise(rng, shape, 2.2)
    echo = -15 + 1.6 * texture + 0 * y
    wall_depth = depth + 4 * smooth_noise(rng, shape, (10, 40))
    echo = np.where(wall_depth < 45, -12 + 6 * smooth_noise(rng, shape, (3, 40)), echo)
    diaphragm = np.hypot(y - 120, (x - 330) * 0.9) + 5 * smooth_noise(rng, shape, 25)
    echo = echo + 14 * np.exp(-(((diaphragm - 300) / 4) ** 2)) - 12 * soft(-(diaphragm - 306), 4)
    for _ in range(9):  # liver vessels, cut at all angles
        centre = (rng.uniform(110, 330), rng.uniform(90, 300))
        vessel = blob(
            rng, shape, centre=centre, radii=(rng.uniform(3, 6), rng.uniform(8, 24)),
            angle=rng.uniform(-1, 1), roughness=0.1,
        )  # fmt: skip
        echo = echo - 14 * soft(vessel, 2) + 5 * np.exp(-(((vessel - 3) / 2) ** 2))
    bladder = blob(rng, shape, centre=(222, 382), radii=(42, 92), angle=0.5, roughness=0.1, modes=5)
    bladder = one_piece(bladder + 1.5 * smooth_noise(rng, shape, 9))
    stone = blob(rng, shape, centre=(252, 352), radii=(10, 14), angle=0.5, roughness=0.12)
    inside, in_stone = soft(bladder, 1.8), soft(stone, 1.2)
    echo = echo + 8 * np.exp(-(((bladder - 3) / 3) ** 2))
    echo = echo * (1 - inside) - 60 * inside
    surface = in_stone * np.clip(np.exp((stone + 2) / 6), 0, 1)
    echo = echo * (1 - in_stone) + (4 - 14 * (1 - surface)) * in_stone
    absorption = 0.008 - 0.018 * inside + 0.9 * in_stone
    polar = np.meshgrid(np.arange(460.0), np.linspace(0, 255, 256), indexing="ij")
    angle = (polar[1] / 255 * 2 - 1) * 0.62
    where = (
        -95 + (110 + polar[0]) * np.cos(angle),
        shape[1] / 2 + (110 + polar[0]) * np.sin(angle),
    )
    beams = [ndimage.map_coordinates(a, where, order=1, mode="nearest") for a in (echo, absorption)]
    lines = _beamform(rng, beams[0], beams[1], axial=1.3, lateral=1.3, dynamic_range_db=60)
    image = ndimage.map_coordinates(lines, (depth, beam), order=1, mode="nearest") * seen
    whole = np.asarray(ndimage.binary_fill_holes((bladder < 0) | ((stone < 0) & (bladder < 3))))
    return _case(
        identifier,
        image,
        (whole & seen,),
        ("gallbladder",),
        "liver and gallbladder with a stone and its shadow under a curved probe",
        (0.3, 0.3),
    )


def _case(
    identifier: str,
    image: FloatArray,
    masks: tuple[Mask, ...],
    names: tuple[str, ...],
    what: str,
    spacing_mm: tuple[float, float],
) -> RawCase:
    return RawCase(
        identifier=identifier,
        modality="Ultrasound",
        image=to_uint8(image),
        labels=label_map(*masks),
        label_names=names,
        spacing_mm=spacing_mm,
        origin="simulated",
        source=(
            f"simulated: {what}; Rayleigh speckle with an anisotropic pulse, attenuation, shadow"
            " and enhancement behind objects, log compression; reference: the outlines as simulated"
        ),
        licence=_LICENCE,
    )


CASES: dict[str, CaseMaker] = {
    "2DBox_Ultrasound_breast": _breast,
    "2DBox_Ultrasound_gallbladder": _gallbladder,
}
