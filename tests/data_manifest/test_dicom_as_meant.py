"""DICOM is read by what every file's tags say, or refused by the folder's or file's name.

The files are written by pydicom, value by value.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)
from reading import Builder

from data_manifest.making.volume_images import read_volume

SHAPE = (8, 12, 10)  # z, y, x
SERIES = "1.2.826.0.1.3680043.8.498.1"
GENERATOR = np.random.default_rng(2)
VALUES = GENERATOR.integers(0, 900, SHAPE).astype(np.int16)
LABELS = np.zeros(SHAPE, dtype=np.uint8)
LABELS[2:6, 3:9, 2:8] = 1

Edit = Callable[[Dataset, int], None]


def nothing(dataset: Dataset, z: int) -> None:
    """Leaves a slice as it is."""


def write(path: Path, pixels: np.ndarray, sop_class: str, edit: Callable[[Dataset], None]) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop_class, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    made = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    made.SeriesInstanceUID, made.StudyInstanceUID, made.Modality = SERIES, "1.2.3", "OT"
    if pixels.size:
        made.Rows, made.Columns = pixels.shape[-2:]
        bits = pixels.dtype.itemsize * 8
        made.BitsAllocated = made.BitsStored = bits
        made.HighBit, made.SamplesPerPixel = bits - 1, 1
        made.PixelRepresentation = int(pixels.dtype.kind == "i")
        made.PhotometricInterpretation = "MONOCHROME2"
        made.PixelData = pixels.tobytes()
    edit(made)
    made.save_as(path, enforce_file_format=True)
    return path


def series(folder: Path, values: np.ndarray = VALUES, edit: Edit = nothing) -> Path:
    """A series of slices 2.5 mm apart, with pixels of 0.75 mm (y) and 0.5 mm (x)."""
    folder.mkdir()
    for z, plane in enumerate(values):

        def tags(made: Dataset, z: int = z) -> None:
            made.InstanceNumber = z + 1
            made.ImagePositionPatient = [10.0, -20.0, 30.0 + 2.5 * z]
            made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            made.PixelSpacing, made.SliceThickness = [0.75, 0.5], 2.5
            made.RescaleSlope, made.RescaleIntercept = 1, -1024
            edit(made, z)

        write(folder / f"{(z * 5) % len(values)}.dcm", plane, CTImageStorage, tags)
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return series(tmp_path / "labels", LABELS.astype(np.int16), unscaled)


def unscaled(made: Dataset, z: int) -> None:
    del made.RescaleSlope, made.RescaleIntercept


def test_a_series_is_read_with_its_geometry(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    built = builder.built(series(tmp_path / "ct"), reference, modality="CT")
    assert built.spacing_mm == (2.5, 0.75, 0.5)
    np.testing.assert_array_equal(built.labels, LABELS)
    assert built.said == ""


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda made, z: setattr(made, "ImagePositionPatient", [0, 0.6 * z, 2.42 * z]),
            "slices that shift sideways, by up to 4.2 mm",
        ),
        (
            lambda made, z: setattr(made, "ImageOrientationPatient", [1, 0, 0, 0, 0.97, 0.2431]),
            "slices that shift sideways",
        ),
        (
            lambda made, z: setattr(made, "ImagePositionPatient", [0, 0, 2.5 * z + (z == 3)]),
            "slices 1.5 to 3.5 mm apart",
        ),
        (
            lambda made, z: setattr(
                made, "ImagePositionPatient", [0, 0, 2.5 * (z if z < 7 else 6)]
            ),
            "lie at one place; 1 such pairs",
        ),
        (
            lambda made, z: z == 2 and setattr(made, "ImageOrientationPatient", [0, 1, 0, 0, 0, 1]),
            "different Image Orientation",
        ),
        (
            lambda made, z: z == 2 and setattr(made, "PixelSpacing", [0.8, 0.5]),
            "different Pixel Spacing",
        ),
        (lambda made, z: delattr(made, "PixelSpacing"), "slices without Pixel Spacing"),
        (lambda made, z: setattr(made, "PixelSpacing", [0, 0]), "expected positive numbers"),
        (lambda made, z: delattr(made, "ImagePositionPatient"), "slices without a position"),
        (lambda made, z: z and delattr(made, "RescaleSlope"), "7 of 8 slices without Rescale"),
        (
            lambda made, z: z % 2 and setattr(made, "PhotometricInterpretation", "MONOCHROME1"),
            "different PhotometricInterpretation: MONOCHROME1, MONOCHROME2",
        ),
        (lambda made, z: setattr(made, "BitsStored", 12), "High Bit 15 with Bits Stored 12"),
        (
            lambda made, z: setattr(made, "ModalityLUTSequence", Sequence([Dataset()])),
            "Modality LUT",
        ),
        (lambda made, z: z == 3 and setattr(made, "RescaleSlope", 0), "Rescale Slope 0"),
        (
            lambda made, z: z == 3 and setattr(made, "PixelData", made.PixelData[:-40]),
            "fewer than the 240 bytes of its pixels",
        ),
    ],
)
def test_a_series_whose_tags_can_not_be_meant_is_refused(
    builder: Builder, tmp_path: Path, reference: Path, edit: Edit, words: str
) -> None:
    folder = series(tmp_path / "ct", edit=edit)
    assert words in builder.refused(folder, reference, modality="CT", of=folder)


def test_a_rescale_of_each_slice_is_applied_to_it_and_said(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    """The first slice's is whole, the others' are not: they are not cut to its type."""

    def rescaled(made: Dataset, z: int) -> None:
        made.RescaleSlope, made.RescaleIntercept = 1 if z == 0 else 0.37 + z / 10, z

    folder = series(tmp_path / "pet", edit=rescaled)
    slope = np.array([1 if z == 0 else 0.37 + z / 10 for z in range(SHAPE[0])])[:, None, None]
    expected = VALUES * slope + np.arange(SHAPE[0])[:, None, None]
    np.testing.assert_allclose(read_volume(folder).array, expected)
    said = builder.built(folder, reference, modality="PET").said
    assert f"{folder}: Rescale Slope and Intercept differ from slice to slice" in said


@pytest.mark.parametrize(
    ("dtype", "bits", "ends"), [(np.uint16, 12, 4095), (np.uint16, 16, 65535), (np.int16, 16, -1)]
)
def test_monochrome1_is_turned_round_by_the_range_of_its_bits(
    builder: Builder, tmp_path: Path, dtype: type, bits: int, ends: int
) -> None:
    def inverted(made: Dataset) -> None:
        made.PhotometricInterpretation = "MONOCHROME1"
        made.BitsStored, made.HighBit = bits, bits - 1

    plane = VALUES[0].astype(dtype)
    path = write(tmp_path / "xray.dcm", plane, ComputedRadiographyImageStorage, inverted)
    np.testing.assert_array_equal(read_volume(path).array, ends - VALUES[0].astype(int))
    Image.fromarray(LABELS[3]).save(tmp_path / "mask.png")
    said = builder.built(path, tmp_path / "mask.png", modality="X-Ray").said
    assert f"{path}: MONOCHROME1: turned round" in said
    np.testing.assert_array_equal(read_volume(path, labels=True).array, VALUES[0])


@pytest.mark.parametrize(
    ("tags", "spacing"),
    [
        ({}, None),
        ({"ImagerPixelSpacing": [0.15, 0.15]}, (0.15, 0.15)),
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.15, 0.15]}, (0.2, 0.3)),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (0.1, 0.1)),
    ],
)
def test_an_x_ray_has_the_spacing_that_it_names_and_no_other(
    builder: Builder, tmp_path: Path, tags: dict[str, object], spacing: tuple[float, ...] | None
) -> None:
    path = write(
        tmp_path / "xray.dcm",
        VALUES[0].astype(np.uint16),
        ComputedRadiographyImageStorage,
        lambda made: made.update(tags),
    )
    Image.fromarray(LABELS[3]).save(tmp_path / "mask.png")
    built = builder.built(path, tmp_path / "mask.png", modality="X-Ray")
    assert built.spacing_mm == spacing
    assert ("no Pixel Spacing" in built.said) == (
        spacing is not None and "PixelSpacing" not in tags
    )


def test_a_clip_is_no_volume_of_one_millimetre(builder: Builder, tmp_path: Path) -> None:
    path = write(
        tmp_path / "clip.dcm",
        VALUES.astype(np.uint16),
        UltrasoundMultiFrameImageStorage,
        lambda made: setattr(made, "NumberOfFrames", SHAPE[0]),
    )
    mask = write(
        tmp_path / "mask.dcm",
        LABELS,
        UltrasoundMultiFrameImageStorage,
        lambda made: setattr(made, "NumberOfFrames", SHAPE[0]),
    )
    assert "no spacing" in builder.refused(path, mask, modality="US", of=path)


def enhanced(path: Path, positions: np.ndarray, slopes: np.ndarray | None = None) -> Path:
    def groups(made: Dataset) -> None:
        made.NumberOfFrames = len(positions)
        shared, frames = Dataset(), []
        measures, plane = Dataset(), Dataset()
        measures.PixelSpacing, measures.SliceThickness = [0.75, 0.5], 2.5
        plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        shared.PixelMeasuresSequence = Sequence([measures])
        shared.PlaneOrientationSequence = Sequence([plane])
        for index, position in enumerate(positions):
            frame, place, scale = Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = list(map(float, position))
            frame.PlanePositionSequence = Sequence([place])
            scale.RescaleSlope = 1 if slopes is None else float(slopes[index])
            scale.RescaleIntercept, scale.RescaleType = 0, "HU"
            frame.PixelValueTransformationSequence = Sequence([scale])
            frames.append(frame)
        made.SharedFunctionalGroupsSequence = Sequence([shared])
        made.PerFrameFunctionalGroupsSequence = Sequence(frames)

    return write(path, VALUES, EnhancedCTImageStorage, groups)


def test_an_enhanced_file_is_a_volume_where_its_frames_lie_as_one(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    positions = np.array([[10.0, -20.0, 30.0 + 2.5 * z] for z in range(SHAPE[0])])
    path = enhanced(tmp_path / "ct.dcm", positions)
    assert builder.built(path, reference).spacing_mm == (2.5, 0.75, 0.5)
    np.testing.assert_array_equal(read_volume(path).array, VALUES)
    tilted = positions + np.arange(SHAPE[0])[:, None] * np.array([0, 0.6, 0])
    path = enhanced(tmp_path / "tilted.dcm", tilted)
    assert "shift sideways" in builder.refused(path, reference, of=path)
    path = enhanced(tmp_path / "twice.dcm", positions[[0, 1, 2, 3, 0, 1, 2, 3]])
    assert "mm apart" in builder.refused(path, reference, of=path)
    path = enhanced(tmp_path / "scaled.dcm", positions, np.arange(1.0, SHAPE[0] + 1))
    assert "frames of different RescaleSlope" in builder.refused(path, reference, of=path)


@pytest.mark.parametrize(
    ("sop_class", "pixels", "name", "tool"),
    [
        (SegmentationStorage, LABELS, "Segmentation", "highdicom"),
        (RTStructureSetStorage, LABELS[:0], "RT Structure Set", "dcmrtstruct2nii"),
        ("1.2.840.10008.5.1.4.1.1.88.33", LABELS[:0], "Comprehensive SR", "itself"),
        ("1.2.840.10008.5.1.4.1.1.104.1", LABELS[:0], "Encapsulated PDF", "itself"),
    ],
)
def test_a_file_that_is_no_image_is_told_by_its_class(
    builder: Builder, tmp_path: Path, sop_class: str, pixels: np.ndarray, name: str, tool: str
) -> None:
    image = series(tmp_path / "ct")
    path = write(
        tmp_path / "other.dcm", pixels, sop_class, lambda made: setattr(made, "NumberOfFrames", 8)
    )
    said = builder.refused(image, path, modality="CT", of=path)
    assert f"a DICOM file of another kind: {name}" in said and tool in said
    folder = tmp_path / "folder"
    folder.mkdir()
    path.rename(folder / "other.dcm")
    assert f"another kind: {name}" in builder.refused(image, folder, modality="CT", of=folder)
    (folder / "other.dcm").rename(image / "other.dcm")  # beside the images that it is of
    said = builder.refused(image, folder, modality="CT", of=tmp_path)
    assert f"segjudge: {image}: " in said and f"another kind: {name}" in said


def test_a_file_that_the_series_leaves_out_is_named(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    folder = series(tmp_path / "ct")
    last = sorted(folder.iterdir(), key=lambda p: pydicom.dcmread(p).InstanceNumber)[-1]
    last.write_bytes(last.read_bytes()[:140])
    assert last.name in builder.refused(folder, reference, modality="CT", of=folder)


def test_pixels_that_a_decoder_could_not_read_are_no_zeros(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    """GDCM prints a line to the terminal and returns a picture of nothing."""
    path = pydicom.data.get_testdata_file("JPEG-lossy.dcm", download=False)
    copy = tmp_path / "lossy.dcm"
    copy.write_bytes(Path(str(path)).read_bytes())
    said = builder.refused(copy, reference, of=copy)
    assert "the pixels can't be decoded: Unsupported JPEG data precision 12" in said
