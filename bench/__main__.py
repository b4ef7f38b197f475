"""Scoring speed beside the reference: whole commands on the same files, in one run, as ratios.

    make bench

The reference is `surface-distance` driven as the CVPR 2024 script drives it
(`tests/metrics/reference_script.py`). Both sides are processes of their own, with start-up and
file reading, on one core, in turns; a single time says nothing on a busy machine, a ratio does.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

ROOT = Path(__file__).parents[1]
Labels = npt.NDArray[np.uint16]

_REFERENCE = """
import sys
from pathlib import Path
import numpy as np
from tests.metrics.reference_script import reference_case_scores
for path in sorted(Path(sys.argv[1]).glob("*.npz")):
    reference, prediction = np.load(path), np.load(Path(sys.argv[2]) / path.name)
    spacing = reference["spacing"] if path.name.startswith("3D") else None
    dsc, nsd = reference_case_scores(
        reference["gts"], prediction["segs"], spacing, path.name.startswith("3D")
    )
    print(path.stem, repr(float(dsc)), repr(float(nsd)), sep=",")
"""


def _objects(rng: np.random.Generator, shape: tuple[int, ...], count: int, size: float) -> Labels:
    """A label map of smooth, irregular objects: the cells of a noise field around random seeds."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), size / 4)
    seeds = np.zeros(shape, bool)
    seeds[tuple(rng.integers(0, side, count) for side in shape)] = True
    labels, _ = ndimage.label(seeds)
    distance, nearest = ndimage.distance_transform_edt(~seeds, return_indices=True)
    inside = distance + size * field / field.std() / 4 < size
    return np.where(inside, labels[tuple(nearest)], 0).astype(np.uint16)


def _predicted(rng: np.random.Generator, reference: Labels) -> Labels:
    """The reference as a good model gives it: each outline moved by a voxel or two."""
    smoothness = (0, *[4] * reference.ndim)
    shifts = ndimage.gaussian_filter(rng.standard_normal((2, *reference.shape)), smoothness)
    grid = list(np.indices(reference.shape))
    for axis, shift in zip((-1, -2), shifts, strict=True):
        moved = grid[axis] + np.rint(1.5 * shift / shift.std()).astype(int)
        grid[axis] = moved.clip(0, reference.shape[axis] - 1)
    return reference[tuple(grid)]


def _cases(rng: np.random.Generator) -> Iterator[tuple[str, Labels, tuple[float, ...] | None]]:
    yield "3DBox_CT_organs", _objects(rng, (80, 320, 320), 13, 32), (0.8, 0.8, 2.5)
    yield "3DBox_MR_regions", _objects(rng, (120, 160, 130), 3, 45), (1.0, 1.0, 1.0)
    yield "3DBox_PET_lesions", _objects(rng, (60, 144, 144), 3, 7), (3.0, 3.0, 4.0)
    yield "2DBox_Dermoscopy_lesion", _objects(rng, (1024, 1024), 1, 260), None
    yield "2DBox_Microscopy_cells", _objects(rng, (512, 512), 200, 12), None
    yield "2DBox_XRay_lungs", _objects(rng, (2048, 2048), 2, 420), None


def _timed(command: list[str]) -> tuple[float, str]:
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # our own commands
        command, check=True, stdout=subprocess.PIPE, encoding="utf-8", env=os.environ | one_core
    )
    return time.perf_counter() - started, done.stdout


def _beside(folder: Path, case: str) -> tuple[float, float, float]:
    """Seconds of the reference and of segjudge on one case, and their largest difference."""
    gts, segs, out = folder / case / "gts", folder / case / "segs", folder / case / "out"
    reference_s, printed = _timed([sys.executable, "-c", _REFERENCE, str(gts), str(segs)])
    ours_s, _ = _timed(
        [
            *(sys.executable, "-m", "segjudge", "score", "--references", str(gts)),
            *("--predictions", str(segs), "--protocol", "cvpr24", "--out", str(out), "--jobs", "1"),
        ]
    )
    expected = [float(value) for value in printed.strip().split(",")[1:]]
    with (out / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    difference = max(abs(float(row[n]) - e) for n, e in zip(("dsc", "nsd"), expected, strict=True))
    return reference_s, ours_s, difference


def main() -> None:
    """Make the seeded cases, time both sides, and print the table."""
    rng = np.random.default_rng(2024)
    total_reference = total_ours = 0.0
    print(f"{'case':26}{'reference s':>13}{'segjudge s':>12}{'ratio':>8}{'difference':>13}")
    with tempfile.TemporaryDirectory(prefix="segjudge-bench-") as scratch:
        folder = Path(scratch)
        for case, reference, spacing_xyz in _cases(rng):
            for name in ("gts", "segs"):
                (folder / case / name).mkdir(parents=True)
            extra = {} if spacing_xyz is None else {"spacing": np.array(spacing_xyz)}
            np.savez_compressed(folder / case / "gts" / f"{case}.npz", gts=reference, **extra)
            prediction = _predicted(rng, reference)
            np.savez_compressed(folder / case / "segs" / f"{case}.npz", segs=prediction)
            reference_s, ours_s, difference = _beside(folder, case)
            total_reference, total_ours = total_reference + reference_s, total_ours + ours_s
            ratio = reference_s / ours_s
            print(f"{case:26}{reference_s:13.2f}{ours_s:12.2f}{ratio:8.1f}{difference:13.1e}")
    ratio = total_reference / total_ours
    print(f"{'all':26}{total_reference:13.2f}{total_ours:12.2f}{ratio:8.1f}")


if __name__ == "__main__":
    main()
