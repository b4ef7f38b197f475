"""A marked voxel is at the same z, y, x whatever the format, and its place in the patient is known.

The files are written by nibabel, SimpleITK, pydicom and Pillow.
"""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from data_manifest.errors import CaseFileError
from data_manifest.making.volume_images import read_pair, read_volume, stem_of

SHAPE = (4, 5, 6)  # z, y, x
MARK = (1, 2, 4)
SPACING_XYZ = (0.5, 0.75, 2.5)
OBLIQUE = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


def marked(dtype: type = np.int16) -> np.ndarray:
    """A volume with one voxel that differs."""
    volume = np.arange(np.prod(SHAPE), dtype=dtype).reshape(SHAPE)
    volume[MARK] = 1000
    return volume


def itk_image(volume: np.ndarray, direction: np.ndarray = OBLIQUE) -> sitk.Image:
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(SPACING_XYZ)
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(direction.ravel().tolist())
    return image


def write_series(
    folder: Path, volume: np.ndarray, *, uid: str | None = None, skip: int = -1
) -> None:
    """A CT series, one file a slice, in an order of names that is not the order in space."""
    folder.mkdir(exist_ok=True)
    series = uid or generate_uid()
    for z, plane in enumerate(volume):
        if z == skip:
            continue
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        name = folder / f"{(z * 7) % len(volume)}-{series[-5:]}.dcm"
        slice_ = FileDataset(str(name), {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.SOPClassUID = CTImageStorage
        slice_.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        slice_.SeriesInstanceUID, slice_.StudyInstanceUID = series, "1.2.3"
        slice_.Modality, slice_.InstanceNumber = "CT", z + 1
        slice_.ImagePositionPatient = [10.0, -20.0, 30.0 + 2.5 * z]
        slice_.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing = [0.75, 0.5]  # rows first: y, x
        slice_.SliceThickness = 2.5
        slice_.Rows, slice_.Columns = plane.shape
        slice_.BitsAllocated = slice_.BitsStored = 16
        slice_.HighBit, slice_.PixelRepresentation, slice_.SamplesPerPixel = 15, 1, 1
        slice_.PhotometricInterpretation = "MONOCHROME2"
        slice_.RescaleSlope, slice_.RescaleIntercept = 2, -1024
        slice_.PixelData = plane.astype("<i2").tobytes()
        slice_.save_as(name, enforce_file_format=True)


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd", ".nhdr", ".nii", ".nii.gz"])
def test_an_image_of_simpleitk_keeps_its_axes_and_its_place(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    image = itk_image(marked())
    sitk.WriteImage(image, str(path))
    found = read_volume(path)
    np.testing.assert_array_equal(found.array, marked())
    assert found.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    assert found.affine is not None
    for index in ((0, 0, 0), (5, 4, 3), MARK[::-1]):
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        place = (found.affine @ [*index, 1.0])[:3]
        np.testing.assert_allclose(place, (-x, -y, z), atol=1e-4)  # LPS to RAS


def test_an_image_of_nibabel_reads_as_simpleitk_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "image.nii.gz"
    affine = np.diag([-0.5, 0.75, 2.5, 1.0])
    affine[:3, 3] = (1.0, 2.0, 3.0)
    nibabel.save(nibabel.Nifti1Image(marked().T, affine), path)
    found = read_volume(path)
    np.testing.assert_array_equal(found.array, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    assert found.array[MARK] == 1000
    assert found.spacing_mm == (2.5, 0.75, 0.5)
    np.testing.assert_allclose(found.affine, affine)


def test_slope_intercept_units_and_single_frames_of_nifti_are_minded(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(marked().T[..., None], np.diag([0.0005, 0.00075, 0.0025, 1.0]))
    image.header.set_xyzt_units("meter")
    image.header.set_slope_inter(2.0, -1024.0)
    nibabel.save(image, tmp_path / "image.nii")
    found = read_volume(tmp_path / "image.nii")
    assert found.array.shape == SHAPE
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "image.nii")))
    np.testing.assert_allclose(found.array, by_itk.reshape(SHAPE))
    assert found.array[MARK] == 1000 * 2 - 1024
    assert found.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    np.testing.assert_allclose(found.affine, np.diag([0.5, 0.75, 2.5, 1.0]), rtol=1e-6)


def test_nifti_2_is_read(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti2Image(marked().T, np.eye(4)), tmp_path / "image.nii")
    assert read_volume(tmp_path / "image.nii").array[MARK] == 1000


def test_a_dicom_series_is_sorted_by_its_place_and_not_by_its_names(tmp_path: Path) -> None:
    write_series(tmp_path / "series", marked())
    found = read_volume(tmp_path / "series")
    np.testing.assert_array_equal(found.array, marked().astype(int) * 2 - 1024)  # in HU
    assert found.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    np.testing.assert_allclose(found.affine @ [0, 0, 1, 1], [-10.0, 20.0, 32.5, 1.0])


def test_a_dicom_series_of_simpleitk_is_read(tmp_path: Path) -> None:
    volume = marked()
    for z in range(SHAPE[0]):
        plane = sitk.GetImageFromArray(volume[z][None])
        plane.SetSpacing(SPACING_XYZ)
        plane.SetOrigin((0.0, 0.0, 2.5 * (SHAPE[0] - z)))  # the last slice lies lowest
        for key, value in (("0020|000e", "1.2.3.4"), ("0008|0060", "CT"), ("0020|0013", str(z))):
            plane.SetMetaData(key, value)
        plane.SetMetaData("0020|0032", f"0\\0\\{2.5 * (SHAPE[0] - z)}")
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(tmp_path / f"{z}.dcm"))
        writer.Execute(plane)
    np.testing.assert_array_equal(read_volume(tmp_path).array, volume[::-1])


def test_one_dicom_file_is_a_picture_in_file_and_in_folder(tmp_path: Path) -> None:
    write_series(tmp_path / "series", marked()[:1])
    (file,) = (tmp_path / "series").iterdir()
    for path in (file, tmp_path / "series"):
        found = read_volume(path)
        np.testing.assert_array_equal(found.array, marked()[0].astype(int) * 2 - 1024)
        assert found.spacing_mm == pytest.approx((0.75, 0.5))


def test_the_ct_that_pydicom_ships_reads_as_pydicom_reads_it() -> None:
    path = Path(str(pydicom.data.get_testdata_file("CT_small.dcm")))
    dataset = pydicom.dcmread(path)
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    found = read_volume(path)
    np.testing.assert_array_equal(found.array, expected)
    assert found.spacing_mm == pytest.approx(tuple(map(float, dataset.PixelSpacing)))


def problem_of(path: Path, *, labels: bool = False) -> str:
    with pytest.raises(CaseFileError) as caught:
        read_volume(path, labels=labels)
    (problem,) = caught.value.problems
    assert problem.where == str(path)
    assert "\n" not in problem.found
    return problem.found


def test_two_series_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, marked(), uid="1.2.3.11111")
    write_series(tmp_path, marked(), uid="1.2.3.22222")
    assert problem_of(tmp_path).startswith("2 DICOM series (1.2.3.11111")


def test_a_missing_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, marked(), skip=1)
    assert problem_of(tmp_path) == "slices 2.5 to 5 mm apart"


def test_slices_at_one_place_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, marked(), uid="1.2.3.4")
    (tmp_path / "more").mkdir()
    write_series(tmp_path / "more", marked(), uid="1.2.3.4")
    for file in (tmp_path / "more").iterdir():
        file.rename(tmp_path / f"more-{file.name}")
    (tmp_path / "more").rmdir()
    assert problem_of(tmp_path).endswith("lie at one place; 4 such pairs")


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert problem_of(tmp_path) == "no DICOM series"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd", ".dcm", ".png", ".jpg"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b" + bytes(99)])
def test_a_damaged_file_of_any_format_gives_one_line(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    (tmp_path / f"image{suffix}").write_bytes(content)
    assert "can't be read" in problem_of(tmp_path / f"image{suffix}")


def test_a_truncated_image_is_refused(tmp_path: Path) -> None:
    for suffix in (".nii", ".nii.gz", ".mha", ".png"):
        path = tmp_path / f"image{suffix}"
        noise = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
        if suffix == ".png":
            Image.fromarray(noise).save(path)
        else:
            sitk.WriteImage(sitk.GetImageFromArray(noise[None]), str(path))
        path.write_bytes(path.read_bytes()[:-600])
        assert "can't be read" in problem_of(path)


def test_unknown_formats_and_absent_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "image.xyz").write_bytes(b"?")
    assert problem_of(tmp_path / "image.xyz") == "an unknown format"
    assert problem_of(tmp_path / "image.png") == "no such file or folder"


def test_volumes_of_several_values_a_voxel_are_refused(tmp_path: Path) -> None:
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((3, 3, 3, 2), np.int16), np.eye(4)), tmp_path / "a.nii"
    )
    assert problem_of(tmp_path / "a.nii") == "NIfTI of shape (3, 3, 3, 2), dtype int16"
    vector = sitk.GetImageFromArray(np.zeros((3, 3, 3, 2), np.float32), isVector=True)
    sitk.WriteImage(vector, str(tmp_path / "a.mha"))
    assert "2 values a voxel" in problem_of(tmp_path / "a.mha")


def test_pictures_keep_rows_before_columns_in_every_mode(tmp_path: Path) -> None:
    grey = np.zeros((4, 6), dtype=np.uint8)
    grey[1, 4] = 200
    colours = np.stack([grey, grey // 2, grey // 4], axis=2)
    deep = grey.astype(np.uint16) * 300
    palette = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE)
    opaque = np.concatenate([colours, np.full((4, 6, 1), 255, np.uint8)], axis=2)
    cases = {
        "grey": (Image.fromarray(grey), grey),
        "deep": (Image.fromarray(deep), deep),
        "colours": (Image.fromarray(colours), colours),
        "opaque": (Image.fromarray(opaque), colours),
        "palette": (palette, np.array(palette.convert("RGB"))),
    }
    for name, (picture, expected) in cases.items():
        picture.save(tmp_path / f"{name}.png")
        found = read_volume(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(found.array, expected)
        assert (found.spacing_mm, found.affine) == (None, None)


def test_label_pictures_give_numbers_and_not_colours(tmp_path: Path) -> None:
    labels = np.array([[0, 1], [2, 2]], dtype=np.uint8)
    palette = Image.fromarray(labels)
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    palette.save(tmp_path / "palette.png")
    Image.fromarray(np.repeat(labels[:, :, None], 3, axis=2)).save(tmp_path / "grey.png")
    Image.fromarray(labels.astype(np.uint16) * 400).save(tmp_path / "deep.png")
    for name, factor in (("palette", 1), ("grey", 1), ("deep", 400)):
        found = read_volume(tmp_path / f"{name}.png", labels=True)
        assert found.array.tolist() == (labels.astype(int) * factor).tolist()


def test_labels_in_colours_or_with_loss_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((3, 3, 3), dtype=np.uint8)
    colours[1, 1] = (255, 0, 0)
    Image.fromarray(colours).save(tmp_path / "a.png")
    assert problem_of(tmp_path / "a.png", labels=True) == "labels as colours"
    Image.fromarray(colours[:, :, 0]).save(tmp_path / "a.jpg")
    assert problem_of(tmp_path / "a.jpg", labels=True) == "labels in a JPEG"


def test_labels_stored_as_floats_are_numbers_as_long_as_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    for values, found in (([0.0, 3.0], None), ([0.0, 0.5], "fractions"), ([0.0, np.nan], "nan")):
        volume = np.array(values, dtype=np.float32).reshape(1, 1, 2)
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), path)
        if found is None:
            array = read_volume(path, labels=True).array
            assert (array.dtype, array.ravel().tolist()) == (np.uint16, [0, 3])
        else:
            assert found in problem_of(path, labels=True)


def test_negative_labels_are_refused(tmp_path: Path) -> None:
    nibabel.save(
        nibabel.Nifti1Image(np.full((2, 2, 2), -1, np.int16), np.eye(4)), tmp_path / "a.nii"
    )
    assert problem_of(tmp_path / "a.nii", labels=True) == "labels from -1 to -1"


def pair_problem(tmp_path: Path, reference: sitk.Image) -> str:
    sitk.WriteImage(itk_image(marked()), str(tmp_path / "image.mha"))
    sitk.WriteImage(reference, str(tmp_path / "reference.nii.gz"))
    with pytest.raises(CaseFileError) as caught:
        read_pair(tmp_path / "image.mha", tmp_path / "reference.nii.gz")
    (problem,) = caught.value.problems
    assert problem.where == str(tmp_path / "reference.nii.gz")
    return f"{problem.found}; expected {problem.expected}"


def test_a_pair_in_two_formats_fits_if_it_lies_at_one_place(tmp_path: Path) -> None:
    sitk.WriteImage(itk_image(marked()), str(tmp_path / "image.mha"))
    sitk.WriteImage(itk_image(marked(np.uint16)), str(tmp_path / "ref.nii.gz"))
    image, reference = read_pair(tmp_path / "image.mha", tmp_path / "ref.nii.gz")
    np.testing.assert_array_equal(image.array, reference.array)


def test_a_pair_that_does_not_fit_is_refused_with_the_difference(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    text = pair_problem(tmp_path, itk_image(labels[:, :, :5]))
    assert text.startswith("shape (4, 5, 5); expected the image's (4, 5, 6)")

    coarse = itk_image(labels)
    coarse.SetSpacing((0.5, 0.75, 3.0))
    assert pair_problem(tmp_path, coarse).startswith("spacing (3, 0.75, 0.5) mm; expected (2.5,")

    moved = itk_image(labels)
    moved.SetOrigin((10.0, -20.0, 31.0))
    assert pair_problem(tmp_path, moved).startswith("it lies up to 1 mm away")

    turned = itk_image(labels, direction=np.diag([1.0, 1.0, -1.0]) @ OBLIQUE)
    text = pair_problem(tmp_path, turned)
    assert "axes LPI" in text
    assert "axes LPS" in text


def test_rounding_in_a_header_is_no_difference(tmp_path: Path) -> None:
    near = itk_image(np.zeros(SHAPE, dtype=np.uint8))
    near.SetSpacing((0.50001, 0.75, 2.5))
    near.SetOrigin((10.001, -20.0, 30.0))
    sitk.WriteImage(itk_image(marked()), str(tmp_path / "image.mha"))
    sitk.WriteImage(near, str(tmp_path / "ref.mha"))
    assert read_pair(tmp_path / "image.mha", tmp_path / "ref.mha")[1].array.shape == SHAPE


def test_a_dicom_picture_goes_with_a_flat_reference_and_a_slice_with_a_picture(
    tmp_path: Path,
) -> None:
    write_series(tmp_path / "series", marked()[:1])
    flat = np.zeros(SHAPE[1:], dtype=np.uint8)
    Image.fromarray(flat).save(tmp_path / "flat.png")
    sitk.WriteImage(sitk.GetImageFromArray(flat[None]), str(tmp_path / "one.nrrd"))
    assert read_pair(tmp_path / "series", tmp_path / "flat.png")[0].array.shape == SHAPE[1:]
    image, reference = read_pair(tmp_path / "flat.png", tmp_path / "one.nrrd")
    assert image.array.shape == reference.array.shape == SHAPE[1:]


def test_both_files_of_a_pair_are_looked_at_before_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseFileError) as caught:
        read_pair(tmp_path / "a.nii", tmp_path / "b.nii")
    assert [Path(problem.where).name for problem in caught.value.problems] == ["a.nii", "b.nii"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.nii.gz", "a"),
        ("a.b.NII.GZ", "a.b"),
        ("a.mha", "a"),
        ("series", "series"),
        ("a.gz", "a.gz"),
    ],
)
def test_the_stem_is_the_name_without_the_format(name: str, stem: str) -> None:
    assert stem_of(Path(name)) == stem


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_header_gives_one_line_or_an_image_and_nothing_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int
) -> None:
    """Whatever bytes of a header are changed: no other exception, and no line of a library."""
    generator = np.random.default_rng(seed)
    nibabel.save(nibabel.Nifti1Image(marked().T, np.eye(4)), tmp_path / "a.nii")
    for suffix in (".mha", ".nrrd"):
        sitk.WriteImage(itk_image(marked(), np.eye(3)), str(tmp_path / f"a{suffix}"))
    for suffix in (".png", ".tif", ".bmp"):
        Image.fromarray(marked()[1].astype(np.uint8)).save(tmp_path / f"a{suffix}")
    write_series(tmp_path / "series", marked()[:1])
    next((tmp_path / "series").iterdir()).rename(tmp_path / "a.dcm")
    for path in [path for path in sorted(tmp_path.iterdir()) if path.is_file()]:
        whole = path.read_bytes()
        for _ in range(40):
            data = bytearray(whole)
            for place in generator.integers(0, min(len(data), 600), 3):
                data[place] = generator.integers(256)
            path.write_bytes(data)
            try:
                read_volume(path, labels=bool(generator.integers(2)))
            except CaseFileError as error:
                assert "\n" not in str(error) and str(path) in str(error)
    assert capfd.readouterr() == ("", "")
