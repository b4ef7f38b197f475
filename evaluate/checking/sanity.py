"""The sanity cases: small, simulated, of every modality and both dimensions, and some odd ones.

They ask whether a submission works, not how good it is: bright or dark objects on a textured
background, made in a second, with no package beyond the core's. The same seed gives the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.demo.records import RawCase
from data_manifest.demo.shapes import FloatArray, case_generator, smooth_noise
from data_manifest.layouts import Layout, read_case
from data_manifest.layouts.npz_contract import write_inputs
from data_manifest.making.writing import INPUTS, REFERENCES, write_case
from data_manifest.manifest import (
    MODALITIES,
    Case,
    FileEntry,
    Manifest,
    Preparation,
    save_manifest,
    sha256_of,
)
from data_manifest.progress import Progress, silent
from data_manifest.prompts import USUAL

ODD = "odd"
"""What the names of odd cases hold."""

ONE_SLICE_PAIR = ("2DBox_MR_odd-flat", "3DBox_MR_odd-one-slice")
"""The same image, as 2D and as a volume of one slice."""

_CUBE = "3DBox_MR_sanity-cube"
"""About as many slices as rows and columns: there axes in another order stay in the image."""

_COLOURED = ("Dermoscopy", "Endoscopy", "Fundus", "Microscopy")
_VOLUMES = {
    "CT": ((12, 96, 96), (3.0, 0.8, 0.8)),
    "MR": ((10, 80, 88), (2.5, 1.0, 1.0)),
    "PET": ((24, 160, 160), (3.0, 2.0, 2.0)),
}
_CT_LEVEL, _CT_SPAN = -160.0, 400.0


def is_odd(case: str) -> bool:
    """Whether a case is one of the odd ones, by its identifier."""
    return f"_{ODD}-" in case


def build_sanity_cases(
    out: Path,
    *,
    seed: int = 0,
    only: Sequence[str] = (),
    layout: Layout | None = None,
    prompts: Sequence[str] = USUAL,
    rounds: int = 1,
    cube: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write the cases and their manifest.

    Cases that can't be put into the layout's files are left out, and a cube that only rounds need.

    Returns:
        The manifest's path.
    """
    for kind in (INPUTS, REFERENCES):
        (out / kind).mkdir(parents=True, exist_ok=True)
    preparation = Preparation(seed=seed, margin=0, jitter=0, recipe="0" * 64)
    makers = {
        name: make
        for name, make in _makers().items()
        if name in only or not (only or (name == _CUBE and not cube))
    }
    cases = []
    for done, (name, make) in enumerate(sorted(makers.items()), start=1):
        raw = make(name, seed)
        if layout is None or layout.holds(f"{raw.labels.ndim}D"):
            case = write_case(out, raw, preparation=preparation, prompts=prompts, rounds=rounds)
            if layout is not None:
                case = _with_channels(out, case, layout)
            if layout is None or not layout.refusal(case):
                cases.append(case)
        progress(done, len(makers), name)
    manifest = Manifest(schema=1, name="sanity", cases=tuple(cases))
    save_manifest(manifest, out / "manifest.json")
    return out / "manifest.json"


def _with_channels(out: Path, case: Case, layout: Layout) -> Case:
    """A case with as many images as the layout gives: each half as bright as the one before."""
    asked = dict.fromkeys(file.channel for file in layout.inputs.images)
    names = [name for name in asked if isinstance(name, str)]
    last = max((number for number in asked if isinstance(number, int)), default=0)
    names += [f"channel {number}" for number in range(len(names), last + 1)]
    if len(names) == 1 or case.dimension == "2D":
        return msgspec.structs.replace(case, channels=tuple(names))
    inputs = read_case(out, case)
    further = []
    for number, name in enumerate(names[1:], start=1):
        path = Path(case.image.path).with_stem(f"{case.id}.{name}")
        write_inputs(
            out / path, replace(inputs, image=np.right_shift(inputs.image, number).astype(np.uint8))
        )
        further.append(FileEntry(path=path.as_posix(), sha256=sha256_of(out / path)))
    return msgspec.structs.replace(case, further_images=tuple(further), channels=tuple(names))


def _makers() -> dict[str, Callable[[str, int], RawCase]]:
    makers: dict[str, Callable[[str, int], RawCase]] = {}

    def add(
        name: str,
        modality: str,
        shape: tuple[int, ...],
        objects: Sequence[Sequence[float]],
        spacing_mm: tuple[float, ...] | None = None,
        empty: tuple[slice, ...] | None = None,
        drawn_as: str = "",
    ) -> None:
        makers[name] = lambda identifier, seed: _case(
            identifier,
            modality,
            shape,
            objects,
            spacing_mm=spacing_mm,
            empty=empty,
            generator=case_generator(seed, drawn_as or identifier),
        )

    # An object is its centre and its radii, as fractions of the image's sides, in axis order.
    two = [(0.34, 0.3, 0.17, 0.2), (0.55, 0.74, 0.22, 0.14)]
    for number, modality in enumerate(MODALITIES):
        size = (112 + 8 * number, 176 - 8 * number)
        add(f"2DBox_{modality}_sanity", modality, size, two)
    solid = [(0.5, 0.34, 0.3, 0.36, 0.17, 0.18), (0.42, 0.55, 0.72, 0.4, 0.22, 0.13)]
    for modality, (volume, spacing_mm) in _VOLUMES.items():
        add(f"3DBox_{modality}_sanity", modality, volume, solid, spacing_mm)
    many = [
        ((row + 0.5) / 8, (column + 0.5) / 8, 0.032 + 0.004 * (row % 3), 0.04)
        for row in range(8)
        for column in range(8)
    ]
    add("2DBox_Dermoscopy_odd-tiny", "Dermoscopy", (16, 24), [(0.5, 0.45, 0.3, 0.25)])
    add("2DBox_X-Ray_odd-border", "X-Ray", (120, 90), [(0.03, 0.9, 0.2, 0.18)])
    add("2DBox_Microscopy_odd-many", "Microscopy", (200, 240), many)
    corner = (slice(0, 80), slice(0, 100))
    add("2DBox_Ultrasound_odd-corner", "Ultrasound", (128, 160), [(0.8, 0.8, 0.1, 0.12)],
        empty=corner)  # fmt: skip
    flat = (0.5, 0.5, 0.22, 0.26)
    add(ONE_SLICE_PAIR[0], "MR", (96, 80), [flat], drawn_as="one-slice")
    add(ONE_SLICE_PAIR[1], "MR", (1, 96, 80), [(0.5, *flat[:2], 0.6, *flat[2:])],
        (4.0, 1.0, 1.0), drawn_as="one-slice")  # fmt: skip
    add(_CUBE, "MR", (44, 48, 52), solid, (1.0, 1.0, 1.0))
    thick = [(0.5, 0.4, 0.45, 0.3, 0.2, 0.25)]
    add("3DBox_CT_odd-anisotropic", "CT", (5, 120, 72), thick, (9.0, 0.5, 0.9))
    return makers


def _case(
    identifier: str,
    modality: str,
    shape: tuple[int, ...],
    objects: Sequence[Sequence[float]],
    *,
    spacing_mm: tuple[float, ...] | None,
    empty: tuple[slice, ...] | None,
    generator: np.random.Generator,
) -> RawCase:
    axes = len(shape)
    labels = np.zeros(shape, np.uint8)
    image = 0.32 + 0.04 * _texture(generator, shape)
    for label, ellipsoid in enumerate(objects, start=1):
        inside = _distance(shape, ellipsoid[:axes], ellipsoid[axes:], generator) < 1
        labels[inside & (labels == 0)] = label
        image[labels == label] += 0.34 if label % 2 else 0.22
    if empty is not None:
        image[empty] = 0.0
    image = np.clip(image + 0.012 * generator.standard_normal(shape), 0, 1)
    return RawCase(
        identifier=identifier,
        modality=modality,
        image=_intensities(image, modality, axes),
        labels=labels,
        label_names=tuple(f"object {k}" for k in range(1, len(objects) + 1)),
        spacing_mm=spacing_mm,
        origin="simulated",
        source="simulated for `segjudge check`: ellipses on a textured background",
        licence="Apache-2.0, as segjudge",
    )


def _texture(generator: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    sigma = [min(6.0, size / 3) for size in shape]
    return smooth_noise(generator, shape, sigma)


def _distance(
    shape: tuple[int, ...],
    centre: Sequence[float],
    radii: Sequence[float],
    generator: np.random.Generator,
) -> FloatArray:
    """Of every voxel from the centre, in radii; a little uneven, so that no flip is a symmetry."""
    ticks = np.ix_(*((np.arange(size) + 0.5) / size for size in shape))
    parts = [(t - c) / r for t, c, r in zip(ticks, centre, radii, strict=True)]
    squared: FloatArray = np.asarray(sum(part**2 for part in parts))
    y, x = parts[-2], parts[-1]
    tilt = 0.25 + 0.1 * float(generator.random())
    return np.asarray(np.sqrt(squared) * (1 + tilt * np.tanh(y) * np.tanh(x) + 0.2 * np.tanh(x)))


def _intensities(image: FloatArray, modality: str, axes: int) -> npt.NDArray[np.generic]:
    """Grey as the scanner gives it; photographs with colours."""
    if modality == "CT":
        return image * _CT_SPAN + _CT_LEVEL
    if axes == 2 and modality in _COLOURED:
        tint = np.array([1.0, 0.75, 0.7])
        coloured: npt.NDArray[np.generic] = np.round(image[..., np.newaxis] * tint * 255)
        return coloured.astype(np.uint8)
    return np.round(image * 255)
