"""Simulated fluorescence microscopy: stained nuclei, blur in and out of focus, photon noise."""

import numpy as np
from scipy import ndimage

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import Mask, blob, label_map, power_law_noise, smooth_noise, soft


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
