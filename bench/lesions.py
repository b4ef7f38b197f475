"""Lesion-wise scores beside the BraTS 2023 script's approach, and components beside cc3d's.

    python -m bench.lesions

One volume of 240x240x155 voxels with 50 lesions and a prediction that misses some, invents some and
is off by a voxel or two in the others. The peer goes about it as the published script does: it
dilates the whole volume once for each lesion, and measures each lesion's surfaces in it, with the
same libraries (scipy, cc3d, surface-distance). No package of PyPI holds the script itself, which
does more: it goes over the volume once more for each lesion to number it anew, reads the files, and
measures the region as a whole. So the ratio is the least. Both must find the same numbers.
Components are those of the reference, and cc3d's is the peer. The peers run in their own
environment; without one only segjudge is measured. One run; times are of the processor, one core's,
because ratios are what counts.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = Path(os.environ.get("PEERS_PYTHON", ROOT / ".venv" / "peers" / "bin" / "python"))
SHAPE, LESIONS = (240, 240, 155), 50
SPACING = (1.0, 1.0, 1.0)
DILATION, IGNORED_MM3, PENALTY_MM = 3, 50.0, 374.0

Mask = npt.NDArray[np.bool_]


def _ball(centre: npt.NDArray[np.int64], radius: int) -> tuple[npt.NDArray[np.intp], ...]:
    """The voxels of a ball, those outside the volume left out."""
    grid = np.stack(np.meshgrid(*[np.arange(-radius, radius + 1)] * 3, indexing="ij"), axis=-1)
    offsets = grid.reshape(-1, 3)
    voxels = centre + offsets[(offsets**2).sum(axis=1) <= radius**2]
    inside = ((voxels >= 0) & (voxels < SHAPE)).all(axis=1)
    return tuple(voxels[inside].T)


def make_pair(seed: int = 2023) -> tuple[Mask, Mask]:
    """A reference with its lesions far enough apart, and a plausible prediction."""
    rng = np.random.default_rng(seed)
    cells = [(a, b, c) for a in range(6) for b in range(6) for c in range(4)]
    reference, prediction = np.zeros((2, *SHAPE), dtype=bool)
    chosen = rng.permutation(len(cells))[: LESIONS + 6]
    for k, cell in enumerate(chosen):
        centre = np.array(cells[cell]) * 38 + 20 + rng.integers(-3, 4, 3)
        for _ in range(3):  # a lump of three balls
            at, radius = centre + rng.integers(-4, 5, 3), int(rng.integers(3, 8))
            if k < LESIONS:
                reference[_ball(at, radius)] = True
            if k % 10 != 3:  # one in ten is missed, and six are made up
                prediction[_ball(at + rng.integers(-1, 2, 3), max(2, radius - 1))] = True
    return reference, prediction


def _best(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    times = []
    for _ in range(repeats):
        started = time.process_time()
        result = run()
        times.append(time.process_time() - started)
    return min(times), result


# ---- segjudge
def ours(reference: Mask, prediction: Mask) -> dict[str, float]:
    """By the registered metrics, from label maps to numbers."""
    from metrics import METRICS, Comparison

    maps = reference.view(np.uint8), prediction.view(np.uint8)
    (pair,) = Comparison(*maps).pairs([1], spacing_mm=SPACING)
    given = {"dilation": DILATION, "ignored_mm3": IGNORED_MM3}
    values = {}
    for name, options in {
        "lesion_dsc": given,
        "lesion_hd95": given | {"penalty_mm": PENALTY_MM},
        "lesion_tp": given | {"matching": "dilated"},
        "lesion_fp": given | {"matching": "dilated"},
    }.items():
        metric = METRICS[name]
        values[name] = metric.value(pair, **metric.checked(options))
    return values


def our_components(mask: Mask) -> int:
    """The number of 26-components."""
    from metrics.spans import Spans

    return Spans.of(mask).joined(26).value_count


# ---- the peers, in their environment
def script(reference: Mask, prediction: Mask) -> dict[str, float]:
    """Lesion by lesion over the whole volume, in the steps of the published script.

    For each lesion it grows the volume, multiplies it with the predicted components, lists the
    values of the product, sets the components to 0 and 1, and measures both surfaces.
    """
    import cc3d
    import surface_distance
    from scipy import ndimage

    neighbours = ndimage.generate_binary_structure(3, 2)

    def grown(mask: Mask) -> Mask:
        return ndimage.binary_dilation(mask, neighbours, iterations=DILATION)

    lesions = cc3d.connected_components(grown(reference), connectivity=26) * reference
    predicted = cc3d.connected_components(prediction, connectivity=26)
    dsc, hd95, owned_by_any, tp = [], [], set(), 0
    for number in range(1, int(lesions.max()) + 1):
        lesion = (lesions == number).astype(np.uint8)
        owned = np.unique(predicted * grown(lesion))[1:]
        owned_by_any.update(owned.tolist())
        matched = predicted.copy()
        matched[np.isin(matched, owned, invert=True)] = 0
        matched[np.isin(matched, owned)] = 1
        voxels = lesion.sum()
        overlap = 2 * (lesion * matched).sum() / (voxels + matched.sum())
        if not len(owned):
            far = PENALTY_MM
        else:
            distances = surface_distance.compute_surface_distances(
                lesion.astype(bool), matched.astype(bool), SPACING
            )
            far = surface_distance.compute_robust_hausdorff(distances, 95)
        if voxels * np.prod(SPACING) > IGNORED_MM3:
            tp += len(owned) > 0
            dsc.append(overlap)
            hd95.append(far)
    false = len(set(np.unique(predicted)[1:].tolist()) - owned_by_any)
    return {
        "lesion_dsc": float(sum(dsc) / (len(dsc) + false)),
        "lesion_hd95": float((sum(hd95) + PENALTY_MM * false) / (len(hd95) + false)),
        "lesion_tp": float(tp),
        "lesion_fp": float(false),
    }


def peers(path: Path) -> None:
    """Measure both peers on a saved pair, and print what they found as JSON."""
    import cc3d

    with np.load(path) as pair:
        reference, prediction = pair["reference"], pair["prediction"]
    script_s, values = _best(lambda: script(reference, prediction), 1)
    components_s, count = _best(
        lambda: int(cc3d.connected_components(reference, connectivity=26).max()), 10
    )
    print(json.dumps([script_s, values, components_s, count]))


def main() -> None:
    """Measure segjudge, then the peers, and print both."""
    reference, prediction = make_pair()
    ours(reference, prediction)  # what is loaded on first use
    lesions_s, values = _best(lambda: ours(reference, prediction), 5)
    components_s, count = _best(lambda: our_components(reference), 10)
    print(f"{SHAPE[0]}x{SHAPE[1]}x{SHAPE[2]} voxels, {count} lesions: {values}")
    print(f"lesion-wise scores: segjudge {1000 * lesions_s:.1f} ms")
    print(f"components: segjudge {1000 * components_s:.2f} ms")
    if not PEERS_PYTHON.exists():
        print(f"no peers: no {PEERS_PYTHON} (`make bench` makes it)")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pair.npz"
        np.savez(path, reference=reference, prediction=prediction)
        done = subprocess.run(
            [str(PEERS_PYTHON), "-W", "ignore", "-m", "bench.lesions", str(path)],
            cwd=ROOT, capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
    script_s, theirs, cc3d_s, their_count = json.loads(done.stdout.splitlines()[-1])
    same = all(abs(theirs[name] - value) <= 1e-9 * abs(value) for name, value in values.items())
    print(f"the script's approach {script_s:.1f} s: {script_s / lesions_s:.0f} times as long;"
          f" {'the same numbers' if same else f'OTHER NUMBERS: {theirs}'}")  # fmt: skip
    print(f"cc3d {1000 * cc3d_s:.2f} ms: {cc3d_s / components_s:.1f} times as long;"
          f" {'as many' if count == their_count else f'{their_count} COMPONENTS'}")  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        peers(Path(sys.argv[1]))
    else:
        main()
