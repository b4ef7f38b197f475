"""Simulated X-ray: rays through a body that absorbs, scatter, photon noise, negative display.

Mammography: power-law glandular tissue, a spiculated mass, a film-like background.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import (
    FloatArray,
    Mask,
    blob,
    curve,
    grid,
    label_map,
    largest_part,
    one_piece,
    power_law_noise,
    smooth_noise,
    soft,
)

_SOFT, _LUNG, _BONE = 0.020, 0.006, 0.048  # absorption per mm at about 70 keV
_CHEST_SHAPE = (512, 560)
_CHEST_MIDDLE = 280.0


def _expose(
    rng: np.random.Generator, absorption: FloatArray, photons: float
) -> npt.NDArray[np.uint16]:
    """The detector's log signal in 12 bits, bright where much is absorbed.

    Beer-Lambert along each ray, a fog of scattered photons, Poisson noise, a slight blur.
    """
    primary = np.exp(-absorption)
    scatter = 0.25 * ndimage.gaussian_filter(primary, 25)
    seen = ndimage.gaussian_filter(primary + scatter, 0.7)
    counts = rng.poisson(photons * seen)
    signal = -np.log((counts + 1.0) / photons)
    return np.asarray(np.rint(np.clip(signal * 800 + 500, 0, 4095)), dtype=np.uint16)


def _thickness(field: FloatArray, depth_mm: float, edge: float) -> FloatArray:
    """Length of each ray in a rounded organ: its outline field, full depth, and rim in pixels."""
    return np.asarray(depth_mm * np.sqrt(np.clip(-field / edge, 0, 1)))


def _ribs(rng: np.random.Generator) -> FloatArray:
    """Extra absorption of ribs and collar bones: rings that slant down from the spine."""
    bones = np.zeros(_CHEST_SHAPE)
    for number in range(10):
        level = 52 + 41 * number + rng.normal(0, 2)
        reach = 205 - 75 * np.exp(-((number + 0.6) / 1.5))
        for side in (-1, 1):
            turn = np.linspace(0.10, 2.6, 900)  # from the spine, round the flank, to the front
            x = _CHEST_MIDDLE + side * reach * np.sin(turn) ** 0.85
            y = level - 26 * np.sin(np.clip(turn, 0, 0.8) * 2) + 44 * (1 - np.cos(turn))
            strength = np.where(turn < 1.7, 1.0, np.clip((2.6 - turn) / 0.9, 0, 1) * 0.55)
            line = np.stack([y, x], axis=1)
            back = curve(_CHEST_SHAPE, line[turn < 1.7], 6.5)
            core = curve(_CHEST_SHAPE, line[turn < 1.7], 4.0)
            front = curve(_CHEST_SHAPE, line[turn >= 1.7], 6.5 * strength[turn >= 1.7] + 1.5)
            bones += 0.30 * back - 0.10 * core + 0.13 * front
    for side in (-1, 1):
        t = np.linspace(0, 1, 600)
        x = _CHEST_MIDDLE + side * (22 + 172 * t)
        y = 66 - 34 * t + 12 * np.sin(2 * np.pi * t)
        bones += 0.22 * curve(_CHEST_SHAPE, np.stack([y, x], axis=1), 6.5 + 2 * t)
    return np.asarray(ndimage.gaussian_filter(bones, 1.1))


def _lung_vessels(rng: np.random.Generator, side: int) -> FloatArray:
    """Coverage of vessels that fan out from the root of a lung and taper."""
    coverage = np.zeros(_CHEST_SHAPE)
    for _ in range(34):
        angle = rng.uniform(-1.35, 1.35)
        length = rng.uniform(60, 190)
        t = np.linspace(0, 1, int(1.6 * length))
        bend = angle + np.cumsum(rng.normal(0, 0.012, t.size)) + 0.3 * t
        step = length / t.size
        y = 250 + rng.normal(0, 14) + np.cumsum(np.sin(bend)) * step
        x = _CHEST_MIDDLE + side * (52 + np.cumsum(np.cos(bend)) * step)
        width = rng.uniform(1.5, 4.0) * (1 - 0.85 * t)
        coverage = np.maximum(coverage, curve(_CHEST_SHAPE, np.stack([y, x], axis=1), width))
    return np.asarray(ndimage.gaussian_filter(coverage, 1.2))


def _chest_organs(rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Outline fields of the right lung (on the left of the picture), the left lung, the heart."""
    shape = _CHEST_SHAPE
    _, x = grid(shape)
    y, _ = grid(shape)
    lungs = []
    for side, top in ((-1, 368.0), (1, 386.0)):
        centre = _CHEST_MIDDLE + side * 108
        lung = blob(rng, shape, centre=(262, centre), radii=(222, 94), roughness=0.035, modes=5)
        u = (x - centre) / 90
        dome = y - (top + 26 * u**2 + 10 * side * u + 2 * smooth_noise(rng, (shape[1],), 25))
        inner = _CHEST_MIDDLE + side * (36 + 12 * np.exp(-(((y - 250) / 60) ** 2)))
        lungs.append(np.maximum(np.maximum(lung, dome), side * (inner - x)))
    heart = blob(rng, shape, centre=(330, 306), radii=(74, 92), angle=0.45, roughness=0.05, modes=5)
    floor = y - 400 + ((x - 310) / 60) ** 2 * 9
    return lungs[0], lungs[1], np.asarray(np.maximum(heart, floor))


def chest(rng: np.random.Generator) -> Picture:
    """A thorax of lungs, heart, vessels and ribs."""
    shape = _CHEST_SHAPE
    y, x = grid(shape)
    right, left, heart = _chest_organs(rng)
    width = 238 + 14 * np.exp(-(((y - 90) / 60) ** 2)) - 120 * np.clip((40 - y) / 40, 0, 1) ** 2
    across = np.sqrt(np.clip(1 - ((x - _CHEST_MIDDLE) / width) ** 2, 0, 1))
    millimetres = 205 * across * (1 + 0.03 * power_law_noise(rng, shape, 3.0))
    air = np.zeros(shape)
    vessels = np.zeros(shape)
    for side, lung in ((-1, right), (1, left)):
        room = _thickness(lung, 128, 60)
        air = air + room
        vessels = vessels + _lung_vessels(rng, side) * np.clip(room / 60, 0, 1)
    solid = _thickness(heart, 92, 42)
    air = np.clip(air - solid, 0, None)
    absorption = _SOFT * (millimetres - air) + _LUNG * air + 0.16 * vessels
    absorption = absorption + 0.002 * solid
    knob = blob(rng, shape, centre=(182, 306), radii=(26, 22), roughness=0.06)
    absorption = absorption + _SOFT * 0.6 * _thickness(knob, 50, 15)
    spine = soft(np.abs(x - _CHEST_MIDDLE) - 22 - 1.5 * np.cos(2 * np.pi * y / 42), 2)
    discs = 1 - 0.30 * np.clip(np.cos(2 * np.pi * y / 42) - 0.6, 0, 1) / 0.4
    absorption = absorption + 0.34 * spine * discs + _ribs(rng) * (across > 0.25)
    windpipe = soft(np.maximum(np.abs(x - _CHEST_MIDDLE + 3) - 9, y - 190), 2)
    absorption = np.clip(absorption - 0.22 * windpipe, 0, None)
    in_heart = np.asarray(heart < 0)
    masks = ((right < 0) & ~in_heart, (left < 0) & ~in_heart, in_heart)
    whole = [largest_part(ndimage.binary_opening(mask, iterations=3)) for mask in masks]
    return _expose(rng, absorption, 9000.0), label_map(*whole)


def _shaft(
    rng: np.random.Generator,
    shape: tuple[int, int],
    axis: FloatArray,
    half_width: FloatArray,
    cortex: FloatArray,
) -> tuple[FloatArray, Mask]:
    """Absorption of a long bone that runs down the image along each ray, and where it is seen.

    Of each row, in pixels: x of the bone's axis, its half width, its dense wall's thickness.
    """
    _, x = grid(shape)
    offset = (x - axis[:, None]) ** 2
    outer = 2 * np.sqrt(np.clip(half_width[:, None] ** 2 - offset, 0, None))
    hollow = np.clip(half_width - cortex, 0, None)[:, None]
    inner = 2 * np.sqrt(np.clip(hollow**2 - offset, 0, None))
    filling = np.clip(0.42 - 0.4 * cortex / cortex.max(), 0.04, 1)[:, None]
    spongy = filling * np.clip(1 + 0.35 * smooth_noise(rng, shape, (3.5, 1.3)), 0, 2)
    millimetres = 0.4 * ((outer - inner) + spongy * inner)
    return (_BONE - _SOFT) * millimetres, np.asarray(outer > 0)


def forearm(rng: np.random.Generator) -> Picture:
    """A forearm of flesh and bones."""
    shape = (640, 352)
    rows, x = grid(shape)
    row = np.arange(shape[0]) / 540.0
    head = np.clip((row - 0.70) / 0.30, 0, 1.1) ** 2
    elbow = np.clip((0.25 - row) / 0.25, 0, 1) ** 2
    uneven = [0.8 * smooth_noise(rng, (shape[0],), 30) for _ in range(4)]
    bend = np.sin(np.pi * np.clip(row, 0, 1))
    radius_axis = 132 - 16 * bend + 9 * head + uneven[0]
    ulna_axis = 222 + 9 * bend - 6 * head + uneven[1]
    radius_width = 20 + 23 * head + 5 * elbow + uneven[2]
    ulna_width = 18 + 3 * head + 17 * elbow + uneven[3]
    wall = 1.6 + 6.5 * np.sin(np.pi * np.clip((row - 0.02) / 0.9, 0, 1)) ** 0.8
    radius, in_radius = _shaft(rng, shape, radius_axis, radius_width, wall)
    ulna, in_ulna = _shaft(rng, shape, ulna_axis, ulna_width, wall)
    ends = (532 - 0.16 * (x - 140) + 5 * np.cos((x - 150) / 16), 506 + 4 * np.cos((x - 214) / 9))
    keep_radius, keep_ulna = (soft(rows - end, 1.0) for end in ends)
    arm = 140 - 30 * row**2 + 2 * smooth_noise(rng, (shape[0],), 40)
    flesh = 2 * np.sqrt(np.clip(arm[:, None] ** 2 - (x - 176) ** 2, 0, None)) * 0.55 * 0.4
    muscle = 1 + 0.05 * power_law_noise(rng, shape, 2.8)
    absorption = _SOFT * flesh * muscle + radius * keep_radius + ulna * keep_ulna
    spots = [(566, 112), (560, 154), (566, 192), (604, 106), (602, 140), (606, 174), (600, 206)]
    for centre in spots:  # carpal bones
        carpal = blob(rng, shape, centre=centre, radii=(17, 18), roughness=0.09)
        rim = 0.25 * np.exp(-(((carpal + 2) / 2) ** 2))
        absorption = absorption + 0.30 * np.sqrt(np.clip(-carpal / 12, 0, 1)) + 0.3 * rim
    labels = label_map(in_radius & (keep_radius > 0.5), in_ulna & (keep_ulna > 0.5))
    return _expose(rng, absorption, 5000.0), labels


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
