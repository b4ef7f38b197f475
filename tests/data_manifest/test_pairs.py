"""Pairs are found by CSV or by name, and every problem is told at once."""

from pathlib import Path

import pytest

from data_manifest.errors import ManifestError
from data_manifest.making.image_pairs import pairs_from_csv, pairs_from_folders, parse_label_names


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def facts(error: pytest.ExceptionInfo[ManifestError]) -> list[str]:
    return [f"{Path(problem.where).name}: {problem.found}" for problem in error.value.problems]


def test_a_csv_names_pairs_relative_to_itself(sources: Path) -> None:
    first, second, third = pairs_from_csv(sources / "cases.csv")
    assert first.image == sources / "ct/a_0000.nii.gz"
    assert first.reference == sources / "ct/a.nii.gz"
    assert (first.identifier, first.name, first.modality) == (None, "a", "CT")
    assert first.label_names == {3: "liver", 7: "spleen"}
    assert (first.source, first.licence, first.origin) == ("a scanner", "CC-BY-4.0", "real")
    assert (second.identifier, second.origin) == ("3DBox_CT_b", "simulated")
    assert second.source == "a phantom, simulated"
    assert (third.modality, third.licence, third.origin) == ("Dermoscopy", "not stated", "real")


def test_a_csv_of_a_spreadsheet_with_a_byte_order_mark_is_read(sources: Path) -> None:
    path = sources / "bom.csv"
    path.write_text("image,reference,modality\r\nphoto.png,photo-mask.png,US\r\n", "utf-8-sig")
    assert [pair.modality for pair in pairs_from_csv(path)] == ["Ultrasound"]


def test_every_problem_of_every_row_is_told_at_once(sources: Path) -> None:
    path = sources / "wrong.csv"
    path.write_text(
        "image,reference,modality,labels,origin\n"
        "photo.png,photo-mask.png,CTT,1=,real\n"
        ",photo-mask.png,CT,,made up\n"
        "photo.png,photo-mask.png,CT,1=a;1=b,\n"
        "photo.png,absent.png,CT,,\n"
    )
    with pytest.raises(ManifestError) as caught:
        pairs_from_csv(path)
    assert facts(caught) == [
        "wrong.csv, line 2: modality 'CTT'",
        "wrong.csv, line 2: labels '1='",
        "wrong.csv, line 3: no image",
        "wrong.csv, line 3: origin 'made up'",
        "wrong.csv, line 4: label 1 twice",
        "absent.png: no such file or folder",
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("image,mask\na,b\n", ", line 1: no column 'reference', 'modality'; the columns are"),
        ("image,reference,modality,mask\na,b,CT,c\n", ", line 1: column 'mask'"),
        ("image,reference,modality,image\n", ", line 1: columns 1, 4 are all named 'image'"),
        ("image,reference,modality\n", ": no rows"),
        ("image,reference,modality\na,b\n", ", line 2: 2 cells ('a', 'b')"),
        ("", ": an empty file"),
    ],
)
def test_a_csv_of_another_kind_is_refused(tmp_path: Path, content: str, found: str) -> None:
    (tmp_path / "c.csv").write_text(content)
    with pytest.raises(ManifestError) as caught:
        pairs_from_csv(tmp_path / "c.csv")
    (said,) = facts(caught)
    assert said.startswith(f"c.csv{found}")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("c.csv", "absent.csv"):
        with pytest.raises(ManifestError, match="can't be read"):
            pairs_from_csv(tmp_path / name)


def test_folders_are_paired_by_name_whatever_the_format(tmp_path: Path) -> None:
    images = touch(tmp_path / "i", "a.mha", "b.nii.gz", "notes.txt", ".hidden.png")
    touch(images / "c", "1.dcm")
    references = touch(tmp_path / "r", "a.nii.gz", "b.nii.gz", "c.nrrd", "b.raw")
    pairs = pairs_from_folders(images, references, modality="mr")
    assert [(p.image.name, p.reference.name) for p in pairs] == [
        ("a.mha", "a.nii.gz"),
        ("b.nii.gz", "b.nii.gz"),
        ("c", "c.nrrd"),
    ]
    assert {pair.modality for pair in pairs} == {"MR"}


def test_the_channel_of_flare_is_no_part_of_a_name_but_a_year_is(tmp_path: Path) -> None:
    images = touch(tmp_path / "i", "a_0000.nii.gz", "scan_2021.nii.gz", "scan_2022.nii.gz")
    references = touch(tmp_path / "r", "a.nii.gz", "scan_2021.nii.gz", "scan_2022.nii.gz")
    pairs = pairs_from_folders(images, references, modality="CT")
    assert [pair.reference.name for pair in pairs] == [
        "a.nii.gz",
        "scan_2021.nii.gz",
        "scan_2022.nii.gz",
    ]


def test_files_without_a_partner_or_with_two_are_all_told(tmp_path: Path) -> None:
    images = touch(tmp_path / "i", "a.nii", "b_0000.nii", "b_0001.nii", "c.nii")
    references = touch(tmp_path / "r", "b.nii", "c.nii", "d.nii")
    with pytest.raises(ManifestError) as caught:
        pairs_from_folders(images, references, modality="CT")
    assert facts(caught) == [
        "a.nii: an image without a reference",
        "b.nii: a reference of 2 images",
        "d.nii: no image of its name",
    ]


def test_folders_that_can_not_be_paired_are_told(tmp_path: Path) -> None:
    images = touch(tmp_path / "i", "a.nii", "a.mha")
    with pytest.raises(ManifestError) as caught:
        pairs_from_folders(images, tmp_path / "absent", modality="CTT")
    assert facts(caught) == [
        "--modality: 'CTT'",
        "a.nii: a name twice: 'a.mha' and 'a.nii'",
        "absent: can't be listed: No such file or directory",
    ]
    with pytest.raises(ManifestError, match="no images"):
        pairs_from_folders(touch(tmp_path / "e"), images, modality="CT")


def test_label_names_may_hold_anything_but_semicolons() -> None:
    assert parse_label_names("2=a = b; 1=é;") == {2: "a = b", 1: "é"}
    for wrong in ("liver", "0=a", "-1=a", "x=a", "1=", "=a", "1=a;1=b", "1.5=a"):
        with pytest.raises(ValueError, match="label"):
            parse_label_names(wrong)
