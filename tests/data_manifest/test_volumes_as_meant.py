"""A volume's geometry and values are what its header says, or it is refused by its name.

The files are written by nibabel and SimpleITK; headers that no library writes are written by hand.
"""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from reading import Builder

SHAPE = (12, 10, 6)  # x, y, z
SPACING = (0.8, 0.9, 2.5)
GENERATOR = np.random.default_rng(8)
VALUES = GENERATOR.normal(100, 30, SHAPE).astype(np.float32)
LABELS = np.zeros(SHAPE, dtype=np.uint8)
LABELS[2:6, 2:7, 1:4] = 1
LABELS[7:11, 3:8, 2:5] = 2
AFFINE = np.diag([*SPACING, 1.0])

Edit = Callable[[nibabel.Nifti1Image], None]


def nifti(
    path: Path, values: np.ndarray, affine: np.ndarray = AFFINE, edit: Edit | None = None
) -> Path:
    image = nibabel.Nifti1Image(values, affine)
    if edit is not None:
        edit(image)
    nibabel.save(image, path)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return nifti(tmp_path / "image.nii.gz", VALUES)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return nifti(tmp_path / "reference.nii.gz", LABELS)


def patched(path: Path, offset: int, data: bytes) -> Path:
    """A NIfTI file (not compressed) with other bytes in its header."""
    found = bytearray(path.read_bytes())
    found[offset : offset + len(data)] = data
    path.write_bytes(bytes(found))
    return path


PIXDIM = 76 + 4


@pytest.mark.parametrize("shear", [0.6, -0.05, 0.01])
def test_slanted_axes_are_refused(builder: Builder, tmp_path: Path, shear: float) -> None:
    affine = AFFINE.copy()
    affine[0, 2] = shear
    one, two = (
        nifti(tmp_path / f"{name}.nii.gz", v, affine)
        for name, v in zip("ir", (VALUES, LABELS), strict=True)
    )
    said = builder.refused(one, two, of=tmp_path)
    assert said.count("slanted axes") == 2 and f"segjudge: {one}" in said
    for suffix in (".mha", ".nrrd"):
        made = sitk.GetImageFromArray(VALUES.T)
        made.SetDirection([1, 0, shear, 0, 1, 0, 0, 0, 1])
        sitk.WriteImage(made, str(tmp_path / f"image{suffix}"))
        said = builder.refused(tmp_path / f"image{suffix}", two, of=tmp_path)
        assert f"image{suffix}: slanted axes" in said


def test_rounding_in_a_rotated_header_is_no_slant(builder: Builder, tmp_path: Path) -> None:
    angle = 0.3
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = np.round(turn * SPACING, 4)  # as headers with four digits have it
    one, two = (
        nifti(tmp_path / f"{name}.nii.gz", v, affine)
        for name, v in zip("ir", (VALUES, LABELS), strict=True)
    )
    assert builder.built(one, two).spacing_mm == pytest.approx(SPACING[::-1], rel=1e-3)


@pytest.mark.parametrize("which", ["image", "reference", "both"])
def test_a_place_that_no_header_names_is_no_place(
    builder: Builder, tmp_path: Path, which: str
) -> None:
    def unplaced(made: nibabel.Nifti1Image) -> None:
        made.set_sform(None, 0)
        made.set_qform(None, 0)

    affine = AFFINE.copy()
    affine[:3, 3] = (-50.0, 20.0, 7.0)
    edits = [unplaced if which in (name, "both") else None for name in ("image", "reference")]
    one = nifti(tmp_path / "i.nii.gz", VALUES, affine, edits[0])
    two = nifti(tmp_path / "r.nii.gz", LABELS, affine, edits[1])
    assert builder.built(one, two).spacing_mm == pytest.approx(SPACING[::-1])


def test_an_sform_that_lies_elsewhere_than_the_qform_is_taken_and_said(
    builder: Builder, tmp_path: Path
) -> None:
    def moved(made: nibabel.Nifti1Image) -> None:
        other = AFFINE.copy()
        other[:3, 3] = 40.0
        made.set_qform(other, 1)

    one = nifti(tmp_path / "i.nii.gz", VALUES, edit=moved)
    two = nifti(tmp_path / "r.nii.gz", LABELS)
    said = builder.built(one, two).said
    assert f"{one}: sform and qform lie up to 69.3 mm apart; the sform was taken" in said


def test_two_spacings_in_one_header_are_refused(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    path = nifti(tmp_path / "i.nii", VALUES)
    patched(path, PIXDIM, np.array([1, 1, 3], "<f4").tobytes())
    said = builder.refused(path, reference, of=path)
    assert "spacing (2.5, 0.9, 0.8) mm (z, y, x) in the sform and (3, 1, 1) in pixdim" in said


@pytest.mark.parametrize("pixdim", [(0.8, 0.9, 0.0), (-0.8, 0.9, 2.5), (0.8, np.nan, 2.5)])
def test_a_spacing_that_is_none_is_refused(
    builder: Builder, tmp_path: Path, reference: Path, pixdim: tuple[float, ...]
) -> None:
    path = nifti(tmp_path / "i.nii", VALUES)
    patched(path, PIXDIM, np.array(pixdim, "<f4").tobytes())
    said = builder.refused(path, reference, of=path)
    assert "mm (z, y, x); expected positive numbers" in said and "\n" not in said


@pytest.mark.parametrize(("unit", "factor"), [("micron", 1000.0), ("meter", 0.001)])
def test_units_are_applied_and_said(
    builder: Builder, tmp_path: Path, reference: Path, unit: str, factor: float
) -> None:
    affine = np.diag([*(s * factor for s in SPACING), 1.0])
    path = nifti(
        tmp_path / "i.nii.gz", VALUES, affine, lambda made: made.header.set_xyzt_units(unit)
    )
    built = builder.built(path, reference)
    assert built.spacing_mm == pytest.approx(SPACING[::-1])
    assert f"{path}: spacing in {unit}" in built.said


@pytest.mark.parametrize("factor", [1e-4, 400.0])
def test_a_spacing_that_is_hardly_in_millimetres_is_said(
    builder: Builder, tmp_path: Path, factor: float
) -> None:
    affine = np.diag([*(s * factor for s in SPACING), 1.0])
    one, two = (
        nifti(tmp_path / f"{name}.nii.gz", v, affine)
        for name, v in zip("ir", (VALUES, LABELS), strict=True)
    )
    built = builder.built(one, two)
    assert f"{one}: spacing" in built.said and "is it in millimetres?" in built.said


def test_a_name_that_says_compressed_and_is_not_tells_how_to_rename(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    plain = nifti(tmp_path / "i.nii", VALUES)
    named = tmp_path / "plain.nii.gz"
    named.write_bytes(plain.read_bytes())
    assert "rename it to plain.nii" in builder.refused(named, reference, of=named)
    packed = tmp_path / "packed.nii"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert "rename it to packed.nii.gz" in builder.refused(packed, reference, of=packed)


@pytest.mark.parametrize("name", ["page.nii.gz", "page.nii"])
@pytest.mark.parametrize("text", [b"<html>404</html>", b"version https://git-lfs.github.com/spec"])
def test_what_was_downloaded_in_place_of_a_volume_is_shown(
    builder: Builder, tmp_path: Path, reference: Path, name: str, text: bytes
) -> None:
    (tmp_path / name).write_bytes(text)
    said = builder.refused(tmp_path / name, reference, of=tmp_path / name)
    assert f"it begins with {text!r}" in said and "rename" not in said


def test_labels_that_are_rounded_are_taken_and_said(
    builder: Builder, tmp_path: Path, image: Path
) -> None:
    stored = nifti(
        tmp_path / "scaled.nii.gz",
        (LABELS * 100).astype(np.int16),
        edit=lambda made: made.header.set_slope_inter(0.01, 0),
    )
    off = nifti(tmp_path / "off.nii.gz", LABELS.astype(np.float32) + np.float32(1e-7))
    even = nifti(
        tmp_path / "even.nii.gz",
        LABELS * 2,
        edit=lambda made: made.header.set_slope_inter(0.5, 0),
    )
    for path, word in ((stored, "scl_slope 0.01"), (off, "rounded"), (even, "")):
        built = builder.built(image, path)
        np.testing.assert_array_equal(built.labels, LABELS.T)
        assert (f"{path}: " in built.said and word in built.said) or not word


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: x * 0.5, ("fractions in 60 voxels, such as 0.5", "numpy.rint")),
        (lambda x: np.where(x == 1, np.nan, x), ("nan or infinite, in 60 voxels",)),
        (lambda x: np.where(x == 1, np.inf, x), ("nan or infinite, in 60 voxels",)),
        (lambda x: x - 1.0, ("labels from -1.0 to 1.0; expected 0",)),
        (lambda x: x * 0, ("no label above 0", "leave the pair out")),
    ],
)
def test_labels_that_are_none_are_refused_with_their_number(
    builder: Builder,
    tmp_path: Path,
    image: Path,
    make: Callable[[np.ndarray], np.ndarray],
    words: tuple[str, ...],
) -> None:
    path = nifti(tmp_path / "r.nii.gz", make(LABELS.astype(np.float32)).astype(np.float32))
    said = builder.refused(image, path, of=path)
    assert all(word in said for word in words)


def test_an_image_with_nan_is_refused_by_its_file(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    values = VALUES.copy()
    values[0, 0, :2] = np.nan
    path = nifti(tmp_path / "i.nii.gz", values)
    assert "2 voxels are nan or infinite" in builder.refused(path, reference, of=path)


def test_the_same_box_in_another_orientation_says_that_turning_loses_nothing(
    builder: Builder, tmp_path: Path, image: Path
) -> None:
    turned = nibabel.Nifti1Image(LABELS, AFFINE).as_reoriented(
        nibabel.orientations.axcodes2ornt("SLP")
    )
    nibabel.save(turned, tmp_path / "r.nii.gz")
    said = builder.refused(image, tmp_path / "r.nii.gz", of=tmp_path / "r.nii.gz")
    assert "the image's box with other axes" in said and "loses nothing" in said
    cure = re.search(r"DICOMOrient\(reference, '([A-Z]{3})'\)", said)
    assert cure
    turned_back = sitk.DICOMOrient(sitk.ReadImage(str(tmp_path / "r.nii.gz")), cure[1])
    sitk.WriteImage(turned_back, str(tmp_path / "back.nii.gz"))
    np.testing.assert_array_equal(builder.built(image, tmp_path / "back.nii.gz").labels, LABELS.T)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"xyzt_units": 5}, "an xyzt_units that the format does not know"),
        ({"quatern_b": 3, "qform_code": 1}, "a qform that is no rotation"),
        ({"srow_x": np.nan}, "a sform with nan"),
    ],
)
def test_a_header_of_nonsense_is_refused_in_one_line(
    builder: Builder, tmp_path: Path, reference: Path, fields: dict[str, float], words: str
) -> None:
    path = nifti(tmp_path / "i.nii", VALUES)
    header = nibabel.Nifti1Header(path.read_bytes()[:348], check=False)
    for field, value in fields.items():
        header[field] = value
    patched(path, 0, header.binaryblock)
    said = builder.refused(path, reference, of=path)
    assert words in said and "\n" not in said


def test_four_axes_are_refused(builder: Builder, tmp_path: Path, reference: Path) -> None:
    path = nifti(tmp_path / "i.nii.gz", np.stack([VALUES, VALUES], axis=-1))
    said = builder.refused(path, reference, of=path)
    assert "shape (12, 10, 6, 2)" in said and "one volume" in said


META = """ObjectType = Image
NDims = 3
DimSize = 12 10 6
ElementType = MET_FLOAT
{lines}
ElementDataFile = LOCAL
"""
NRRD = """NRRD0004
type: float
dimension: 3
sizes: 12 10 6
encoding: raw
endian: little
{lines}

"""


def by_hand(path: Path, header: str, lines: str) -> Path:
    text = header.format(lines=lines).replace("\n\nElementDataFile", "\nElementDataFile")
    path.write_bytes(
        text.replace("little\n\n\n", "little\n\n").encode() + VALUES.T.astype("<f4").tobytes()
    )
    return path


@pytest.mark.parametrize(
    ("suffix", "header", "lines", "words"),
    [
        (".mha", META, "ElementSpacing = 0 0 0", "expected positive numbers"),
        (".mha", META, "ElementSpacing = -0.8 0.9 2.5", "expected positive numbers"),
        (".mha", META, "ElementSpacing = 0.8 0.9 nan", "expected positive numbers"),
        (
            ".mha",
            META,
            "ElementSpacing = 0.8 0.9 2.5\nElementToIntensityFunctionSlope = 2",
            "ElementToIntensityFunctionSlope 2",
        ),
        (
            ".mha",
            META,
            "ElementSpacing = 0.8 0.9 2.5\nTransformMatrix = 2 0 0 0 2 0 0 0 2",
            "longer or shorter than 1",
        ),
        (".nrrd", NRRD, "spacings: 0.8 0.9 nan", "expected positive numbers"),
        (".nrrd", NRRD, "spacings: 0.8 -0.9 2.5", "expected positive numbers"),
        (
            ".nrrd",
            NRRD,
            "space: left-posterior-superior\nspace directions: (8,0,0) (0,9,0) (0,0,25)\n"
            'space units: "um" "um" "um"',
            "space units um; expected mm",
        ),
        (".nrrd", NRRD, "spacings: 0.8 0.9 2.5\nold max: 4095", "`old max`"),
    ],
)
def test_a_header_of_metaimage_or_nrrd_that_can_not_be_meant_is_refused(
    builder: Builder,
    tmp_path: Path,
    reference: Path,
    suffix: str,
    header: str,
    lines: str,
    words: str,
) -> None:
    path = by_hand(tmp_path / f"image{suffix}", header, lines)
    assert words in builder.refused(path, reference, of=path)


@pytest.mark.parametrize(
    ("suffix", "header", "lines"),
    [(".mha", META, ""), (".nrrd", NRRD, ""), (".mha", META, "Offset = 0 0 0")],
)
def test_a_spacing_that_no_header_names_is_none(
    builder: Builder, tmp_path: Path, suffix: str, header: str, lines: str
) -> None:
    """SimpleITK makes it 1 mm."""
    path = by_hand(tmp_path / f"image{suffix}", header, lines)
    mask = tmp_path / "mask.nrrd"
    text = NRRD.format(lines="").replace("float", "uchar").replace("little\n\n\n", "little\n\n")
    mask.write_bytes(text.encode() + LABELS.T.tobytes())
    assert "no spacing, and none in the reference" in builder.refused(path, mask, of=path)


@pytest.mark.parametrize(
    "lines",
    [
        "space: left-posterior-superior\nspace directions: (0.8,0,0) (0,0.9,0) (0,0,2.5)\n"
        "space origin: (5,6,7)",
        "space: right-anterior-superior\nspace directions: (-0.8,0,0) (0,-0.9,0) (0,0,2.5)\n"
        "space origin: (-5,-6,7)",
        "spacings: 0.8 0.9 2.5",
    ],
)
def test_the_spaces_of_nrrd_name_the_same_place(
    builder: Builder, tmp_path: Path, lines: str
) -> None:
    path = by_hand(tmp_path / "image.nrrd", NRRD, lines)
    affine = np.diag([-0.8, -0.9, 2.5, 1.0])
    affine[:3, 3] = (-5.0, -6.0, 7.0)
    built = builder.built(path, nifti(tmp_path / "r.nii.gz", LABELS, affine))
    assert built.spacing_mm == pytest.approx(SPACING[::-1])


@pytest.mark.parametrize(
    ("values", "modality", "words"),
    [
        (VALUES.astype(np.int16) * 0 + 7, "MR", "nothing is left to see"),
        (
            VALUES.astype(np.uint16) + 32768,
            "CT",
            "all voxels have one value; expected an image in HU",
        ),
    ],
)
def test_an_image_of_which_nothing_is_left_is_refused(
    builder: Builder, tmp_path: Path, reference: Path, values: np.ndarray, modality: str, words: str
) -> None:
    path = nifti(tmp_path / "i.nii.gz", values)
    said = builder.refused(path, reference, modality=modality, of=path)
    assert words in said and ("--window" in said) == (modality == "CT")


def test_a_ct_that_is_hardly_in_hu_is_said(
    builder: Builder, tmp_path: Path, reference: Path
) -> None:
    body = np.where(VALUES > 100, 40, -1000).astype(np.int16)
    right = nifti(tmp_path / "hu.nii.gz", (body + VALUES // 3).astype(np.int16))
    assert builder.built(right, reference, modality="CT").said == ""
    path = nifti(tmp_path / "shifted.nii.gz", (body + VALUES // 3 + 1024).astype(np.int16))
    said = builder.built(path, reference, modality="CT").said
    assert f"{path}: values from" in said and "was 1,024 added? see `--window`" in said


def test_names_in_any_alphabet_become_cases_of_their_own(
    tmp_path: Path, image: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluate.cli import main

    for folder in ("images", "references"):
        (tmp_path / folder).mkdir()
    for name in ("漢", "字", "Größe 1"):
        for folder, values in (("images", VALUES), ("references", LABELS)):
            nifti(tmp_path / folder / f"{name}.nii.gz", values)
    folders = ["--images", str(tmp_path / "images"), "--references", str(tmp_path / "references")]
    build = ["manifest", "build", *folders, "--modality", "MR", str(tmp_path / "data")]
    assert main(build) == 0
    names = sorted(path.stem for path in (tmp_path / "data" / "inputs").iterdir())
    assert names == ["3DBox_MR_Grou00dfe-1", "3DBox_MR_u5b57", "3DBox_MR_u6f22"]
    forms = ("caf\u00e9", "cafe\u0301")
    for folder, form, values in zip(("images", "references"), forms, (VALUES, LABELS), strict=True):
        nifti(tmp_path / folder / f"{form}.nii.gz", values)
    assert main(build) == 0  # one name, in two forms of Unicode
    for folder, values in (("images", VALUES), ("references", LABELS)):
        nifti(tmp_path / folder / "cafe.nii.gz", values)
    capsys.readouterr()
    assert main(build) == 2
    said = capsys.readouterr().err
    assert "'cafe.nii.gz' and 'café.nii.gz' both become 3DBox_MR_cafe" in said
    nifti(tmp_path / "images" / f"{forms[1]}.nii.gz", VALUES)
    assert main(build) == 2
    said = capsys.readouterr().err
    assert r"a name twice: 'cafe\u0301.nii.gz' and 'café.nii.gz'" in said


def test_a_spacing_that_one_of_both_lends_the_other_is_said(
    builder: Builder, tmp_path: Path
) -> None:
    """An .mhd without ElementSpacing beside one with it: SimpleITK makes up 1 mm."""
    values = np.arange(6 * 8 * 9, dtype=np.int16).reshape(6, 8, 9)
    labels = (values % 9 > 4).astype(np.int16)
    header = "NDims = 3\nDimSize = 9 8 6\n{}ElementType = MET_SHORT\nElementDataFile = {}.raw\n"
    spacing = "ElementSpacing = 0.7 0.8 3\n"
    for bare, lender in (("image", "mask"), ("mask", "image")):
        for name, array in (("image", values), ("mask", labels)):
            (tmp_path / f"{name}.raw").write_bytes(array.tobytes())
            text = header.format("" if name == bare else spacing, name)
            (tmp_path / f"{name}.mhd").write_text(text, "ascii")
        built = builder.built(tmp_path / "image.mhd", tmp_path / "mask.mhd")
        assert built.spacing_mm == (3.0, 0.8, 0.7)
        assert f"{tmp_path / bare}.mhd: no spacing: that of {lender}.mhd was taken" in built.said


def test_ct_of_8_bits_is_taken_as_it_is_and_said(builder: Builder, tmp_path: Path) -> None:
    values = np.arange(6 * 8 * 9, dtype=np.uint8).reshape(6, 8, 9)
    for name, array in (("image", values), ("mask", (values > 99).astype(np.uint8))):
        nibabel.Nifti1Image(array, np.eye(4)).to_filename(tmp_path / f"{name}.nii")
    built = builder.built(tmp_path / "image.nii", tmp_path / "mask.nii", modality="CT")
    assert "CT of 8 bits, which can't be in HU: taken as windowed already" in built.said
