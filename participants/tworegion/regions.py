"""Two regions that differ in colour and hang together: the odds that a pixel is the object's.

In the spirit of GrabCut (Rother, Kolmogorov and Blake, 2004), with a mean field in the place of
its graph cut: the colours inside and outside are histograms, learnt in turn with the region; a
pixel's odds are the ratio of the two at its colour, times a prior that the object fills the middle
of its box, times the opinion of its neighbours.
"""

import numpy as np
from scipy import ndimage
from scipy.special import expit

_BINS = 48
"""Histogram bins on each colour axis, equally filled."""

_ROUNDS = 12
"""After these the region hardly moves."""

_NEIGHBOURS_REACH = 1.5
"""Standard deviation in pixels of the neighbourhood whose opinion counts."""

_NEIGHBOURS_WEIGHT = 3.0
"""Log odds that a pixel gains when all of its neighbourhood is sure."""

_ENOUGH_NOISE = 0.2
"""The noise, as a share of the image's standard deviation, at which it is blurred in full."""

_PRIOR = 2.0
"""Log odds of a pixel in the middle of the box, and, negative, of one in its corners."""

_MOST_EVIDENCE = 3.0
"""Log odds that a colour can give at most, so that no single pixel is beyond appeal."""


def ellipsoid_distance(shape: tuple[int, ...], box: tuple[slice, ...]) -> np.ndarray:
    """Squared distance from the middle of a box: 1 on the ellipsoid that touches its sides.

    Args:
        shape: of the image.
        box: a part of the image that is not empty.

    Returns:
        float64, of the shape.
    """
    grids = np.ogrid[tuple(slice(0, size) for size in shape)]
    distance = np.zeros(shape)
    for grid, side in zip(grids, box, strict=True):
        middle, radius = (side.start + side.stop - 1) / 2, (side.stop - side.start) / 2
        distance += ((grid - middle) / radius) ** 2
    return distance


def _denoised(colours: np.ndarray, box: tuple[slice, ...]) -> np.ndarray:
    """The image, blurred as far as it is noisy: blur gives edges colours of their own.

    The noise is what a blur takes from the typical pixel, which is not at an edge.
    """
    sigmas = [min(1.5, 0.03 * (side.stop - side.start)) for side in box]
    blurred = ndimage.gaussian_filter(colours, [*sigmas, 0])
    noise = np.median(np.abs(colours - blurred)) / max(colours.std(), 1e-9)
    share = min(1.0, noise / _ENOUGH_NOISE)
    return share * blurred + (1 - share) * colours


def _colour_bins(colours: np.ndarray) -> list[np.ndarray]:
    """The bin, 0 to _BINS - 1, of each pixel on each principal axis on which colours vary.

    On those axes colours are uncorrelated, so that one histogram for each says nearly what a joint
    one would, which has far too many bins for the pixels there are.
    """
    centred = colours.reshape(-1, colours.shape[-1])
    centred = centred - centred.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    all_bins = []
    for variance, direction in zip(variances, directions.T, strict=True):
        if variance > 1e-6 * max(1.0, variances[-1]):
            values = centred @ direction
            edges = np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1])
            all_bins.append(np.searchsorted(edges, values).reshape(colours.shape[:-1]))
    return all_bins


def _evidence(bins: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The log odds that each pixel's colour gives, from the histograms inside and outside."""
    shares = []
    for weights in (inside, 1 - inside):
        counts = np.bincount(bins.ravel(), weights.ravel(), minlength=_BINS)
        counts = ndimage.gaussian_filter1d(counts, 1.0, mode="nearest")
        counts += 0.02 * counts.mean() + 1e-9  # an unseen colour is rare, and not impossible
        shares.append(counts / counts.sum())
    return np.clip(np.log(shares[0] / shares[1]), -_MOST_EVIDENCE, _MOST_EVIDENCE)[bins]


def object_probability(colours: np.ndarray, box: tuple[slice, ...]) -> np.ndarray:
    """The probability that each pixel belongs to the object in the box.

    Args:
        colours: float, spatial axes first, one axis of channels last; reaches beyond the box on
            the sides where the image does, to show what background looks like.
        box: a part of the spatial axes that is not empty.

    Returns:
        float64, 0 to 1, of the spatial shape; 0 outside the box.
    """
    in_box = np.zeros(colours.shape[:-1], dtype=bool)
    in_box[box] = True
    all_bins = _colour_bins(_denoised(colours, box))
    prior = _PRIOR * np.clip(1 - ellipsoid_distance(in_box.shape, box), -1, 1)
    inside = np.where(in_box, expit(4 * prior), 0.0)
    for _ in range(_ROUNDS):
        neighbours = ndimage.gaussian_filter(2 * inside - 1, _NEIGHBOURS_REACH)
        odds = prior + _NEIGHBOURS_WEIGHT * neighbours
        for bins in all_bins:
            odds += _evidence(bins, inside)
        inside = np.where(in_box, expit(odds), 0.0)
    return inside
