"""The demo images are what they say: reproducible, in the challenge's conventions, and visible.

Promise: two builds with one seed are equal, another seed changes what is simulated and nothing
that is real; every object has a size that a challenge would keep and an outline that the image
shows; nothing simulated is a plain ellipse.
"""

import re
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from data_manifest.demo import DemoPackageMissing, RawCase, demo_cases, shipped

pytestmark = pytest.mark.demo_images

MODALITIES = {
    "CT", "MR", "PET", "Ultrasound", "X-Ray", "Dermoscopy", "Endoscopy", "Fundus", "Microscopy",
    "OCT", "Mammography",
}  # fmt: skip


@pytest.fixture(scope="module")
def cases() -> dict[str, RawCase]:
    return {case.identifier: case for case in demo_cases(0)}


@pytest.fixture(scope="module")
def other_seed() -> dict[str, RawCase]:
    return {case.identifier: case for case in demo_cases(1)}


@pytest.fixture(scope="module", params=["cases", "other_seed"])
def any_seed(request: pytest.FixtureRequest) -> dict[str, RawCase]:
    built: dict[str, RawCase] = request.getfixturevalue(request.param)
    return built


def objects(case: RawCase) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Each object's full name and mask."""
    for number, name in enumerate(case.label_names, start=1):
        yield f"{case.identifier}: {name}", case.labels == number


def largest_slice(case: RawCase, mask: npt.NDArray[np.bool_]) -> tuple[np.ndarray, np.ndarray]:
    """The image (H, W, C) and the mask (H, W) where the object is largest."""
    image = case.image.astype(np.float64)
    if mask.ndim == 3:
        z = int(np.argmax(mask.sum(axis=(1, 2))))
        image, mask = image[z], mask[z]
    return (image[..., None] if image.ndim == 2 else image), mask


def contrast_in_noise(image: np.ndarray, mask: np.ndarray) -> float:
    """Difference of the means in bands of 4 pixels on both sides of the outline, over the noise.

    The noise is the robust deviation of what a blur of 2 pixels removes. The best channel counts.
    """
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    near = tuple(slice(max(s.start - 12, 0), s.stop + 12) for s in (rows, columns))
    image, mask = image[near], mask[near]
    depth = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    away = ndimage.distance_transform_edt(~mask)
    inside, outside = mask & (depth > 1) & (depth <= 5), (away > 1) & (away <= 5)
    ratios = []
    for channel in np.moveaxis(image, -1, 0):
        fine = (channel - ndimage.gaussian_filter(channel, 2))[inside | outside]
        noise = 1.4826 * float(np.median(np.abs(fine)))
        ratios.append(abs(channel[inside].mean() - channel[outside].mean()) / max(noise, 1e-9))
    return max(ratios)


def dice_with_best_ellipse(mask: npt.NDArray[np.bool_]) -> float:
    """Overlap of a mask with the ellipse or ellipsoid of the same second moments."""
    mask = mask[ndimage.find_objects(mask.astype(np.uint8))[0]]
    mask = np.pad(mask, 12)  # room for an ellipse that reaches further than the mask
    points = np.argwhere(mask).astype(np.float64)
    inverse = np.linalg.inv(np.cov(points.T))
    offsets = np.moveaxis(np.indices(mask.shape), 0, -1) - points.mean(axis=0)
    squared = ((offsets @ inverse) * offsets).sum(axis=-1)
    ellipse = squared <= mask.ndim + 2
    return float(2 * (ellipse & mask).sum() / (ellipse.sum() + mask.sum()))


def test_the_set_has_enough_cases_modalities_and_both_dimensions(cases: dict[str, RawCase]) -> None:
    assert 18 <= len(cases) <= 26
    assert {case.modality for case in cases.values()} == MODALITIES
    volumes = [case for case in cases.values() if case.labels.ndim == 3]
    assert 3 <= len(volumes) <= 6
    assert any(max(c.spacing_mm) >= 3 * min(c.spacing_mm) for c in volumes if c.spacing_mm)


def test_what_the_packages_ship_is_real(cases: dict[str, RawCase]) -> None:
    real = {case.modality for case in cases.values() if case.origin == "real"}
    assert real >= {"MR", "CT", "Fundus", "Microscopy"}


def test_identifiers_follow_the_challenges_naming(cases: dict[str, RawCase]) -> None:
    assert list(cases) == sorted(cases)
    for identifier, case in cases.items():
        match = re.fullmatch(r"([23])DBox_([A-Za-z-]+)_([A-Za-z0-9-]+)", identifier)
        assert match is not None, identifier
        assert int(match[1]) == case.labels.ndim, identifier
        assert match[2] == case.modality, identifier


def test_what_is_simulated_says_so(cases: dict[str, RawCase]) -> None:
    for case in cases.values():
        assert case.origin in ("real", "simulated"), case.identifier
        said = case.source.startswith("simulated:")
        assert said == (case.origin == "simulated"), case.identifier
        assert "reference:" in case.source, case.identifier
        assert case.licence, case.identifier


def test_arrays_have_the_challenges_shapes_and_types(any_seed: dict[str, RawCase]) -> None:
    for case in any_seed.values():
        name = case.identifier
        assert case.labels.dtype in (np.uint8, np.uint16), name
        assert case.image.shape[: case.labels.ndim] == case.labels.shape, name
        if case.image.ndim != case.labels.ndim:
            assert case.labels.ndim == 2, name
            assert case.image.shape[2:] == (3,), name
            assert case.image.dtype == np.uint8, name
        assert np.isfinite(case.image).all(), name
        if case.spacing_mm is not None:
            assert len(case.spacing_mm) == case.labels.ndim, name
            assert min(case.spacing_mm) > 0, name
        assert case.labels.ndim == 2 or case.spacing_mm is not None, name
        assert (case.window is not None) == (case.modality == "CT"), name


def test_labels_run_from_1_to_n_without_a_gap(any_seed: dict[str, RawCase]) -> None:
    for case in any_seed.values():
        present = np.unique(case.labels)
        assert present.tolist() == list(range(len(case.label_names) + 1)), case.identifier
        assert len(set(case.label_names)) == len(case.label_names), case.identifier


def test_every_object_is_of_a_size_that_the_challenge_keeps(any_seed: dict[str, RawCase]) -> None:
    for case in any_seed.values():
        for name, mask in objects(case):
            assert mask.sum() >= 300, name
            if mask.ndim == 3:
                slices = mask.sum(axis=(1, 2))
                assert slices[slices > 0].min() >= 10, name
    for case in any_seed.values():
        if case.labels.ndim == 3:
            assert case.labels.any(axis=(1, 2))[[0, -1]].all(), case.identifier
            assert 5 <= case.labels.shape[0] <= 8, case.identifier


def test_every_object_has_an_outline_that_the_image_shows(any_seed: dict[str, RawCase]) -> None:
    faint = {
        name: round(value, 1)
        for case in any_seed.values()
        for name, mask in objects(case)
        if (value := contrast_in_noise(*largest_slice(case, mask))) < 2.5
    }
    assert not faint


def test_a_reference_moved_off_its_object_shows_no_outline(cases: dict[str, RawCase]) -> None:
    """The refutation of the test above: its measure does see a reference that is off."""
    case = cases["2DBox_Dermoscopy_naevus"]
    image, mask = largest_slice(case, case.labels == 1)
    small = ndimage.binary_erosion(mask, iterations=40)
    assert small.sum() > 300
    assert contrast_in_noise(image, small) < 2.5


def test_no_simulated_object_is_a_plain_ellipse(any_seed: dict[str, RawCase]) -> None:
    plain = {}
    for case in any_seed.values():
        if case.origin != "simulated":
            continue
        overlaps = [dice_with_best_ellipse(mask) for _, mask in objects(case)]
        if min(overlaps) > 0.985 or max(overlaps) > 0.998:
            plain[case.identifier] = overlaps
    assert not plain


def test_a_drawn_ellipse_counts_as_plain() -> None:
    """The refutation of the test above."""
    y, x = np.ogrid[:200, :300]
    assert dice_with_best_ellipse(np.hypot((y - 90) / 40, (x - 160) / 70) < 1) > 0.998


def test_simulated_objects_are_textured_inside(any_seed: dict[str, RawCase]) -> None:
    for case in any_seed.values():
        if case.origin == "simulated":
            for name, mask in objects(case):
                image, inside = largest_slice(case, mask)
                deep = ndimage.binary_erosion(inside, iterations=2)
                span = np.percentile(image, 99.5) - np.percentile(image, 0.5)
                assert image[deep].std(axis=0).max() > 0.005 * span, name


def test_one_seed_gives_one_set(cases: dict[str, RawCase]) -> None:
    for case in islice(demo_cases(0), 8):
        first = cases[case.identifier]
        np.testing.assert_array_equal(case.image, first.image)
        np.testing.assert_array_equal(case.labels, first.labels)
        assert (case.source, case.spacing_mm) == (first.source, first.spacing_mm)


def test_another_seed_changes_what_is_simulated_and_nothing_that_is_real(
    cases: dict[str, RawCase], other_seed: dict[str, RawCase]
) -> None:
    assert list(cases) == list(other_seed)
    for identifier, case in cases.items():
        other = other_seed[identifier]
        same = case.image.shape == other.image.shape and bool((case.image == other.image).all())
        assert same == (case.origin == "real"), identifier
        if same:
            np.testing.assert_array_equal(case.labels, other.labels)


@pytest.mark.parametrize("package", ["pydicom", "skimage", "nilearn"])
def test_a_missing_package_is_named_with_the_image_that_it_ships(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = shipped.find_spec
    monkeypatch.setattr(
        shipped, "find_spec", lambda name: None if name == package else find_spec(name)
    )
    distribution = {"skimage": "scikit-image"}.get(package, package)
    with pytest.raises(DemoPackageMissing, match=rf"{distribution}: not installed.*data/any.file"):
        shipped.shipped_file(package, "data/any.file", "0" * 64)


def test_another_image_than_the_reference_was_drawn_on_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cell.png").write_bytes(b"another image")
    spec = ModuleSpec("skimage", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(shipped, "find_spec", lambda name: spec)
    with pytest.raises(DemoPackageMissing, match=r"cell\.png: found SHA-256"):
        shipped.shipped_file("skimage", "data/cell.png", "0" * 64)
    with pytest.raises(DemoPackageMissing, match=r"ihc\.png: not found"):
        shipped.shipped_file("skimage", "data/ihc.png", "0" * 64)
