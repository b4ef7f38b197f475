"""A file holds what its header says to the last byte, or is refused: no library tells the rest.

The headers are written by hand, as no library writes them.
"""

import gzip
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from reading import Builder

from data_manifest.layouts.named_files import OutputFile
from data_manifest.layouts.outputs import BadPrediction, read_prediction
from evaluate.cli import main

SHAPE = (12, 10, 6)  # x, y, z
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[2:6, 2:7, 1:4], LABELS[7:11, 3:8, 2:5] = 1, 2
VALUES = np.random.default_rng(1).normal(100, 30, SHAPE).astype(np.float32)
AFFINE = np.diag([-0.8, -0.9, 2.5, 1.0])
DATA = LABELS.T.tobytes()
SPACED = "ElementSpacing = 0.8 0.9 2.5"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    nibabel.save(nibabel.Nifti1Image(VALUES, AFFINE), tmp_path / "image.nii.gz")
    return tmp_path / "image.nii.gz"


def meta(path: Path, lines: str, data: bytes = DATA, *, named: str = "LOCAL") -> Path:
    kind = "ObjectType = Image\nNDims = 3\nDimSize = 12 10 6\nElementType = MET_UCHAR\n"
    text = f"{kind}{lines}\nElementDataFile = {named}\n"
    path.write_bytes(text.encode() + (data if named == "LOCAL" else b""))
    return path


PACKED = zlib.compress(DATA)


@pytest.mark.parametrize(
    ("lines", "data", "named", "words"),
    [
        (f"{SPACED}\nCompressedData = True", PACKED, "LOCAL", "CompressedDataSize"),
        (f"{SPACED}\nCompressedData = True", DATA, "LOCAL", "not compressed"),
        (
            f"{SPACED}\nCompressedData = True\nCompressedDataSize = 9",
            PACKED[:-9],
            "LOCAL",
            "compressed data end after",
        ),
        (f"{SPACED}\nHeaderSize = 10", DATA, "LOCAL", "HeaderSize 10"),
        (f"{SPACED}\nBinaryData = False", DATA, "LOCAL", "values written as text"),
        (SPACED, DATA[:-7], "LOCAL", "end after 713 of 720 bytes"),
        (SPACED, b"", "LIST\nraw.raw", "data in several files"),
        (SPACED, b"", "s%02d.raw 1 6 1", "data in several files"),
        (SPACED, b"", "absent.raw", "its data, absent.raw: no such file"),
        (SPACED, b"", "/dev/zero", "no such file"),
        (SPACED.lower(), DATA, "LOCAL", "expected `ElementSpacing`"),
        ("ElementSpacing = 0.8 0.9", DATA, "LOCAL", "ElementSpacing 0.8 0.9"),
    ],
)
def test_a_metaimage_that_itk_would_fill_with_whatever_is_in_memory_is_refused(
    builder: Builder, image: Path, tmp_path: Path, lines: str, data: bytes, named: str, words: str
) -> None:
    path = meta(tmp_path / "mask.mha", lines, data, named=named)
    assert words in builder.refused(image, path, of=path)


@pytest.mark.parametrize(
    ("lines", "data", "said"),
    [
        (f"{SPACED}\nCompressedData = True\nCompressedDataSize = {len(PACKED)}", PACKED, ""),
        (f"{SPACED}\nHeaderSize = -1", b"0123456789" + DATA, ""),
        (f"\n{SPACED}", DATA, ""),
        (SPACED, DATA + b"more", "4 bytes behind its data were left out"),
    ],
)
def test_a_metaimage_whose_data_are_where_it_says_is_read(
    builder: Builder, image: Path, tmp_path: Path, lines: str, data: bytes, said: str
) -> None:
    built = builder.built(image, meta(tmp_path / "mask.mha", lines, data))
    np.testing.assert_array_equal(built.labels, LABELS.T)
    assert said in built.said and bool(said) == bool(built.said)


def _gzip_of(path: Path, labels: np.ndarray) -> bytes:
    nibabel.save(nibabel.Nifti1Image(labels, AFFINE), path.with_suffix(".nii"))
    return gzip.compress(path.with_suffix(".nii").read_bytes())


DAMAGES = {
    "cut off in its last bytes": lambda whole: whole[:-5],
    "another checksum": lambda whole: whole[:-8] + bytes([whole[-8] ^ 255]) + whole[-7:],
    "another length": lambda whole: whole[:-1] + b"\x07",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_gzip_file_is_read_to_its_checksum(
    builder: Builder, image: Path, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(DAMAGES[damage](_gzip_of(tmp_path / "plain", LABELS)))
    assert "can't be read as gzip" in builder.refused(image, path, of=path)
    output = OutputFile(path="{case}.nii.gz", format="nii.gz", grid="reference")
    read = read_prediction(
        path, output=output, shape=SHAPE[::-1], spacing_mm=None, max_bytes=1 << 20
    )
    assert isinstance(read, BadPrediction) and "can't" not in read.reason


def test_several_members_and_padding_are_a_whole_gzip_file(
    builder: Builder, image: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mask.nii.gz"
    plain = gzip.decompress(_gzip_of(tmp_path / "plain", LABELS))
    path.write_bytes(gzip.compress(plain[:500]) + gzip.compress(plain[500:]) + b"\0" * 512)
    built = builder.built(image, path)
    np.testing.assert_array_equal(built.labels, LABELS.T)
    assert not built.said
    path.write_bytes(gzip.compress(plain + b"more"))
    assert f"{path}: 4 bytes behind its data were left out" in builder.built(image, path).said


def _read_picture(path: Path) -> np.ndarray | BadPrediction:
    output = OutputFile(path=f"{{case}}{path.suffix}", format=path.suffix[1:])
    return read_prediction(path, output=output, shape=(10, 12), spacing_mm=None, max_bytes=1 << 20)


MASK = LABELS[:, :, 2].T


def test_a_mask_in_a_picture_that_was_cut_off_or_turned_or_has_losses_is_refused(
    builder: Builder, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.arange(360, dtype=np.uint8).reshape(10, 12, 3)).save(photo)
    path = tmp_path / "mask.png"
    Image.fromarray(MASK).save(path)
    whole = path.read_bytes()
    exif = Image.Exif()
    exif[274] = 6
    for name, make, word in (
        ("mask.png", lambda: path.write_bytes(whole[:-20]), "cut off"),
        (
            "mask.png",
            lambda: path.write_bytes(whole[:-18] + b"\0\0" + whole[-16:]),
            "a checksum is another",
        ),
        (
            "mask.png",
            lambda: Image.fromarray(MASK).save(
                path, save_all=True, append_images=[Image.fromarray(MASK.T.copy()).resize((12, 10))]
            ),
            "several pictures",
        ),
        ("mask.png", lambda: Image.fromarray(MASK).save(path, exif=exif), "Orientation 6"),
        (
            "mask.tif",
            lambda: tifffile.imwrite(
                path.with_suffix(".tif"),
                MASK,
                photometric="minisblack",
                extratags=[(274, 3, 1, 6, True)],
            ),
            "Orientation 6",
        ),
        (
            "mask.tif",
            lambda: Image.fromarray(MASK * 100).save(path.with_suffix(".tif"), compression="jpeg"),
            "JPEG",
        ),
    ):
        make()
        file = tmp_path / name
        assert word in builder.refused(photo, file, modality="Dermoscopy", of=file)
        scored = _read_picture(file)
        assert isinstance(scored, BadPrediction) and word in scored.reason


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("white", [0, 1])
def test_a_tiff_of_few_bits_is_the_stored_numbers(tmp_path: Path, bits: int, white: int) -> None:
    each = 8 // bits
    packed = sum(MASK[:, place::each] << (8 - bits * (place + 1)) for place in range(each))
    data = packed.astype(np.uint8).tobytes()
    tags = {
        256: 12,
        257: 10,
        258: bits,
        259: 1,
        262: white,
        273: 8,
        277: 1,
        278: 10,
        279: len(data),
    }
    entries = b"".join(
        number.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little")
        for number, value in tags.items()
    )
    head = b"II*\0" + (8 + len(data)).to_bytes(4, "little")
    path = tmp_path / "mask.tif"
    path.write_bytes(head + data + len(tags).to_bytes(2, "little") + entries + bytes(4))
    np.testing.assert_array_equal(_read_picture(path), MASK)


def test_a_file_is_not_its_own_reference(builder: Builder, tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(_gzip_of(tmp_path / "plain", LABELS))
    assert "it is its own image" in builder.refused(path, path, of=path)


def test_files_of_other_formats_in_a_folder_are_said_to_be_left_out(
    tmp_path: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {"images": VALUES, "references": LABELS}
    for name, values in folders.items():
        (tmp_path / name).mkdir()
        nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / name / "a.nii.gz")
        (tmp_path / name / "b.mgz").touch()
    arguments = [f"--{name}={tmp_path / name}" for name in folders]
    assert main(["manifest", "build", *arguments, "--modality=MR", str(tmp_path / "data")]) == 0
    said = capsys.readouterr().err
    assert said.count("1 files of other formats are left out: 'b.mgz'") == 1


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("Comment = none", ""),
        (SPACED, ""),
        ("ElementSize = 0.8 0.9 2.5", ""),
        ("ElementSize = 1 1 1", "spacing (1, 1, 1) mm"),
        (f"{SPACED}\nOrientation = -1 0 0 0 1 0 0 0 1\nPosition = 0 0 0", "mirrored"),
        (f"{SPACED}\nRotation = -1 0 0 0 -1 0 0 0 1", ""),
    ],
)
def test_a_mask_of_metaimage_is_compared_by_the_keys_that_it_has(
    tmp_path: Path, lines: str, words: str
) -> None:
    path = meta(tmp_path / "mask.mha", lines)
    read = read_prediction(
        path,
        output=OutputFile(path="{case}.mha", format="mha"),
        shape=SHAPE[::-1],
        spacing_mm=(2.5, 0.9, 0.8),
        directions=np.eye(3).tolist(),
        max_bytes=1 << 20,
    )
    if words:
        assert isinstance(read, BadPrediction) and words in read.reason
    else:
        np.testing.assert_array_equal(read, LABELS.T)
