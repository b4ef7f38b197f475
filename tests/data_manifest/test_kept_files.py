"""A case of several images is handed to a container as the files that they came in."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from data_manifest.layouts import InputFile, Inputs, Layout, OutputFile, read_case
from data_manifest.manifest import (
    Case,
    FileEntry,
    Label,
    Manifest,
    load_manifest,
    save_manifest,
    sha256_of,
)
from data_manifest.verify import verify_manifest

SHAPE, SPACING = (4, 6, 8), (3.0, 1.5, 1.0)
ANSWER = OutputFile(path="{case}.nii.gz", format="nii.gz")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A case of two images, each in a file of its own, with labels 111 and 353."""
    affine = np.diag([*SPACING[::-1], 1.0])
    for folder in ("inputs", "references"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    root = tmp_path / "data"
    labels = np.zeros(SHAPE, np.int16)
    labels[1:3, 1:4, 1:4], labels[1:3, 1:4, 5:7] = 111, 353
    paths = ["inputs/a_0000.nii.gz", "inputs/a_0001.nii.gz", "references/a.nii.gz"]
    for number, path in enumerate(paths):
        array = labels if number == 2 else np.full(SHAPE, 100.0 * (number + 1)) + labels
        nibabel.save(nibabel.Nifti1Image(array.T.astype(np.int16), affine), root / path)
    first, second, reference = (FileEntry(path=p, sha256=sha256_of(root / p)) for p in paths)
    case = Case(
        id="a",
        modality="MR",
        dimension="3D",
        shape=SHAPE,
        spacing_mm=SPACING,
        labels=(Label(label=111, name="left"), Label(label=353, name="right")),
        prompts=(),
        image=first,
        further_images=(second,),
        channels=("T1", "FLAIR"),
        reference=reference,
        group="patient 1",
        fold="0",
        source="made",
        licence="CC0-1.0",
        origin="simulated",
    )
    save_manifest(Manifest(schema=1, name="two", cases=(case,)), root / "manifest.json")
    return root


def placed(data: Path, folder: Path, *files: InputFile) -> Layout:
    folder.mkdir()
    layout = Layout(inputs=Inputs(files=files), output=ANSWER)
    (case,) = load_manifest(data / "manifest.json").cases
    assert layout.refusal(case) == ""
    layout.place(case, data, folder)
    return layout


def test_each_channel_is_the_stored_file_byte_for_byte_by_number_or_name(
    data: Path, tmp_path: Path
) -> None:
    placed(
        data,
        tmp_path / "inputs",
        InputFile(role="image", path="{case}/{case}-t1.nii.gz", format="nii.gz"),
        InputFile(
            role="image", path="{case}/{case}-flair.nii.gz", format="nii.gz", channel="flair"
        ),
    )
    for name, stored in (("t1", "a_0000"), ("flair", "a_0001")):
        given = (tmp_path / "inputs" / "a" / f"a-{name}.nii.gz").read_bytes()
        assert given == (data / "inputs" / f"{stored}.nii.gz").read_bytes()


def test_another_format_of_volumes_has_the_same_values_and_place(
    data: Path, tmp_path: Path
) -> None:
    placed(data, tmp_path / "inputs", InputFile(role="image", path="{case}.mha", format="mha"))
    made, stored = tmp_path / "inputs" / "a.mha", data / "inputs" / "a_0000.nii.gz"
    images = [sitk.ReadImage(str(path)) for path in (made, stored)]
    assert images[0] == images[1] or np.array_equal(*map(sitk.GetArrayFromImage, images))
    assert images[0].GetSpacing() == images[1].GetSpacing()
    assert images[0].GetOrigin() == images[1].GetOrigin()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (InputFile(role="image", path="{case}.nii", format="nii", channel=2), "no channel 2"),
        (InputFile(role="image", path="{case}.nii", format="nii", channel="T2"), "T1, FLAIR"),
        (InputFile(role="image", path="{case}.npz", format="npz"), "stored as nii.gz"),
        (InputFile(role="image", path="{case}.png", format="png"), "can't hold"),
    ],
)
def test_a_case_that_has_not_what_the_protocol_gives_is_refused(
    data: Path, file: InputFile, words: str
) -> None:
    (case,) = load_manifest(data / "manifest.json").cases
    assert words in Layout(inputs=Inputs(files=(file,)), output=ANSWER).refusal(case)


def test_it_is_verified_and_every_channel_can_be_seen(data: Path) -> None:
    assert verify_manifest(data / "manifest.json") == []
    (case,) = load_manifest(data / "manifest.json").cases
    inputs = read_case(data, case)
    assert [image.shape for image in (inputs.image, *inputs.further)] == [SHAPE, SHAPE]
    second = data / "inputs" / "a_0001.nii.gz"
    second.write_bytes((data / "inputs" / "a_0000.nii.gz").read_bytes())
    (problem,) = verify_manifest(data / "manifest.json")
    assert "a_0001" in problem.where
    assert "SHA-256" in problem.found


def test_a_manifest_of_one_image_a_case_has_the_digest_that_it_had_before(data: Path) -> None:
    """Results of earlier runs stay valid."""
    text = (data / "manifest.json").read_text(encoding="utf-8")
    assert '"further_images"' in text
    assert '"changes"' not in text
