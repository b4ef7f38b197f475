"""Protocol `cvpr24` gives the CVPR 2024 script's numbers, traps included; `segjudge` right ones.

Every test goes through `segjudge score` on npz files. Expected values are the reference script's
own, measured by running it, or derived by hand where a comment says so.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference_script import reference_case_scores

from data_manifest.cases import Reference
from evaluate.cli import main
from evaluate.facts.rules import load_protocol
from evaluate.scoring.case_scores import PreparedCase

Labels = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Scored:
    """What a command wrote: the case's row, and its labels' rows by label."""

    case: dict[str, str]
    labels: dict[int, dict[str, str]]

    @property
    def dsc(self) -> float | None:
        return float(self.case["dsc"]) if self.case["dsc"] else None

    @property
    def nsd(self) -> float | None:
        return float(self.case["nsd"]) if self.case["nsd"] else None


Score = Callable[..., Scored]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def score(tmp_path: Path) -> Score:
    """Scores one pair of label maps with one protocol, through the command."""

    def run(
        reference: Labels,
        prediction: npt.NDArray[np.generic] | None,
        protocol: str,
        spacing_xyz: tuple[float, ...] | None = None,
    ) -> Scored:
        three_d = reference.ndim == 3
        case = "3DBox_CT_1" if three_d else "2DBox_US_1"
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        for name in ("gts", "segs"):
            (folder / name).mkdir(parents=True)
        arrays: dict[str, npt.NDArray[np.generic]] = {"gts": reference}
        if spacing_xyz is not None:
            arrays["spacing"] = np.array(spacing_xyz)
        np.savez_compressed(folder / "gts" / f"{case}.npz", **arrays)  # type: ignore[arg-type]
        if prediction is not None:
            np.savez_compressed(folder / "segs" / f"{case}.npz", segs=prediction)
        code = main(
            [
                *("score", "--references", str(folder / "gts")),
                *("--predictions", str(folder / "segs"), "--protocol", protocol),
                *("--out", str(folder / "out"), "--jobs", "1"),
            ]
        )
        assert code == 0
        (row,) = read_rows(folder / "out" / "case_scores.csv")
        labels = {int(r["label"]): r for r in read_rows(folder / "out" / "label_scores.csv")}
        return Scored(case=row, labels=labels)

    return run


def block(shape: tuple[int, ...], *slices: slice, label: int = 1, dtype: type = np.uint8) -> Labels:
    made = np.zeros(shape, dtype)
    made[slices] = label
    return made


CUBE = block((16, 24, 24), slice(4, 12), slice(6, 18), slice(6, 18))
CT_SPACING_XYZ = (0.8, 0.8, 2.5)


def test_the_stored_spacing_is_applied_by_index_so_that_the_axes_are_swapped(score: Score) -> None:
    two_slices, two_columns = np.roll(CUBE, 2, axis=0), np.roll(CUBE, 2, axis=2)
    # Two slices are 5.0 mm, two columns 1.6 mm; tolerance 2 mm. The script takes 1.6 and 5.0.
    assert score(CUBE, two_slices, "cvpr24", CT_SPACING_XYZ).nsd == 1.0
    assert score(CUBE, two_columns, "segjudge-1", CT_SPACING_XYZ).nsd == 1.0
    wrong = score(CUBE, two_columns, "cvpr24", CT_SPACING_XYZ).nsd
    right = score(CUBE, two_slices, "segjudge-1", CT_SPACING_XYZ).nsd
    assert wrong is not None and wrong < 0.9
    assert right is not None and right < 0.9


def test_a_2d_case_is_a_slab_whose_faces_are_surface_too(score: Score) -> None:
    square = block((80, 80), slice(20, 60), slice(20, 60))
    grown = block((80, 80), slice(16, 64), slice(16, 64))
    slab = score(square, grown, "cvpr24").nsd
    assert slab == pytest.approx(0.917, abs=5e-4)
    # By hand: every point of either outline is 4 px from the other, the tolerance is 2.
    assert score(square, grown, "segjudge-1").nsd == 0.0


def test_a_2d_spacing_in_the_file_is_ignored(score: Score) -> None:
    square = block((60, 60), slice(20, 40), slice(20, 40))
    moved = np.roll(square, 3, axis=0)
    without = score(square, moved, "cvpr24")
    assert score(square, moved, "cvpr24", (0.5, 0.5)).case == without.case
    # By hand: three pixels of 0.5 mm are within 2 mm.
    assert score(square, moved, "segjudge-1", (0.5, 0.5)).nsd == 1.0
    unit = score(square, moved, "segjudge-1").nsd
    assert unit is not None and unit < 1.0


def test_a_gap_in_the_labels_makes_a_perfect_case_undefined(score: Score) -> None:
    reference = CUBE.copy()
    reference[4:12, 6:9, 6:9] = 3
    trap = score(reference, reference, "cvpr24", CT_SPACING_XYZ)
    assert (trap.dsc, trap.nsd) == (None, 0.0)
    right = score(reference, reference, "segjudge-1", CT_SPACING_XYZ)
    assert (right.dsc, right.nsd) == (1.0, 1.0)


def test_a_reference_without_labels_has_no_score(score: Score) -> None:
    empty = np.zeros_like(CUBE)
    trap = score(empty, empty, "cvpr24", CT_SPACING_XYZ)
    assert (trap.dsc, trap.nsd) == (None, 0.0)
    right = score(empty, empty, "segjudge-1", CT_SPACING_XYZ)
    assert (right.dsc, right.nsd) == (None, None)


@pytest.mark.parametrize("protocol", ["cvpr24", "segjudge-1"])
def test_a_label_that_only_the_prediction_has_is_reported_and_does_not_count(
    score: Score, protocol: str
) -> None:
    prediction = CUBE.copy()
    prediction[0, 0, :5] = 2
    scored = score(CUBE, prediction, protocol, CT_SPACING_XYZ)
    assert (scored.dsc, scored.nsd) == (1.0, 1.0)
    extra = scored.labels[2]
    assert (extra["reference_voxels"], extra["prediction_voxels"]) == ("0", "5")
    assert (extra["dsc"], extra["nsd"]) == ("", "")


def test_the_same_label_in_a_gap_counts_as_zero(score: Score) -> None:
    reference = CUBE.copy()
    reference[4:12, 6:9, 6:9] = 3
    prediction = reference.copy()
    prediction[0, 0, :5] = 2
    trap = score(reference, prediction, "cvpr24", CT_SPACING_XYZ)
    assert trap.dsc == pytest.approx(2 / 3, abs=1e-15)
    assert trap.nsd == pytest.approx(2 / 3, abs=1e-15)
    right = score(reference, prediction, "segjudge-1", CT_SPACING_XYZ)
    assert (right.dsc, right.nsd) == (1.0, 1.0)


def test_the_gate_sets_nsd_to_zero_where_a_single_voxel_moved_by_one(score: Score) -> None:
    voxel = block((9, 9, 9), slice(4, 5), slice(4, 5), slice(4, 5))
    moved = np.roll(voxel, 1, axis=2)
    trap = score(voxel, moved, "cvpr24", (1.0, 1.0, 1.0))
    assert (trap.dsc, trap.nsd) == (0.0, 0.0)
    right = score(voxel, moved, "segjudge-1", (1.0, 1.0, 1.0))
    assert (right.dsc, right.nsd) == (0.0, 1.0)


def test_the_page_of_presets_says_what_each_trap_is_worth(score: Score) -> None:
    gap, invented = CUBE.copy(), CUBE.copy()
    gap[4:12, 6:9, 6:9], invented[0, 0, :5] = 3, 2
    square, grown = (block((80, 80), slice(a, b), slice(a, b)) for a, b in ((20, 60), (16, 64)))
    voxel = block((9, 9, 9), slice(4, 5), slice(4, 5), slice(4, 5))
    masks = {
        "a cube moved by 2 slices": (CUBE, np.roll(CUBE, 2, axis=0), CT_SPACING_XYZ),
        "a cube moved by 2 columns": (CUBE, np.roll(CUBE, 2, axis=2), CT_SPACING_XYZ),
        "a square of 40 pixels": (square, grown, None),
        "labels 1 and 3": (gap, gap, CT_SPACING_XYZ),
        "a single voxel": (voxel, np.roll(voxel, 1, axis=2), (1.0, 1.0, 1.0)),
        "an invented label": (CUBE, invented, CT_SPACING_XYZ),
    }
    page = (Path(__file__).parents[2] / "docs" / "presets.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.partition("| masks |")[2].splitlines()[2:]]
    assert len(rows) == len(masks)
    for (words, trap, right, _), (begins, pair) in zip(rows, masks.items(), strict=True):
        assert words.startswith(f"| {begins}")
        values = [score(pair[0], pair[1], name, pair[2]).nsd for name in ("cvpr24", "segjudge")]
        assert [f"{value:.3f}" for value in values] == [trap, right]


@pytest.mark.parametrize("protocol", ["cvpr24", "segjudge-1"])
def test_a_shape_that_would_broadcast_is_bad_output(score: Score, protocol: str) -> None:
    # The script gives DSC 1.75 here; a value that no DSC can have is not reproduced.
    cube = block((20, 20, 20), slice(0, 20), slice(5, 15), slice(5, 15))
    scored = score(cube, cube[:1], protocol, (1.0, 1.0, 1.0))
    assert scored.case["outcome"] == "bad_output"
    assert "(1, 20, 20)" in scored.case["reason"]
    assert "(20, 20, 20)" in scored.case["reason"]
    assert (scored.dsc, scored.nsd) == (0.0, 0.0)


def test_label_255_in_uint8_does_not_wrap(score: Score) -> None:
    # On numpy 1, which the challenge ran on, the script's `max + 1` is 256; on numpy 2 it wraps.
    many = np.repeat(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16), 3, 0), 3, 1)
    for protocol in ("cvpr24", "segjudge-1"):
        scored = score(many, many, protocol)
        assert (scored.dsc, scored.nsd) == (1.0, 1.0)
        assert len(scored.labels) == 255


@pytest.mark.parametrize("protocol", ["cvpr24", "segjudge-1"])
def test_an_empty_prediction_scores_zero(score: Score, protocol: str) -> None:
    scored = score(CUBE, np.zeros_like(CUBE), protocol, CT_SPACING_XYZ)
    assert (scored.case["outcome"], scored.dsc, scored.nsd) == ("ok", 0.0, 0.0)


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.0), (0.8, -0.8, 2.5), (np.nan, 0.8, 2.5)])
def test_a_spacing_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spacing: tuple[float, ...]
) -> None:
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "3DBox_CT_1.npz", gts=CUBE, segs=CUBE, spacing=np.array(spacing))
    arguments = ["--references", str(tmp_path / "gts"), "--predictions", str(tmp_path / "segs")]
    code = main(["score", *arguments, "--protocol", "cvpr24", "--out", str(tmp_path / "out")])
    complaint = capsys.readouterr().err
    assert code == 2
    assert "3DBox_CT_1.npz" in complaint and "spacing" in complaint
    assert not (tmp_path / "out").exists()


def test_one_missing_prediction_costs_that_case_and_no_other(tmp_path: Path) -> None:
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    for number in (1, 2):
        np.savez(tmp_path / "gts" / f"3DBox_CT_{number}.npz", gts=CUBE, spacing=CT_SPACING_XYZ)
    np.savez(tmp_path / "segs" / "3DBox_CT_1.npz", segs=CUBE)
    arguments = ["--references", str(tmp_path / "gts"), "--predictions", str(tmp_path / "segs")]
    assert main(["score", *arguments, "--protocol", "cvpr24", "--out", str(tmp_path / "o")]) == 0
    rows = {row["case"]: row for row in read_rows(tmp_path / "o" / "case_scores.csv")}
    assert (rows["3DBox_CT_1"]["outcome"], rows["3DBox_CT_1"]["dsc"]) == ("ok", "1.0")
    assert (rows["3DBox_CT_2"]["outcome"], rows["3DBox_CT_2"]["dsc"]) == ("no_output", "0.0")
    summaries = read_rows(tmp_path / "o" / "modality_scores.csv")
    (summary,) = [row for row in summaries if row["metric"] == "dsc"]
    assert (summary["n"], summary["failures"], summary["mean"]) == ("2", "1", "0.5")


@pytest.mark.parametrize(
    "kind", [np.int16, np.int64, np.uint16, np.float64, np.bool_], ids=lambda kind: kind.__name__
)
def test_a_prediction_of_whole_numbers_counts_whatever_its_dtype(
    score: Score, kind: type[np.generic]
) -> None:
    scored = score(CUBE, CUBE.astype(kind), "cvpr24", CT_SPACING_XYZ)
    assert (scored.case["outcome"], scored.dsc, scored.nsd) == ("ok", 1.0, 1.0)


SPACINGS = st.tuples(*[st.sampled_from([0.5, 0.8, 1.0, 1.37, 2.0, 2.5, 5.0])] * 3)
VOLUMES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.uint8, shape, elements=st.integers(0, 3))] * 2)
)
IMAGES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.uint8, shape, elements=st.integers(0, 3))] * 2)
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def scores_of(
    pair: tuple[Labels, Labels], spacing_xyz: tuple[float, ...] | None
) -> tuple[float, float]:
    """By protocol cvpr24, with nan for an undefined value, as the script has it."""
    stored = None if spacing_xyz is None else tuple(spacing_xyz[::-1])
    reference = Reference(labels=pair[0].astype(np.uint16), spacing_mm=stored)
    prepared = PreparedCase(reference, load_protocol("cvpr24").scoring)
    measures = prepared.measures(pair[1].astype(np.uint16))
    return tuple(
        np.nan if v is None else v for v in (measures.values["dsc"], measures.values["nsd"])
    )  # type: ignore[return-value]


@MANY
@given(pair=VOLUMES, spacing_xyz=SPACINGS)
def test_a_3d_case_has_the_scripts_scores(
    pair: tuple[Labels, Labels], spacing_xyz: tuple[float, float, float]
) -> None:
    expected = reference_case_scores(*pair, spacing_xyz, True)
    np.testing.assert_allclose(scores_of(pair, spacing_xyz), expected, rtol=0, atol=1e-12)


@MANY
@given(pair=IMAGES)
def test_a_2d_case_has_the_scripts_scores(pair: tuple[Labels, Labels]) -> None:
    expected = reference_case_scores(*pair, None, False)
    np.testing.assert_allclose(scores_of(pair, None), expected, rtol=0, atol=1e-12)
