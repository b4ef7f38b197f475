"""A file name tells dimension and modality by its words, in every spelling that was seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_manifest.manifest import MODALITIES
from data_manifest.naming import UNKNOWN, canonical_modality, parse_case_name

SPELLINGS = {
    "X-Ray": ["X-Ray", "XRay", "CXR", "XR", "X-ray", "x_ray"],
    "Ultrasound": ["US", "Ultrasound"],
    "Endoscopy": ["Endoscopy", "Endoscope"],
    "Dermoscopy": ["Dermoscopy", "Dermoscope"],
    "Microscopy": ["Microscopy", "Microscope"],
    "Mammography": ["Mamm", "Mammo", "Mammography", "Mammogram"],
    "Fundus": ["Fundus"],
    "OCT": ["OCT"],
    "CT": ["CT"],
    "MR": ["MR", "MRI"],
    "PET": ["PET"],
}
ALL = [(spelling, name) for name, spellings in SPELLINGS.items() for spelling in spellings]


def test_the_spellings_lead_to_the_canonical_names_and_to_all_of_them() -> None:
    assert sorted(SPELLINGS) == sorted(MODALITIES)


@pytest.mark.parametrize(("spelling", "modality"), ALL)
@pytest.mark.parametrize("dimension", ["2D", "3D"])
def test_every_spelling_is_read_in_any_case(spelling: str, modality: str, dimension: str) -> None:
    for name in (f"{dimension}Box_{spelling}_0017", f"{dimension}Box_{spelling}_0017.npz"):
        for written in (
            name,
            name.replace(spelling, spelling.lower()),
            name.replace(spelling, spelling.upper()),
        ):
            found = parse_case_name(written)
            assert (found.dimension, found.modality) == (dimension, modality)
            assert found.recognised


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("2DBox_OCT_CTRL_01", "OCT"),  # CT is a part of both
        ("3DBox_PET_CT_01", "PET"),  # the leftmost word decides
        ("3DBox_CT_PETER_01", "CT"),
        ("2DBox_US_campus_3", "Ultrasound"),
        ("2DBox_ficus_3", UNKNOWN),
        ("3DBox_octopus_1", UNKNOWN),
        ("3DBox_Xrays", UNKNOWN),
        ("liver_001", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_modality_is_a_word_and_not_a_part_of_one(name: str, modality: str) -> None:
    assert parse_case_name(name).modality == modality
    assert parse_case_name(name).recognised == (modality != UNKNOWN)


@pytest.mark.parametrize(
    ("name", "dimension"), [("3dbox_ct_1", "3D"), ("case_3D_ct", "2D"), ("x", "2D")]
)
def test_the_dimension_is_told_by_the_prefix_alone(name: str, dimension: str) -> None:
    assert parse_case_name(name).dimension == dimension


def test_a_modality_can_be_asked_for_by_itself() -> None:
    assert canonical_modality("x-ray") == "X-Ray"
    assert canonical_modality("gastroscopy") is None


@given(st.text())
def test_any_name_has_an_answer(name: str) -> None:
    found = parse_case_name(name)
    assert found.identifier == name.removesuffix(".npz")
    assert found.modality in (*MODALITIES, UNKNOWN)
