"""A picture is read as it is meant, or refused by its name: no tag turns or inverts it unsaid.

The files are written by Pillow and tifffile.
"""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from reading import Builder, grey_png, png
from scipy import ndimage

from data_manifest.making.whole_labels import check_interpolation, steps_between

GENERATOR = np.random.default_rng(3)
PHOTO = GENERATOR.integers(0, 256, (24, 30, 3), dtype=np.uint8)
GREY = PHOTO[:, :, 0]
MASK = np.zeros((24, 30), dtype=np.uint8)
MASK[4:12, 5:20] = 1
MASK[14:22, 8:26] = 2


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    Image.fromarray(MASK).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int8, np.uint32, np.int32])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_labels_of_a_tiff_are_the_stored_numbers(
    builder: Builder, photo: Path, tmp_path: Path, dtype: type, photometric: str
) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, MASK.astype(dtype), photometric=photometric)
    if photometric == "miniswhite" and dtype not in (np.uint8, np.uint16):
        assert "save it as PNG" in builder.refused(photo, path, modality="Dermoscopy", of=path)
        return
    built = builder.built(photo, path, modality="Dermoscopy")
    np.testing.assert_array_equal(built.labels, MASK)
    np.testing.assert_array_equal(read(path, labels=True), MASK)
    assert ("min is white" in built.said) == (photometric == "miniswhite")
    assert not built.said or str(path) in built.said


def test_a_boolean_tiff_is_its_object_and_not_its_background(
    builder: Builder, photo: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, MASK > 0)  # which tifffile writes as min-is-white
    np.testing.assert_array_equal(
        builder.built(photo, path, modality="Dermoscopy").labels, MASK > 0
    )


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_labels_of_few_bits_are_not_spread(
    builder: Builder, photo: Path, tmp_path: Path, bits: int
) -> None:
    labels = MASK > 0 if bits == 1 else MASK
    picture = Image.fromarray(labels if bits == 1 else labels * (255 // (2**bits - 1)))
    path = tmp_path / "mask.png"
    if bits == 1:
        picture.save(path)
    else:
        grey_png(path, MASK, bits)
    np.testing.assert_array_equal(read(path, labels=True), labels)
    np.testing.assert_array_equal(builder.built(photo, path, modality="Dermoscopy").labels, labels)


@pytest.mark.parametrize(("colours", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_a_png_of_16_bits_a_colour_is_refused(
    builder: Builder, photo: Path, mask: Path, tmp_path: Path, colours: int, channels: int
) -> None:
    path = tmp_path / "deep.png"
    deep = np.repeat(MASK[:, :, None].astype(int) * 300, channels, axis=2).astype(">u2")
    if channels != 3:
        deep[:, :, -1] = 65535
    png(path, deep, (30, 24), 16, colours)
    said = builder.refused(path, mask, modality="Microscopy", of=path)
    assert "more than 8 bits a colour" in said
    assert "labels as colours" in builder.refused(photo, path, modality="Microscopy", of=path)


def test_labels_of_a_palette_are_its_indices(builder: Builder, photo: Path, tmp_path: Path) -> None:
    picture = Image.fromarray(MASK)
    picture = picture.convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "mask.png", transparency=0)
    built = builder.built(photo, tmp_path / "mask.png", modality="Dermoscopy")
    np.testing.assert_array_equal(built.labels, MASK)


def test_labels_with_an_alpha_that_hides_something_are_refused(
    builder: Builder, photo: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mask.png"
    opaque = np.dstack([MASK, MASK, MASK, np.full_like(MASK, 255)])
    Image.fromarray(opaque).save(path)
    built = builder.built(photo, path, modality="Dermoscopy")
    np.testing.assert_array_equal(built.labels, MASK)
    for mode in ("RGBA", "LA"):
        opaque[:, :, 3] = np.where(MASK > 0, 255, 0)
        Image.fromarray(opaque).convert(mode).save(path)
        said = builder.refused(photo, path, modality="Dermoscopy", of=path)
        assert "labels with transparency" in said


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_that_a_tag_turns_is_refused(
    builder: Builder, mask: Path, tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(PHOTO).save(path, exif=exif)
    said = builder.refused(path, mask, modality="Dermoscopy", of=path)
    assert f"Orientation {orientation}" in said and "exif_transpose" in said


def test_an_image_that_is_white_at_its_least_is_turned_round_and_said(
    builder: Builder, mask: Path, tmp_path: Path
) -> None:
    plain, inverted = tmp_path / "plain.tif", tmp_path / "inverted.tif"
    tifffile.imwrite(plain, GREY)
    tifffile.imwrite(inverted, 255 - GREY, photometric="miniswhite")
    expected = builder.built(plain, mask, modality="X-Ray").image
    built = builder.built(inverted, mask, modality="X-Ray")
    np.testing.assert_array_equal(built.image, expected)
    assert f"{inverted}: the tag `min is white`" in built.said
    tifffile.imwrite(inverted, GREY.astype(np.uint16), photometric="miniswhite")
    assert "min is white" in builder.refused(inverted, mask, modality="X-Ray", of=inverted)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_of_more_bits_than_are_kept_are_refused(
    builder: Builder, mask: Path, tmp_path: Path, planar: str, dtype: type
) -> None:
    path = tmp_path / "image.tif"
    values = PHOTO if planar == "contig" else np.moveaxis(PHOTO, 2, 0)
    tifffile.imwrite(path, values.astype(dtype) * 100, photometric="rgb", planarconfig=planar)
    if dtype == np.uint8:
        built = builder.built(path, mask, modality="Microscopy")
        np.testing.assert_array_equal(built.image, PHOTO * np.uint8(100))
    else:
        said = builder.refused(path, mask, modality="Microscopy", of=path)
        assert "more than 8 bits a colour" in said or "can't be read" in said


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.float32])
def test_grey_of_any_depth_is_scaled_by_its_own_range(
    builder: Builder, mask: Path, tmp_path: Path, dtype: type
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GREY.astype(dtype) * 100)
    built = builder.built(path, mask, modality="Microscopy")
    assert len(np.unique(built.image)) > 150


def test_what_is_transparent_in_an_image_is_refused(
    builder: Builder, mask: Path, tmp_path: Path
) -> None:
    path = tmp_path / "image.png"
    alpha = np.full((24, 30), 255, dtype=np.uint8)
    Image.fromarray(np.dstack([PHOTO, alpha])).save(path)
    built = builder.built(path, mask, modality="Dermoscopy")
    np.testing.assert_array_equal(built.image, PHOTO)
    alpha[0, 0] = 0
    Image.fromarray(np.dstack([PHOTO, alpha])).save(path)
    assert "transparent" in builder.refused(path, mask, modality="Dermoscopy", of=path)
    Image.fromarray(GREY).save(path, transparency=int(GREY[0, 0]))
    assert "transparent" in builder.refused(path, mask, modality="Dermoscopy", of=path)


def test_a_picture_in_another_system_of_colours_is_refused(
    builder: Builder, mask: Path, tmp_path: Path
) -> None:
    path = tmp_path / "image.tif"
    Image.fromarray(PHOTO).convert("CMYK").save(path)
    assert "mode CMYK" in builder.refused(path, mask, modality="Dermoscopy", of=path)


def test_several_pages_are_no_picture(builder: Builder, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, np.stack([MASK, MASK]), photometric="minisblack")
    assert "several pictures" in builder.refused(photo, path, modality="Dermoscopy", of=path)


def test_a_very_large_picture_is_read(tmp_path: Path) -> None:
    """More pixels than Pillow's guard against strangers lets through."""
    picture = Image.new("1", (13_500, 13_500))
    picture.paste(1, (100, 100, 5000, 5000))
    picture.save(tmp_path / "mask.png")
    assert read(tmp_path / "mask.png", labels=True).shape == (13_500, 13_500)


def read(path: Path, *, labels: bool = False) -> np.ndarray:
    from data_manifest.making.volume_images import read_volume

    return read_volume(path, labels=labels).array


def test_a_mask_that_was_scaled_as_a_picture_is_refused(builder: Builder, tmp_path: Path) -> None:
    labels = Image.fromarray((MASK > 0).astype(np.uint8) * 255)
    path, image = tmp_path / "mask.png", tmp_path / "image.png"
    for method in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
        for size in ((15, 12), (71, 53)):
            labels.resize(size, method).save(path)
            Image.fromarray(PHOTO).resize(size).save(image)
            said = builder.refused(image, path, modality="Dermoscopy", of=path)
            assert "pixels, only along the border of" in said
            assert "scaled with interpolation?" in said
            assert "nearest neighbour" in said
    labels.resize((71, 53), Image.Resampling.NEAREST).save(path)
    builder.built(image, path, modality="Dermoscopy")


def test_a_thin_label_that_has_a_name_is_meant(
    builder: Builder, photo: Path, tmp_path: Path
) -> None:
    labels = np.zeros((24, 30), dtype=np.uint8)
    labels[4:20, 5:25] = 100
    labels[5:19, 6:24] = 200
    path = tmp_path / "mask.png"
    Image.fromarray(labels).save(path)
    assert "label 100: 68 pixels, only along the border of 200" in builder.refused(
        photo, path, modality="CT", of=path
    )
    built = builder.built(photo, path, modality="CT", labels="100=wall;200=lumen")
    np.testing.assert_array_equal(built.labels, labels // 100)


def _scaled(pair: tuple[int, int], zoom: float) -> np.ndarray:
    labels = np.zeros((40, 50))
    labels[8:20, 5:20], labels[8:30, 20:40] = pair
    return np.rint(ndimage.zoom(labels, zoom, order=1)).astype(np.uint8)


@pytest.mark.parametrize("pair", [(1, 5), (4, 8), (2, 9)])
@pytest.mark.parametrize("zoom", [1.5, 2, 3])
def test_steps_between_two_labels_are_found(pair: tuple[int, int], zoom: float) -> None:
    assert steps_between(_scaled(pair, zoom))
    assert not steps_between(_scaled(pair, zoom), named=range(1, 10))


def test_steps_between_two_labels_are_said(builder: Builder, photo: Path, tmp_path: Path) -> None:
    path, scaled = tmp_path / "mask.png", _scaled((1, 5), 2)
    Image.fromarray(scaled).save(path)
    Image.fromarray(PHOTO).resize(scaled.shape[::-1]).save(photo)
    said = builder.built(photo, path, modality="Ultrasound").said
    assert f"{path}: labels 2, 3, 4 lie only between others, with a jump: scaled with" in said


def test_thin_layers_and_rings_are_no_steps() -> None:
    """Of a retina, of a heart, and organs side by side."""
    layers = np.zeros((60, 80), np.uint8)
    layers[20:27] = np.arange(1, 8)[:, None]
    distance = np.hypot(*(np.mgrid[:60, :60] - 30))
    rings = np.digitize(-distance, [-20, -12, -10.5]).astype(np.uint8)
    organs = np.kron([[1, 2, 3], [4, 5, 6]], np.ones((10, 10))).astype(np.uint8)
    assert [steps_between(labels) for labels in (layers, rings, organs)] == ["", "", ""]


@pytest.mark.parametrize("seed", range(4))
def test_cells_and_nested_tissues_are_no_seams(seed: int) -> None:
    """Small cells with any numbers, touching, and the labels 1, 2, 4 of BraTS with thin shells."""
    generator = np.random.default_rng(seed)
    centres = generator.integers(0, 120, (60, 2))
    grid = np.stack(np.mgrid[:120, :120], axis=-1)
    distances = ((grid[:, :, None] - centres) ** 2).sum(axis=-1)
    numbers = generator.permutation(5000)[:60] + 1
    cells = np.where(distances.min(axis=-1) < 40, numbers[distances.argmin(axis=-1)], 0)
    check_interpolation(cells)
    check_interpolation(np.where(np.isin(cells, numbers[:6]), cells, 0))
    smooth = ndimage.gaussian_filter(generator.normal(size=(8, 60, 60)), 2)
    levels = np.quantile(smooth, [0.6, 0.7, 0.75])
    check_interpolation(np.array([0, 2, 1, 4])[np.digitize(smooth, levels)])
