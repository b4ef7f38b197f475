"""Masks as NIfTI, MetaImage and PNG, written by other libraries, score as the same npz does.

Through `segjudge score`, with a protocol that says so. What is wrong with a file is told in words,
and costs no more memory than the case has.
"""

import csv
import gzip
import json
import struct
import tracemalloc
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
from PIL import Image
from reading import grey_png

from data_manifest.layouts import FORMATS, BadPrediction, OutputFile, read_prediction
from data_manifest.layouts.regular_files import files_beside
from evaluate.cli import main

SHAPE, SPACING = (6, 9, 12), (2.5, 0.8, 0.7)
RNG = np.random.default_rng(7)
REFERENCE = (RNG.random(SHAPE) < 0.4) * RNG.integers(1, 4, SHAPE)
PREDICTION = np.roll(REFERENCE, 1, axis=2)


def protocol(folder: Path, kind: str, scoring: str = "") -> Path:
    path = folder / "protocol.toml"
    path.write_text(
        f"""
schema = 1
name = "formats"
version = "1"
title = "Formats"
description = ""
prompts = ["boxes"]
container = {{ command = ["true"], output_format = "{kind}" }}
limits = {{ timeout_s = 1.0, memory_mib = 64 }}
failures = {{}}
[scoring]
tolerance_mm = 2.0
{scoring}
[ranking]
metrics = [{{ name = "dsc" }}]
""",
        encoding="utf-8",
    )
    return path


def write(path: Path, labels, spacing=SPACING) -> None:
    """By the libraries that teams use."""
    kind = path.name.partition(".")[2]
    if kind in ("nii", "nii.gz"):
        affine = np.diag([*spacing[::-1], 1.0])
        nibabel.save(nibabel.Nifti1Image(labels.T.astype(np.int16), affine), path)
    elif kind in ("mha", "nrrd"):
        image = sitk.GetImageFromArray(labels.astype(np.int32))
        image.SetSpacing([float(length) for length in spacing[::-1]])
        sitk.WriteImage(image, str(path), useCompression=True)
    elif kind == "png":
        Image.fromarray(labels.astype(np.uint8)).save(path)
    elif kind in ("tif", "tiff"):
        tifffile.imwrite(path, labels.astype(np.uint16), compression="zlib")
    else:
        np.savez_compressed(path, segs=labels)


def scored(folder: Path, kind: str, *, two_d: bool = False, scoring: str = "") -> dict[str, str]:
    reference, prediction = (m[3] if two_d else m for m in (REFERENCE, PREDICTION))
    case = "2DBox_XRay_a" if two_d else "3DBox_CT_a"
    for name in ("gts", "segs"):
        (folder / name).mkdir(parents=True)
    spacing = {} if two_d else {"spacing": np.array(SPACING[::-1])}
    np.savez(folder / "gts" / f"{case}.npz", gts=reference, **spacing)
    if kind:
        write(folder / "segs" / f"{case}.{kind}", prediction)
    else:  # another case is answered
        np.savez(folder / "gts" / "3DBox_CT_b.npz", gts=reference, **spacing)
        write(folder / "segs" / "3DBox_CT_b.npz", prediction)
    arguments = ["--references", folder / "gts", "--predictions", folder / "segs"]
    arguments += ["--protocol", protocol(folder, kind or "npz", scoring), "--out", folder / "out"]
    assert main(["score", *map(str, arguments), "--jobs", "1"]) == 0
    with (folder / "out" / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        return next(csv.DictReader(stream))


@pytest.mark.parametrize("kind", ["nii.gz", "nii", "mha", "nrrd", "tif", "tiff"])
def test_a_volume_scores_as_the_same_npz(tmp_path: Path, kind: str) -> None:
    found = scored(tmp_path / "image", kind)
    assert found["outcome"] == "ok", found["reason"]
    assert found == scored(tmp_path / "npz", "npz")
    assert 0 < float(found["dsc"]) < 1


@pytest.mark.parametrize(("stored", "slope"), [(2, 0.5), (100, 0.01), (3, 1 / 3)])
def test_labels_that_a_header_scales_to_whole_numbers_are_those(
    tmp_path: Path, stored: int, slope: float
) -> None:
    """As nibabel and ITK read them."""
    image = nibabel.Nifti1Image(
        (PREDICTION.T * stored).astype(np.int16), np.diag([*SPACING[::-1], 1])
    )
    image.header.set_slope_inter(slope, 0)
    nibabel.save(image, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read(tmp_path / "a.nii.gz", "nii.gz"), PREDICTION)


def test_half_precision_is_read_without_a_warning(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", segs=PREDICTION.astype(np.float16))
    np.testing.assert_array_equal(read(tmp_path / "a.npz", "npz"), PREDICTION)
    np.savez(tmp_path / "b.npz", segs=np.full(SHAPE, 65504, np.float16))
    assert read(tmp_path / "b.npz", "npz").max() == 65504


def test_one_array_under_an_archives_name_is_named(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as stream:
        np.save(stream, PREDICTION)
    assert "one array in npy format under the name of an npz" in reason(tmp_path / "a.npz", "npz")


@pytest.mark.parametrize("kind", ["png", "mha", "nii.gz", "nrrd", "tif"])
def test_a_picture_scores_as_the_same_npz(tmp_path: Path, kind: str) -> None:
    found = scored(tmp_path / "image", kind, two_d=True)
    assert found["outcome"] == "ok", found["reason"]
    assert found == scored(tmp_path / "npz", "npz", two_d=True)


def read(path: Path, kind: str, *, shape=SHAPE, spacing=SPACING, **options: str):
    return read_prediction(
        path,
        output=OutputFile(
            path=f"{{case}}.{kind}", format=kind, key="segs" if kind == "npz" else "", **options
        ),
        shape=shape,
        spacing_mm=spacing,
        max_bytes=1 << 20,
    )


def reason(path: Path, kind: str, **options: object) -> str:
    found = read(path, kind, **options)
    assert isinstance(found, BadPrediction), "it was read"
    assert found.reason.isprintable()
    return found.reason


@pytest.mark.parametrize("kind", ["nii.gz", "mha", "nrrd"])
def test_another_grid_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    write(path, PREDICTION, spacing=(2.5, 0.8, 0.9))
    assert "spacing (2.5, 0.8, 0.9) mm; expected (2.5, 0.8, 0.7)" in reason(path, kind)
    write(path, PREDICTION.transpose(2, 1, 0))
    assert "shape (12, 9, 6); expected (6, 9, 12)" in reason(path, kind)
    write(path, PREDICTION - 1)
    assert "labels -1 to" in reason(path, kind)


def test_permuted_and_oblique_axes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    affine = np.zeros((4, 4))
    affine[0, 1], affine[1, 0], affine[2, 2], affine[3, 3] = 0.8, 0.7, 2.5, 1
    nibabel.save(nibabel.Nifti1Image(PREDICTION.T.astype(np.int16), affine), path)
    assert "permuted or oblique" in reason(path, "nii.gz")
    image = sitk.GetImageFromArray(PREDICTION.astype(np.uint8))
    image.SetSpacing(SPACING[::-1])
    image.SetDirection([0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1])
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    assert "permuted or oblique" in reason(tmp_path / "a.mha", "mha")


def nifti(shape, *, datatype=2, offset=352.0, slope=1.0) -> bytearray:
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<hh", header, 70, datatype, 8)
    struct.pack_into("<8f", header, 76, 1, *SPACING[::-1], 1, 1, 1, 1)
    struct.pack_into("<fff", header, 108, offset, slope, 0.0)
    header[344:348] = b"n+1\0"
    return header


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "NIfTI"),
        (b"\x1f\x8b\x08\x00 no gzip at all", "NIfTI"),
        (gzip.compress(b"x" * 400), "NIfTI"),
        (gzip.compress(nifti(SHAPE[::-1])), "ends before"),
        (gzip.compress(nifti(SHAPE[::-1], offset=3e38)), "ends before"),
        (gzip.compress(nifti(SHAPE[::-1], offset=float("nan"))), "NIfTI"),
        (gzip.compress(nifti((32767, 32767, 32767))), "shape"),
        (gzip.compress(nifti((-5, 9, 6))), "shape"),
        (gzip.compress(nifti(SHAPE[::-1], datatype=128)), "dtype"),
        (gzip.compress(nifti(SHAPE[::-1], datatype=999)), "NIfTI"),
        (gzip.compress(nifti(SHAPE[::-1], slope=0.3) + bytes([0] * 7 + [2] * 641)), "such as 0.6"),
        (gzip.compress(nifti(SHAPE[::-1], slope=3e38) + bytes([0] * 7 + [9] * 641)), "holds"),
        (gzip.compress(nifti(SHAPE[::-1]) + bytes(range(256)) * 3)[:150], "ended before"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # gzip writes the time into it
)
def test_a_hostile_nifti_gives_a_reason_and_takes_no_memory(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    read(path, "nii.gz")  # imports
    tracemalloc.start()
    try:
        assert words in reason(path, "nii.gz")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


HEADER = "NDims = 3\nDimSize = 12 9 6\nElementSpacing = 0.7 0.8 2.5\nElementType = MET_UCHAR\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "key = value"),
        (b"a" * 100_000, "key = value"),
        (f"{HEADER}ElementDataFile = /etc/passwd\n".encode(), "in the file itself"),
        (f"{HEADER}ElementDataFile = LIST\n../gts/a.raw\n".encode(), "in the file itself"),
        (f"{HEADER}ElementDataFile = LOCAL\n".encode() + bytes(100), "ends after 100 of 648"),
        (
            f"{HEADER}CompressedData = True\nElementDataFile = LOCAL\n".encode()
            + zlib.compress(bytes(100)),
            "ends after 100 of 648",
        ),
        (f"{HEADER}CompressedData = True\nElementDataFile = LOCAL\nno".encode(), "MetaImage"),
        (b"ElementType = MET_UCHAR_ARRAY\nDimSize = 12 9 6\nElementDataFile = LOCAL\n", "_ARRAY"),
        (b"DimSize = 99999999999 9 6\nElementDataFile = LOCAL\n", "shape"),
        (b"DimSize = a b c\nElementDataFile = LOCAL\n", "MetaImage"),
    ],
)
def test_a_hostile_metaimage_gives_a_reason_and_opens_no_other_file(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.mha"
    path.write_bytes(content)
    assert words in reason(path, "mha")


def test_a_metaimage_bomb_is_decompressed_no_further_than_the_case(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    bomb = zlib.compress(bytes(300 << 20), 9)
    path.write_bytes(f"{HEADER}CompressedData = True\nElementDataFile = LOCAL\n".encode() + bomb)
    tracemalloc.start()
    try:
        assert not isinstance(read(path, "mha"), BadPrediction)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_pictures_that_are_no_masks_give_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "PNG" in reason(path, "png", shape=(9, 12), spacing=None)
    Image.new("RGB", (12, 9)).save(path)
    assert "RGB" in reason(path, "png", shape=(9, 12), spacing=None)
    Image.new("L", (13, 9)).save(path)
    assert "shape (9, 13)" in reason(path, "png", shape=(9, 12), spacing=None)
    Image.new("L", (12, 9)).save(path, format="JPEG")
    assert "PNG" in reason(path, "png", shape=(9, 12), spacing=None)
    # the header of 60000 x 60000 pixels, and none of them
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", b"x"))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    assert "shape (60000, 60000)" in reason(path, "png", shape=(9, 12), spacing=None)


FURTHER = 'further = ["iou", "hd95", "lesion_f1", "volume_difference"]'


def test_a_protocol_names_further_metrics_and_tables_gain_their_columns(tmp_path: Path) -> None:
    plain = scored(tmp_path / "plain", "npz")
    found = scored(tmp_path / "further", "npz", scoring=FURTHER)
    assert set(found) - set(plain) == {"iou", "hd95", "lesion_f1", "volume_difference"}
    assert {name: found[name] for name in plain} == plain
    assert 0 < float(found["iou"]) < float(found["dsc"])
    modalities = (tmp_path / "further/out/modality_scores.csv").read_text(encoding="utf-8")
    assert ",hd95," in modalities
    assert ",assd," not in modalities
    ranked = ["--scores", str(tmp_path / "further/out/case_scores.csv"), "--metric", "hd95"]
    ranked += ["--protocol", str(tmp_path / "further/protocol.toml"), "--bootstrap", "20"]
    assert main(["rank", *ranked, "--out", str(tmp_path / "places")]) == 0
    document = json.loads((tmp_path / "places/ranking.json").read_text(encoding="utf-8"))
    assert document["methods"]["mean_then_rank"]["hd95"]["ALL"]["segs"]["rank"] == 1


def test_a_missing_mask_costs_what_an_empty_one_does(tmp_path: Path) -> None:
    found = scored(tmp_path, "", scoring=FURTHER)
    assert found["outcome"] == "no_output"
    assert (found["iou"], found["lesion_f1"], found["volume_difference"]) == ("0.0", "0.0", "100.0")
    diagonal = np.linalg.norm(np.array(SHAPE) * SPACING)
    assert float(found["hd95"]) == pytest.approx(diagonal)


def test_a_protocol_that_ranks_by_what_it_does_not_compute_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = protocol(tmp_path, "npz")
    text = path.read_text(encoding="utf-8").replace('name = "dsc" }', 'name = "hd95" }')
    path.write_text(text, encoding="utf-8")
    assert main(["protocol", "show", str(path)]) == 2
    assert "scoring.metrics" in capsys.readouterr().err


def test_a_picture_as_large_as_its_case_is_read(tmp_path: Path) -> None:
    """More pixels than Pillow's guard against strangers lets through."""
    picture = Image.new("1", (13_500, 13_500))
    picture.paste(1, (10, 20, 30, 40))
    picture.save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", "png", shape=(13_500, 13_500), spacing=None)
    assert int(found.sum()) == 400
    assert "shape (13500, 13500); expected" in reason(tmp_path / "a.png", "png", shape=SHAPE[1:])


@pytest.mark.parametrize("bits", [2, 4])
def test_a_picture_of_few_bits_is_the_stored_numbers(tmp_path: Path, bits: int) -> None:
    grey_png(tmp_path / "a.png", PREDICTION[3] % 4, bits)
    found = read(tmp_path / "a.png", "png", shape=SHAPE[1:], spacing=None)
    np.testing.assert_array_equal(found, PREDICTION[3] % 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.bool_])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_every_kind_of_tiff_that_tifffile_writes_is_read(
    tmp_path: Path, dtype: type, compression: str | None
) -> None:
    labels = (PREDICTION > 0 if dtype is np.bool_ else PREDICTION).astype(dtype)
    signed = np.dtype(dtype).kind == "i"  # no common reader takes those with white for 0
    for white in ("minisblack", *(() if signed else ("miniswhite",))):
        tifffile.imwrite(tmp_path / "a.tif", labels, compression=compression, photometric=white)
        np.testing.assert_array_equal(read(tmp_path / "a.tif", "tif"), labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64, np.float64])
@pytest.mark.parametrize("packed", [True, False])
def test_every_kind_of_nrrd_that_itk_writes_is_read_in_its_place(
    tmp_path: Path, dtype: type, packed: bool
) -> None:
    image = sitk.GetImageFromArray(PREDICTION.astype(dtype))
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin((1.0, 2.0, 3.0))
    for name in ("a.nrrd", "a.nii.gz"):
        sitk.WriteImage(image, str(tmp_path / name), useCompression=packed)
    np.testing.assert_array_equal(read(tmp_path / "a.nrrd", "nrrd"), PREDICTION)
    grids = []
    for form in ("nrrd", "nii.gz"):
        with (tmp_path / f"a.{form}").open("rb") as stream:
            grids.append(FORMATS[form].open_mask(stream, "", files_beside(tmp_path / "a")).grid())
    np.testing.assert_allclose(grids[0].affine, grids[1].affine, atol=1e-5)


NRRD = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 12 9 6\nencoding: raw\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "NRRD"),
        (b"NRRD0004\n" + b"a" * 100_000, "does not end"),
        (f"{NRRD}data file: /etc/passwd\n\n".encode(), "in the file itself"),
        (f"{NRRD}\n".encode() + bytes(100), "ends after 100 of 648"),
        (NRRD.replace("raw", "hex").encode() + b"\n", "encoding"),
        (NRRD.replace("uchar", "block").encode() + b"\n", "block"),
        (NRRD.replace("12 9", "99999999 9").encode() + b"\n", "shape"),
        (NRRD.replace("12 9 6", "12 9").encode() + b"\n", "sizes"),
        (NRRD.replace("raw", "gzip").encode() + b"\nno gzip", "NRRD"),
    ],
)
def test_a_hostile_nrrd_gives_a_reason_and_opens_no_other_file(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.nrrd"
    path.write_bytes(content)
    assert words in reason(path, "nrrd")


def test_tiffs_that_are_no_masks_give_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0\x08\0\0\0")
    assert "TIFF" in reason(path, "tif")
    Image.new("RGB", (12, 9)).save(path)
    assert "RGB" in reason(path, "tif", shape=(9, 12), spacing=None)
    tifffile.imwrite(path, PREDICTION.astype(np.float32) / 2)
    assert "fractional" in reason(path, "tif")
    with tifffile.TiffWriter(path) as writer:  # slices of two sizes
        for size in ((9, 12), *[(8, 12)] * 5):
            writer.write(np.zeros(size, np.uint8), contiguous=False)
    assert "not all of one size" in reason(path, "tif")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert isinstance(read(path, "tif"), BadPrediction)


@pytest.mark.parametrize("kind", ["npz", "nii.gz", "mha", "tif"])
def test_rounding_noise_is_a_label_and_a_half_is_not(tmp_path: Path, kind: str) -> None:
    noisy = PREDICTION + np.where(PREDICTION == 2, 1e-7, -1e-7)
    path = tmp_path / f"a.{kind}"
    for array in (noisy, noisy + 0.5):
        if kind == "npz":
            np.savez(path, segs=array)
        elif kind == "tif":
            tifffile.imwrite(path, array.astype(np.float32))
        else:
            image = sitk.GetImageFromArray(array)
            image.SetSpacing(SPACING[::-1])
            sitk.WriteImage(image, str(path))
        if array is noisy:
            np.testing.assert_array_equal(read(path, kind), PREDICTION)
        else:
            assert "fractional values such as 1.5" in reason(path, kind)


def test_a_nifti_that_says_two_places_is_told_where_its_grid_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    image = nibabel.Nifti1Image(PREDICTION.T.astype(np.int16), np.diag([*SPACING[::-1], 1.0]))
    image.set_qform(np.diag([*SPACING[::-1], 1.0]), code=1)
    nibabel.save(image, path)
    assert not isinstance(read(path, "nii.gz"), BadPrediction)
    image.set_qform(np.diag([-SPACING[2], -SPACING[1], SPACING[0], 1.0]), code=1)
    nibabel.save(image, path)
    assert "sform and qform say different axes" in reason(path, "nii.gz")
    assert not isinstance(read(path, "nii.gz", grid="reference"), BadPrediction)


def one_hot(path: Path, maps: np.ndarray, first: str = "labels"):
    affine = np.diag([*SPACING[::-1], 1.0])
    nibabel.save(nibabel.Nifti1Image(maps.T.astype(np.uint8), affine), path)
    return read(path, "nii.gz", one_hot=first)


def test_a_map_for_each_label_is_one_map_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    maps = np.stack([label == PREDICTION for label in (1, 2, 3)])
    np.testing.assert_array_equal(one_hot(path, maps), PREDICTION)
    whole = np.stack([label == PREDICTION for label in range(4)])
    np.testing.assert_array_equal(one_hot(path, whole, "background_first"), PREDICTION)
    np.testing.assert_array_equal(one_hot(path, maps[:1]), PREDICTION == 1)
    maps[1] |= maps[0]
    assert "of several labels" in one_hot(path, maps).reason
    assert "expected a map of 0 and 1" in one_hot(path, maps * 2).reason
    assert "maps of (6, 9, 12)" in one_hot(path, maps[:, :, :, :-1]).reason
    plain = np.stack([PREDICTION, PREDICTION])
    nibabel.save(nibabel.Nifti1Image(plain.T.astype(np.uint8), np.eye(4)), path)
    assert "shape (2, 6, 9, 12); expected (6, 9, 12)" in reason(path, "nii.gz")
