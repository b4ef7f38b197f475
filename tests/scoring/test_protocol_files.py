"""A protocol can be based on another one, and says what it repeats of a published script."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from evaluate.facts.errors import ProtocolError
from evaluate.facts.rules import load_protocol
from tests.scoring.folders import command, protocol_file, read_rows, score_pairs, write_folders

LABELS = np.zeros((4, 6, 6), dtype=np.uint8)
LABELS[1:3, 1:5, 1:5] = 1


def heir(folder: Path, text: str, *, name: str = "heir.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_file_says_counts_and_the_rest_is_its_bases(tmp_path: Path) -> None:
    protocol_file(tmp_path, 'name = "dsc"', 'name = "nsd"\ntolerance_mm = 2.0')
    path = heir(
        tmp_path,
        """
        base = "mine.toml"
        name = "heir"
        [limits]
        memory_mib = 100
        [scoring]
        metrics = [{ name = "nsd", tolerance_mm = 3.0 }, { name = "iou" }]
        """,
    )
    rules = load_protocol(str(path))
    assert (rules.name, rules.version) == ("heir", "1")
    assert (rules.limits.memory_mib, rules.limits.timeout_s) == (100, 60.0)
    assert rules.scoring.names == ("dsc", "nsd", "iou")
    assert rules.scoring.metrics[1].settings == {"tolerance_mm": 3.0}


@pytest.mark.parametrize("base", ["heir.toml", "nothing.toml"])
def test_a_base_that_is_missing_or_its_own_heir_is_one_line(tmp_path: Path, base: str) -> None:
    path = heir(tmp_path, f'base = "{base}"')
    with pytest.raises(ProtocolError, match=base):
        load_protocol(str(path))


def test_traps_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("protocol", "show", "flare22") == 0
    shown = capsys.readouterr().out
    traps = load_protocol("flare22").traps
    assert traps and all(trap in shown for trap in traps)


@pytest.mark.parametrize(
    ("fractions", "outcome", "dsc"), [("refuse", "bad_output", "0.0"), ("cut", "ok", "1.0")]
)
def test_fractions_are_refused_or_cut(
    tmp_path: Path, fractions: str, outcome: str, dsc: str
) -> None:
    protocol_file(tmp_path, 'name = "dsc"')
    path = heir(tmp_path, f'base = "mine.toml"\noutput.fractions = "{fractions}"')
    found = score_pairs(tmp_path, path, {"CT_1": (LABELS, LABELS * np.float32(1.75))})
    assert (found["CT_1"]["outcome"], found["CT_1"]["dsc"]) == (outcome, dsc)


@pytest.mark.parametrize(("fractions", "whole", "any_"), [("up", 1.0, 1.0), ("apart", 0.5, 1.0)])
def test_fractions_may_be_raised_or_a_label_of_their_own(
    tmp_path: Path, fractions: str, whole: float, any_: float
) -> None:
    protocol_file(tmp_path, 'name = "sensitivity"')
    path = heir(
        tmp_path,
        f"""
        base = "mine.toml"
        output.fractions = "{fractions}"
        [scoring]
        labels = []
        regions = [{{ name = "whole", labels = "whole" }}, {{ name = "any", labels = "any" }}]
        """,
    )
    half = LABELS.astype(np.float16)
    half[2] *= 0.5
    score_pairs(tmp_path, path, {"CT_1": (LABELS, half), "CT_2": (LABELS, half * 0)})
    found = {
        (row["case"], row["label"]): float(row["sensitivity"])
        for row in read_rows(tmp_path / "out" / "label_scores.csv")
        if row["label"] in ("whole", "any")
    }
    assert (found["CT_1", "whole"], found["CT_1", "any"]) == (whole, any_)
    assert (found["CT_2", "whole"], found["CT_2", "any"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("unexpected", "outcome", "dsc"),
    [("ignore", "ok", "1.0"), ("worst", "ok", "0.0"), ("bad_output", "bad_output", "0.0")],
)
def test_a_label_that_nobody_asked_for_costs_what_the_protocol_says(
    tmp_path: Path, unexpected: str, outcome: str, dsc: str
) -> None:
    protocol_file(tmp_path, 'name = "dsc"')
    path = heir(
        tmp_path, f'base = "mine.toml"\nscoring.labels = [1]\nscoring.unexpected = "{unexpected}"'
    )
    prediction = LABELS.copy()
    prediction[0, 0, 0] = 9
    found = score_pairs(tmp_path, path, {"CT_1": (LABELS, prediction)})["CT_1"]
    assert (found["outcome"], found["dsc"]) == (outcome, dsc)
    assert ("9" in found["reason"]) == (unexpected == "bad_output")


def test_references_are_the_files_that_the_protocol_names(tmp_path: Path) -> None:
    protocol_file(tmp_path, 'name = "dsc"')
    path = heir(tmp_path, 'base = "mine.toml"\nreferences.path = "{case}/truth.npz"')
    arguments = write_folders(tmp_path, {"CT_1": (LABELS, LABELS)})
    (tmp_path / "gts" / "part" / "CT_1").mkdir(parents=True)
    (tmp_path / "gts" / "CT_1.npz").rename(tmp_path / "gts" / "part" / "CT_1" / "truth.npz")
    (tmp_path / "gts" / "part" / "CT_1" / "image.npz").touch()
    assert command(*arguments, "--protocol", path) == 0
    (row,) = read_rows(tmp_path / "out" / "case_scores.csv")
    assert (row["case"], row["dsc"]) == ("CT_1", "1.0")


def write_mha(path: Path, labels: np.ndarray, origin: tuple[float, float, float]) -> None:
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin(origin)
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize("form", ["nii.gz", "mha"])
@pytest.mark.parametrize(("grid", "outcome"), [("nearest", "ok"), ("reference", "bad_output")])
def test_a_mask_of_another_field_of_view_is_cut_and_filled_up(
    tmp_path: Path, form: str, grid: str, outcome: str
) -> None:
    protocol_file(tmp_path, 'name = "dsc"')
    path = heir(
        tmp_path,
        f"""
        base = "mine.toml"
        prompts = []
        output = {{ path = "{{case}}.{form}", format = "{form}", key = "", grid = "{grid}" }}
        """,
    )
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    write_mha(tmp_path / "gts" / f"CT_1.{form}", LABELS, (10.0, 20.0, 30.0))
    # Without the first two columns and with a row and two slices more, and a third of a voxel off.
    wider = np.pad(LABELS[:, :, 2:], ((2, 0), (0, 1), (0, 0)))
    write_mha(tmp_path / "segs" / f"CT_1.{form}", wider, (12.3, 20.0, 24.0))
    folders = ("--references", tmp_path / "gts", "--predictions", tmp_path / "segs")
    assert command("score", *folders, "--protocol", path, "--out", tmp_path / "out") == 0
    (row,) = read_rows(tmp_path / "out" / "case_scores.csv")
    assert row["outcome"] == outcome
    if outcome == "ok":
        assert float(row["dsc"]) == 2 * 24 / (32 + 24)  # a quarter of the object lies outside


@pytest.mark.parametrize("form", ["nii.gz", "mha"])
def test_only_what_lies_in_its_box_is_scored_of_a_case(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol_file(tmp_path, 'name = "dsc"')
    path = heir(
        tmp_path,
        f"""
        base = "mine.toml"
        prompts = []
        references = {{ path = "{{case}}.{form}", fields = "boxes.csv" }}
        output = {{ path = "{{case}}.{form}", format = "{form}", key = "", grid = "reference" }}
        """,
    )
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    write_mha(tmp_path / "gts" / f"CT_1.{form}", LABELS, (10.0, 20.0, 30.0))
    prediction = LABELS.copy()
    prediction[:, :, 3:] = 0  # of its four columns, 1 to 4, two are missed: 3 and 4
    prediction[:, :, 0] = 1  # and one is made up
    write_mha(tmp_path / "segs" / f"CT_1.{form}", prediction, (0.0, 0.0, 0.0))
    folders = ("--references", tmp_path / "gts", "--predictions", tmp_path / "segs")
    arguments = (*folders, "--protocol", path, "--out", tmp_path / "out")
    boxes = tmp_path / "gts" / "boxes.csv"
    # Columns 1 to 3, which begin at 11 mm, and all rows and slices and more.
    boxes.write_text("case,x1,y1,z1,x2,y2,z2\nCT_1,11,10,27,14,40,60\n", encoding="utf-8")
    assert command("score", *arguments) == 0
    (row,) = read_rows(tmp_path / "out" / "case_scores.csv")
    # Two columns of the reference's three in the box are found.
    assert float(row["dsc"]) == 2 * 2 / (3 + 2)
    boxes.rename(tmp_path / "gts" / "gone.csv")
    capsys.readouterr()
    assert command("score", *arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_case_without_any_label_has_the_value_that_the_protocol_says(tmp_path: Path) -> None:
    protocol_file(tmp_path, 'name = "dsc"')
    path = heir(
        tmp_path,
        """
        base = "mine.toml"
        [scoring]
        labels = [1, 2]
        metrics = [{ name = "dsc", empty = { both = "skip", case = 0.25 } }]
        """,
    )
    nothing = np.zeros_like(LABELS)
    found = score_pairs(tmp_path, path, {"CT_1": (nothing, nothing), "CT_2": (LABELS, LABELS)})
    assert (found["CT_1"]["dsc"], found["CT_2"]["dsc"]) == ("0.25", "1.0")


def test_a_region_may_count_in_the_case_by_some_metrics_alone(tmp_path: Path) -> None:
    protocol_file(tmp_path, 'name = "dsc"', 'name = "iou"')
    path = heir(
        tmp_path,
        """
        base = "mine.toml"
        [scoring]
        labels = []
        [[scoring.regions]]
        name = "one"
        labels = [1]
        metrics = ["dsc"]
        [[scoring.regions]]
        name = "all"
        labels = "any"
        in_case_mean = ["iou"]
        """,
    )
    prediction = np.where(LABELS, 2, 0).astype(np.uint8)
    found = score_pairs(tmp_path, path, {"CT_1": (LABELS, prediction)})["CT_1"]
    assert (found["dsc"], found["iou"]) == ("0.0", "1.0")
