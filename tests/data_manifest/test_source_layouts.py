"""Data sets in the layouts of others are found whole; what is missing or unclear is one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from data_manifest.layouts import BadPrediction, OutputFile, read_prediction, read_reference
from data_manifest.manifest import Case, load_manifest
from data_manifest.verify import verify_manifest
from evaluate.cli import main, terminal
from evaluate.facts.rules import load_protocol
from tests import source_folders


@pytest.fixture
def build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[dict[str, Case], str]]:
    """Builds a source; the cases by identifier, and everything that was said."""

    def build(layout: str, source: Path, *options: str) -> tuple[dict[str, Case], str]:
        out = tmp_path / "data"
        code = main(["manifest", "build", "--layout", layout, str(source), str(out), *options])
        told = capsys.readouterr()
        if code or "--dry-run" in options:
            assert not out.exists()
            return {}, f"{code}\n{told.out}{told.err}"
        assert verify_manifest(out / "manifest.json") == []
        cases = load_manifest(out / "manifest.json").cases
        return {case.id: case for case in cases}, told.out + told.err

    return build


@pytest.mark.parametrize(
    ("layout", "make", "expected"),
    [
        (
            "nnunet",
            source_folders.nnunet,
            {
                "p1_a": ("T1 FLAIR", "MR", "", "0", "left right"),
                "p1_b": ("T1 FLAIR", "MR", "", "0", "left right"),
                "p2_a": ("T1 FLAIR", "MR", "", "1", "left right"),
            },
        ),
        (
            "msd",
            source_folders.msd,
            {f"BRATS_00{n}": ("FLAIR T1w", "MR", "", "", "edema tumour") for n in (1, 2)},
        ),
        (
            "brats",
            source_folders.brats,
            {
                f"BraTS-GLI-{patient}-{time}": (
                    "t1c t1n t2f t2w",
                    "MR",
                    f"BraTS-GLI-{patient}",
                    "",
                    "NETC SNFH ET",
                )
                for patient, time in (("00001", "000"), ("00001", "001"), ("00002", "000"))
            },
        ),
        (
            "bids",
            source_folders.bids,
            {
                f"sub-{sub}_ses-{ses}": ("FLAIR T1w", "MR", f"sub-{sub}", fold, "cyst stone")
                for sub, ses, fold in (("01", 1, "train"), ("01", 2, "train"), ("02", 1, "test"))
            },
        ),
        (
            "flare",
            source_folders.flare,
            {
                "FLARE22_Tr_0001": ("CT", "CT", "", "", "label 1|label 13"),
                "FLARE22_Ts_0001": ("CT", "CT", "", "test", "label 1|label 13"),
            },
        ),
        (
            "grand-challenge",
            source_folders.grand_challenge,
            {f"case-{n}": ("ct pet", "CT-PET", "", "", "label 1|") for n in (1, 2)},
        ),
    ],
)
def test_the_layouts_own_tables_tell_channels_modality_patients_folds_and_names(
    build: Callable[..., tuple[dict[str, Case], str]],
    tmp_path: Path,
    layout: str,
    make: Callable[[Path], Path],
    expected: dict[str, tuple[str, ...]],
) -> None:
    cases, _ = build(layout, make(tmp_path / "source"))
    assert set(cases) == set(expected)
    for name, (channels, modality, group, fold, labels) in expected.items():
        case = cases[name]
        assert " ".join(case.channels) == channels
        assert (case.modality, case.group, case.fold) == (modality, group, fold)
        names = [label.name for label in case.labels]
        assert names == (labels.strip("|").split("|" if "|" in labels else " "))


def test_labels_types_spacing_and_bytes_stay_what_they_were(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.nnunet(tmp_path / "source")
    cases, told = build("nnunet", source)
    case = cases["p1_a"]
    assert [label.label for label in case.labels] == [111, 353]
    assert case.spacing_mm == pytest.approx((3.0, 0.9, 0.9), rel=1e-6)
    for entry, original in zip(
        case.files,
        ("imagesTr/p1_a_0000", "imagesTr/p1_a_0001", "labelsTr/p1_a"),
        strict=True,
    ):
        stored = (tmp_path / "data" / entry.path).read_bytes()
        assert stored == (source / f"{original}.nii.gz").read_bytes()
    assert "imagesTs" in told
    assert "there is no labelsTs" in told


def test_a_reference_that_is_stored_mirrored_is_turned_to_its_image_and_the_manifest_says_so(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.nnunet(tmp_path / "source")
    cases, told = build("nnunet", source)
    case = cases["p2_a"]
    turned = "the reference was turned from axes LAS to the image's, RAS"
    assert case.changes == (turned,)
    assert turned in told
    found = read_reference(tmp_path / "data" / case.reference.path).labels
    np.testing.assert_array_equal(found, source_folders.label_map(111, 353).T)
    # By SimpleITK, both lie on each other.
    image, reference = (
        sitk.ReadImage(str(tmp_path / "data" / entry.path))
        for entry in (case.image, case.reference)
    )
    assert image.GetDirection() == reference.GetDirection()
    np.testing.assert_allclose(image.GetOrigin(), reference.GetOrigin(), atol=1e-4)
    assert cases["p1_a"].changes == ()


def test_a_dry_run_prints_cases_regions_and_what_is_left_over_and_writes_nothing(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.nnunet(tmp_path / "source")
    about = json.loads((source / "dataset.json").read_text("utf-8"))
    about["labels"] = {"background": 0, "whole": [111, 353], "core": [353]}
    (source / "dataset.json").write_text(json.dumps(about))
    (source / "labelsTr" / "notes.txt").write_text("seen by two readers")
    _, told = build("nnunet", source, "--dry-run")
    lines = told.splitlines()
    assert lines[0] == "0"
    assert "p1_a: T1 p1_a_0000.nii.gz, FLAIR p1_a_0001.nii.gz -> p1_a.nii.gz (MR, fold 0)" in lines
    assert "labels: 111 whole, 353 core" in lines
    assert 'region for a protocol: { name = "whole", labels = [111, 353] }' in lines
    assert any(line.startswith("left over:") and "no image of a format" in line for line in lines)


def _without_channel(source: Path) -> None:
    (source / "imagesTr" / "p1_a_0001.nii.gz").unlink()


def _without_reference(source: Path) -> None:
    (source / "labelsTr" / "p1_b.nii.gz").unlink()


def _two_references(source: Path) -> None:
    shutil.copy(source / "labelsTr" / "p1_a.nii.gz", source / "labelsTr" / "p1_a.mha")


def _without_image(source: Path) -> None:
    for file in source.glob("imagesTr/p2_a*"):
        file.unlink()


def _without_number(source: Path) -> None:
    shutil.copy(source / "imagesTr" / "p1_a_0000.nii.gz", source / "imagesTr" / "p9.nii.gz")


def _another_grid(source: Path) -> None:
    path = source / "imagesTr" / "p1_a_0001.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 5, 5), np.int16), np.eye(4)), path)


def _cut_off(source: Path) -> None:
    path = source / "labelsTr" / "p1_a.nii.gz"
    path.write_bytes(path.read_bytes()[:-200])


def _fractions(source: Path) -> None:
    array = source_folders.label_map(1, 2).astype(np.float32) / 2
    source_folders.save(source / "labelsTr" / "p1_a.nii.gz", array)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without_channel, ("p1_a_0000", "channels 0000 of p1_a", "2, from 0000: T1, FLAIR")),
        (_without_reference, ("p1_b", "an image without a reference")),
        (_two_references, ("p1_a", "a second file of this name")),
        (_without_image, ("labelsTr/p2_a", "a reference without an image")),
        (_without_number, ("p9.nii.gz", "no channel in its name")),
        (_another_grid, ("p1_a_0001", "shape (5, 5, 5)")),
        (_cut_off, ("labelsTr/p1_a", "can't be read")),
        (_fractions, ("labelsTr/p1_a", "fractions")),
    ],
)
def test_what_is_missing_unclear_or_broken_is_one_line_and_nothing_is_written(
    build: Callable[..., tuple[dict[str, Case], str]],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    words: tuple[str, ...],
) -> None:
    source = source_folders.nnunet(tmp_path / "source")
    spoil(source)
    _, told = build("nnunet", source)
    assert told.startswith("2\n")
    (line,) = [line for line in told.splitlines() if line.startswith("segjudge:")]
    assert all(word in line for word in words), line


def test_two_images_that_could_be_meant_are_refused(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.bids(tmp_path / "source")
    anat = source / "sub-02" / "ses-1" / "anat"
    shutil.copy(anat / "sub-02_ses-1_T1w.nii.gz", anat / "sub-02_ses-1_run-2_T1w.nii.gz")
    _, told = build("bids", source, "--dry-run")
    assert told.startswith("2\n")
    assert "several T1w images of sub-02_ses-1" in told
    assert "sub-01_ses-1: FLAIR" in told
    assert "sub-03_T1w.nii.gz: no label map" in told


def test_channels_folds_groups_and_a_modality_are_chosen_on_the_command_line(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.nnunet(tmp_path / "source")
    options = ("--channels", "flair", "--fold", "0", "--group", "p[0-9]+", "--modality", "PET")
    cases, _ = build("nnunet", source, *options)
    assert set(cases) == {"p1_a", "p1_b"}
    case = cases["p1_a"]
    assert (case.channels, case.group, case.modality) == (("FLAIR",), "p1", "PET")
    stored = (tmp_path / "data" / case.image.path).read_bytes()
    assert stored == (source / "imagesTr" / "p1_a_0001.nii.gz").read_bytes()


def test_one_channel_of_a_layout_becomes_cases_with_boxes(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.brats(tmp_path / "source")
    _, told = build("brats", source, "--prompts")
    assert "4 channels; expected one" in told
    cases, _ = build("brats", source, "--prompts", "--channels", "t2f")
    case = cases["3DBox_MR_BraTS-GLI-00001-000-t2f"]
    assert (case.prompts, case.group) == (("boxes",), "BraTS-GLI-00001")


def test_a_table_of_pairs_keeps_its_files_if_asked_to(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.flare(tmp_path / "source")
    table = source / "cases.csv"
    table.write_text(
        "image,reference,modality,group,fold\n"
        "imagesTr/FLARE22_Tr_0001_0000.nii.gz,labelsTr/FLARE22_Tr_0001.nii.gz,CT,Ann,2\n"
    )
    cases, _ = build("pairs", table, "--no-prompts")
    case = cases["FLARE22_Tr_0001"]
    assert (case.group, case.fold, case.prompts) == ("Ann", "2", ())
    assert [label.label for label in case.labels] == [1, 13]
    shutil.rmtree(tmp_path / "data")
    cases, _ = build("pairs", table)
    case = cases["3DBox_CT_FLARE22_Tr_0001"]
    assert (case.group, case.fold, case.prompts) == ("Ann", "2", ("boxes",))


@pytest.mark.parametrize("layout", ["msd", "nnunet"])
def test_a_mask_must_point_where_its_case_does_oblique_or_not(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path, layout: str
) -> None:
    source = getattr(source_folders, layout)(tmp_path / "source")
    cases, _ = build(layout, source)
    case = min(cases.values(), key=lambda case: case.id)
    stored = nibabel.load(tmp_path / "data" / case.reference.path)
    reference = read_reference(tmp_path / "data" / case.reference.path)
    path = tmp_path / "mask.nii.gz"

    def judged(written: np.ndarray, **known: object) -> object:
        nibabel.save(nibabel.Nifti1Image(np.asarray(stored.dataobj), written), path)
        output = OutputFile(path="{case}.nii.gz", format="nii.gz")
        place = {"shape": case.shape, "spacing_mm": case.spacing_mm, "max_bytes": 1 << 20}
        return read_prediction(path, output=output, **place, **known)

    for known in ({"directions": case.directions}, {"affine": reference.affine}):
        assert isinstance(judged(stored.affine, **known), np.ndarray)
        mirrored = judged(stored.affine @ np.diag([-1.0, 1.0, 1.0, 1.0]), **known)
        assert isinstance(mirrored, BadPrediction)
        assert "turned, mirrored or permuted" in mirrored.reason
        straight = judged(np.diag([*source_folders.SPACING, 1.0]), **known)
        assert isinstance(straight, BadPrediction) == (layout == "msd")


@pytest.mark.parametrize(
    ("layout", "preset"), [("brats", "brats23-gli"), ("grand-challenge", "autopet3")]
)
def test_a_layouts_channels_have_the_names_that_presets_ask_for(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path, layout: str, preset: str
) -> None:
    make = {"brats": source_folders.brats, "grand-challenge": source_folders.grand_challenge}
    cases, _ = build(layout, make[layout](tmp_path / "source"))
    given = load_protocol(preset).layout
    assert {given.refusal(case) for case in cases.values()} == {""}
    folder = tmp_path / "inputs"
    folder.mkdir()
    case = min(cases.values(), key=lambda case: case.id)
    given.place(case, tmp_path / "data", folder)
    files = [file for file in folder.rglob("*") if file.suffix in (".gz", ".mha")]
    assert len(files) == len(case.channels)


def test_a_value_of_a_case_s_own_is_given_byte_for_byte(
    build: Callable[..., tuple[dict[str, Case], str]], tmp_path: Path
) -> None:
    source = source_folders.grand_challenge(tmp_path / "source")
    slug = "acute-stroke-clinical-information"
    patients = {"0f3a": '{"age": 71,  "sex": "F"}', "9b1c": '"né en 1950"'}
    for job, patient in patients.items():
        listed = json.loads((source / job / "inputs.json").read_text("utf-8"))
        value = {"interface": {"slug": slug, "relative_path": f"{slug}.json"}}
        (source / job / "inputs.json").write_text(json.dumps([*listed, value]), "utf-8")
        (source / job / f"{slug}.json").write_text(patient, "utf-8")
    (tmp_path / "mine.toml").write_text(
        f"""base = "autopet3"
        name = "mine"
        [[input.files]]
        role = "image"
        path = "images/ct/{{uuid}}.mha"
        format = "mha"
        channel = "ct"
        [[input.files]]
        role = "sidecar"
        path = "patient.json"
        format = "json"
        value = "{slug}"
        """,
        "utf-8",
    )
    cases, _ = build("grand-challenge", source)
    layout = load_protocol(str(tmp_path / "mine.toml")).layout
    for case, patient in zip(sorted(cases), patients.values(), strict=True):
        (folder := tmp_path / case).mkdir()
        layout.place(cases[case], tmp_path / "data", folder)
        assert (folder / "patient.json").read_bytes() == patient.encode()
    without = msgspec.structs.replace(cases["case-1"], values=())
    assert layout.refusal(without) == f"has no value {slug} for patient.json (it has none)"
    assert without.inputs_sha256 != cases["case-1"].inputs_sha256
    (tmp_path / "data" / cases["case-2"].values[0].path).write_text("{", "utf-8")
    found = [str(problem.found) for problem in verify_manifest(tmp_path / "data/manifest.json")]
    assert len(found) == 2 and found[0].startswith("SHA-256") and found[1].startswith("no JSON")
    (source / "0f3a" / f"{slug}.json").unlink()
    shutil.rmtree(tmp_path / "data")
    assert "which it names" in build("grand-challenge", source)[1]


def test_show_has_the_images_groups_and_folds_of_cases_that_have_them(
    build: Callable[..., tuple[dict[str, Case], str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal._OUT, "width", 200)
    build("bids", source_folders.bids(tmp_path / "source"))
    assert main(["manifest", "show", str(tmp_path / "data" / "manifest.json")]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("images", "FLAIR, T1w", "group", "sub-02", "fold", "test"))
