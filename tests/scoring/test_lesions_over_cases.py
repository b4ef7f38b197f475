"""Lesions of all cases counted together, and a region that needs one of its labels (LiTS 2017)."""

from pathlib import Path

import msgspec
import nibabel
import numpy as np
import numpy.typing as npt
import pytest

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore
from evaluate.scoring.cohort_rows import cohort_scores
from tests.scoring.folders import command, read_rows

LIVER = np.zeros((12, 12, 24), np.uint8)
LIVER[1:11, 1:11, 1:23] = 1


def with_lesions(*spans: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A liver with tumours of 2 by 2 voxels and these lengths along the last axis."""
    labels = LIVER.copy()
    for start, stop in spans:
        labels[4:6, 4:6, start:stop] = 2
    return labels


def score(folder: Path, protocol: str, *pairs: tuple[npt.NDArray[np.uint8], ...]) -> None:
    for name in ("ref", "res"):
        (folder / name).mkdir(parents=True)
    for number, pair in enumerate(pairs):
        for name, labels in zip(("ref", "res"), pair, strict=True):
            image = nibabel.Nifti1Image(labels, np.eye(4))
            nibabel.save(image, folder / name / f"liver-{number}.nii")
    arguments = ("--references", folder / "ref", "--predictions", folder / "res")
    done = command(
        *("score", *arguments, "--out", folder / "out", "--jobs", 1, "--protocol", protocol)
    )
    assert done == 0


def test_single_lesions_are_listed_where_a_protocol_asks_for_them(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "lits17-corrected"\nname = "mine"\nscoring.lesions = "lesion_tp"\n')
    pair = with_lesions((2, 6), (14, 18)), with_lesions((2, 5), (9, 11))
    score(tmp_path, str(mine), pair, (with_lesions((2, 6)), with_lesions((2, 6))))
    rows = read_rows(tmp_path / "out" / "lesion_scores.csv")
    listed = [(r["case"], r["side"], r["lesion"], r["found"], r["partners"]) for r in rows]
    assert listed == [
        ("liver-0", "reference", "1", "found", "1"),
        ("liver-0", "reference", "2", "missed", "0"),
        ("liver-0", "prediction", "2", "false", "0"),
        ("liver-1", "reference", "1", "found", "1"),
    ]
    assert {row["label"] for row in rows} == {"lesion"}
    assert [float(row["volume_ml"]) for row in rows] == [0.016, 0.016, 0.008, 0.016]
    assert float(rows[0]["dsc"]) == pytest.approx(6 / 7)
    assert [row["hd95_mm"] for row in rows[1:]] == ["", "", "0.0"]


def over_cases(folder: Path) -> dict[str, float | None]:
    rows = read_rows(folder / "out" / "cohort_scores.csv")
    return {
        f"{row['label']}/{row['metric']}": float(row["value"]) if row["value"] else None
        for row in rows
    }


def test_matched_lesions_are_averaged_over_all_cases_and_counts_are_summed(tmp_path: Path) -> None:
    three = with_lesions((2, 6), (8, 12), (14, 18))
    score(
        tmp_path,
        "lits17",
        (three, three),  # three pairs of DSC 1
        (with_lesions((2, 6)), with_lesions((2, 5), (14, 15))),  # one of 6/7, and one made up
        (with_lesions((2, 6)), LIVER),  # no pair
    )
    found = over_cases(tmp_path)
    assert found["lesion/lesion_matched_dsc_aggregated"] == pytest.approx((3 + 6 / 7) / 4)
    counts = [found[f"lesion/lesion_{n}{e}_sum"] for n in ("tp", "fp", "fn") for e in ("", "_any")]
    assert counts == [4, 4, 1, 1, 1, 1]
    assert found["lesion/lesion_precision_any_aggregated"] == 0.8

    # Each number has an interval over resampled cases: as numpy makes it here, case by case.
    rows = {r["metric"]: r for r in read_rows(tmp_path / "out" / "cohort_scores.csv")}
    tp, fp = np.array([3, 1, 0]), np.array([0, 1, 0])
    drawn = np.random.default_rng(1).integers(3, size=(20_000, 3))
    with np.errstate(invalid="ignore"):
        shares = tp[drawn].sum(axis=1) / (tp[drawn] + fp[drawn]).sum(axis=1)
    low, high = np.nanpercentile(shares, [2.5, 97.5])
    interval = rows["lesion_precision_any_aggregated"]
    assert (float(interval["low"]), float(interval["high"])) == (low, high)
    assert interval["n"] == "3"


@pytest.mark.parametrize(
    ("protocol", "found", "missed"), [("lits17", 1, 1), ("lits17-corrected", 2, 0)]
)
def test_two_lesions_that_one_prediction_covers_are_one_unless_corrected(
    tmp_path: Path, protocol: str, found: int, missed: int
) -> None:
    score(tmp_path, protocol, (with_lesions((2, 6), (7, 11)), with_lesions((2, 11))))
    counted = over_cases(tmp_path)
    assert (counted["lesion/lesion_tp_any_sum"], counted["lesion/lesion_fn_any_sum"]) == (
        found,
        missed,
    )


@pytest.mark.parametrize(
    ("protocol", "far", "burden"),
    [("lits17", 9001.0, 9001 - 16 / 2200), ("lits17-corrected", np.sqrt(864), -16 / 2200)],
)
def test_a_liver_without_a_voxel_of_its_own_label_is_missing(
    tmp_path: Path, protocol: str, far: float, burden: float
) -> None:
    tumour = np.where(LIVER, 2, 0).astype(np.uint8)
    score(tmp_path, protocol, (with_lesions((2, 6)), tumour))
    found = over_cases(tmp_path)
    assert found["liver/dsc_mean"] == 0.0
    assert found["liver/assd_mean"] == pytest.approx(far)
    assert found["/burden_difference_min"] == pytest.approx(burden)


def test_cases_of_one_patient_are_drawn_together() -> None:
    rules = load_protocol("panther25").scoring
    rows = [
        CaseScore(
            team="a",
            case=f"c{number}",
            modality="MR",
            dimension="3D",
            outcome=Outcome.OK,
            reason="",
            values={"dsc": float(number < 4)},
            group=group,
        )
        for number, group in enumerate("ppppqr")
    ]
    whole = {row.metric: row for row in cohort_scores(rows, [], rules)}["dsc_mean"]
    rows = [msgspec.structs.replace(row, group="") for row in rows]
    single = {row.metric: row for row in cohort_scores(rows, [], rules)}["dsc_mean"]
    # Three patients, of whom one has the four good cases: a resample without that one has none.
    assert (whole.value, whole.low, whole.high) == (4 / 6, 0, 1)
    assert single.value == 4 / 6 and single.low is not None and single.low > 0
