"""Irregular shapes, noise fields and label maps that the simulated modalities share.

Nothing in a body is a disc: outlines here are ellipses with a random low-frequency perturbation,
textures are filtered noise, and edges are soft, as partial volume makes them.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def case_generator(seed: int, identifier: str) -> np.random.Generator:
    """The generator of one case: adding a case changes no other."""
    digest = hashlib.sha256(identifier.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def grid(shape: Sequence[int]) -> list[FloatArray]:
    """Open coordinate arrays of an image, one per axis, that broadcast to `shape`."""
    return list(np.ogrid[tuple(slice(0.0, float(n)) for n in shape)])


def smooth_noise(
    rng: np.random.Generator, shape: Sequence[int], sigma: float | Sequence[float]
) -> FloatArray:
    """Gaussian noise correlated over `sigma` pixels, with mean 0 and standard deviation 1."""
    sigmas = np.broadcast_to(np.asarray(sigma, dtype=np.float64), (len(shape),))
    spectrum = np.fft.rfftn(rng.standard_normal(tuple(shape)))
    for axis, (n, width) in enumerate(zip(shape, sigmas, strict=True)):
        frequency = np.fft.rfftfreq(n) if axis == len(shape) - 1 else np.fft.fftfreq(n)
        response = np.exp(-2 * (np.pi * width * frequency) ** 2)
        spectrum *= response.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    field = np.fft.irfftn(spectrum, s=tuple(shape), axes=tuple(range(len(shape))))
    return np.asarray((field - field.mean()) / field.std())


def power_law_noise(rng: np.random.Generator, shape: Sequence[int], exponent: float) -> FloatArray:
    """Noise whose power spectrum falls as 1 / frequency**exponent; mean 0, deviation 1."""
    axes = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    squared = sum(f**2 for f in np.ix_(*axes))
    amplitude = np.asarray(squared, dtype=np.float64)
    amplitude.flat[0] = np.inf  # the mean carries no texture
    amplitude = amplitude ** (-exponent / 4)
    spectrum = np.fft.rfftn(rng.standard_normal(tuple(shape))) * amplitude
    field = np.fft.irfftn(spectrum, s=tuple(shape), axes=tuple(range(len(shape))))
    return np.asarray((field - field.mean()) / field.std())


def blob(
    rng: np.random.Generator,
    shape: Sequence[int],
    *,
    centre: tuple[float, float],
    radii: tuple[float, float],
    angle: float = 0.0,
    roughness: float = 0.1,
    modes: int = 7,
) -> FloatArray:
    """A distorted ellipse as a field: below 0 inside, 0 on the outline, in about pixels.

    Args:
        rng: draws the outline's Fourier coefficients.
        shape: (H, W) of the image.
        centre: y, x in pixels.
        radii: the two half axes in pixels, along y and x before the rotation.
        angle: rotation in radians.
        roughness: relative standard deviation of the radius along the outline.
        modes: highest number of waves around the outline; the amplitude falls as 1 / waves**1.6.
    """
    y, x = grid(shape)
    dy, dx = y - centre[0], x - centre[1]
    u = (np.cos(angle) * dy + np.sin(angle) * dx) / radii[0]
    v = (-np.sin(angle) * dy + np.cos(angle) * dx) / radii[1]
    theta = np.arctan2(v, u)
    orders = np.arange(2, modes + 1)
    amplitudes = rng.standard_normal(orders.size) / orders**1.6
    amplitudes *= roughness * np.sqrt(2) / max(float(np.sqrt((amplitudes**2).sum())), 1e-9)
    phases = rng.uniform(0, 2 * np.pi, orders.size)
    outline = np.ones_like(theta)
    for order, amplitude, phase in zip(orders, amplitudes, phases, strict=True):
        outline += amplitude * np.cos(order * theta + phase)
    return np.asarray((np.hypot(u, v) - outline) * np.sqrt(radii[0] * radii[1]))


def blob_3d(
    rng: np.random.Generator,
    shape: Sequence[int],
    *,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    roughness: float = 0.1,
    sigma: float | Sequence[float] = 6.0,
) -> FloatArray:
    """A distorted ellipsoid as a field: below 0 inside, in about in-plane pixels.

    The outline moves by correlated noise of relative deviation `roughness`; `sigma` is the
    noise's correlation length in voxels.
    """
    squared = sum(((x - c) / r) ** 2 for x, c, r in zip(grid(shape), centre, radii, strict=True))
    distance = np.sqrt(np.asarray(squared, dtype=np.float64))
    wobble = roughness * smooth_noise(rng, shape, sigma)
    return np.asarray((distance - 1.0 - wobble) * np.sqrt(radii[1] * radii[2]))


def soft(field: FloatArray, width: float = 1.0) -> FloatArray:
    """Coverage of each pixel, 0 to 1, with an edge `width` pixels wide: partial volume."""
    return np.asarray(0.5 * (1.0 - np.tanh(field / width)))


def polygon(shape: Sequence[int], points: Sequence[tuple[float, float]]) -> Mask:
    """Pixels whose centre lies inside a closed polygon of (x, y) points (even-odd rule)."""
    y, x = grid(shape)
    inside = np.zeros(tuple(shape), dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        if y0 == y1:
            continue
        crosses = (y >= min(y0, y1)) & (y < max(y0, y1))
        inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def curve(
    shape: Sequence[int], points: npt.NDArray[np.floating], width: float | FloatArray
) -> FloatArray:
    """Coverage, 0 to 1, of a line through (N, 2) points (y, x): vessels, hairs, fibres.

    Args:
        shape: (H, W) of the image.
        points: dense enough that neighbours are about half a pixel apart.
        width: half width in pixels, one number or one per point.
    """
    height, breadth = shape
    half_widths = np.broadcast_to(np.asarray(width, dtype=np.float64), (len(points),))
    coverage = np.zeros((height, breadth))
    reach = int(np.ceil(half_widths.max() + 2)) if len(points) else 0
    offsets = np.arange(-reach, reach + 1)
    rows, columns = (np.rint(points[:, axis]).astype(int) for axis in (0, 1))
    for dy in offsets:
        for dx in offsets:
            r, c = rows + dy, columns + dx
            keep = (r >= 0) & (r < height) & (c >= 0) & (c < breadth)
            distance = np.hypot(r - points[:, 0], c - points[:, 1])
            value = np.clip(half_widths + 0.5 - distance, 0.0, 1.0)
            np.maximum.at(coverage, (r[keep], c[keep]), value[keep])
    return coverage


def largest_part(mask: Mask) -> Mask:
    """The largest connected part of a mask; an empty mask stays empty."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def largest_filled(mask: Mask) -> Mask:
    """The largest connected part of a mask, its holes filled."""
    return np.asarray(ndimage.binary_fill_holes(largest_part(mask)))


def one_piece(field: FloatArray) -> FloatArray:
    """An outline's field without the islands that roughness may have cut off."""
    islands = (field < 0) & ~largest_part(field < 0)
    margin = ndimage.binary_dilation(islands, iterations=4) & (field < 4)
    return np.where(margin & ~largest_part(field < 0), 4.0, field)


def label_map(*objects: Mask) -> npt.NDArray[np.uint8]:
    """Objects as labels 1..N; a pixel of several objects belongs to the first."""
    labels = np.zeros(objects[0].shape, dtype=np.uint8)
    for number, mask in reversed(list(enumerate(objects, start=1))):
        labels[mask] = number
    return labels


def crop_to_labels(
    image: npt.NDArray[np.generic], labels: npt.NDArray[np.uint8], *, at_most: int
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.uint8]]:
    """A volume's slices that hold an object, as the challenge crops them.

    An object's slice of under 10 pixels loses the label, as there. Of many slices the middle ones
    are kept, since a network takes more than a second for each, and a demo should not take long.

    Args:
        image: (D, H, W).
        labels: (D, H, W).
        at_most: slices that are kept.
    """
    kept = np.zeros_like(labels)
    for number in range(1, int(labels.max()) + 1):
        mask = labels == number
        enough = mask.sum(axis=(1, 2)) >= 10
        kept[mask & enough[:, None, None]] = number
    slices = np.flatnonzero(kept.any(axis=(1, 2)))
    first, count = int(slices[0]), int(slices[-1] - slices[0]) + 1
    first += max(0, count - at_most) // 2
    part = slice(first, first + min(count, at_most))
    return np.ascontiguousarray(image[part]), np.ascontiguousarray(kept[part])


def to_uint8(image: FloatArray) -> npt.NDArray[np.uint8]:
    """An image in 0..1 as the 8 bits that a camera or an ultrasound machine gives."""
    return np.asarray(np.rint(np.clip(image, 0.0, 1.0) * 255), dtype=np.uint8)
