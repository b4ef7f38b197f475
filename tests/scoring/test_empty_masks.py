"""False alarms cost what the protocol says, and what is left out of a mean is counted."""

from pathlib import Path

import numpy as np
import pytest

from tests.scoring.folders import command, protocol_file, read_rows, score_pairs, write_folders

CUBE = np.zeros((12, 16, 16), np.uint8)
CUBE[2:10, 2:10, 2:10] = 1
EMPTY = np.zeros_like(CUBE)
MADE_UP = CUBE.copy()
MADE_UP[2:10, 8:16, 10:16] = 2

DISTANCES = ('name = "hd95"', 'name = "volume_difference"')


def test_a_label_that_nobody_asked_for_counts_as_a_miss_does(tmp_path: Path) -> None:
    row = score_pairs(tmp_path, "segjudge", {"3DBox_CT_1": (CUBE, MADE_UP)})["3DBox_CT_1"]
    assert (float(row["dsc"]), float(row["nsd"])) == (0.5, 0.5)
    old = score_pairs(tmp_path / "1", "segjudge-1", {"3DBox_CT_1": (CUBE, MADE_UP)})["3DBox_CT_1"]
    assert (float(old["dsc"]), float(old["nsd"])) == (1.0, 1.0)


def test_a_healthy_case_is_perfect_if_nothing_is_marked_and_worth_nothing_otherwise(
    tmp_path: Path,
) -> None:
    pairs = {"3DBox_CT_1": (EMPTY, EMPTY), "3DBox_CT_2": (EMPTY, CUBE)}
    rows = score_pairs(tmp_path, "segjudge", pairs)
    assert [(float(row["dsc"]), float(row["nsd"])) for row in rows.values()] == [(1, 1), (0, 0)]
    summary = {row["metric"]: row for row in read_rows(tmp_path / "out" / "modality_scores.csv")}
    assert (summary["dsc"]["n"], float(summary["dsc"]["mean"])) == ("2", 0.5)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [('"worst"', 0.0), ("0.25", 0.25), ('"skip"', None), ('"undefined"', None)],
)
def test_a_protocol_chooses_what_a_false_alarm_counts(
    tmp_path: Path, rule: str, expected: float | None
) -> None:
    mine = protocol_file(tmp_path, f'name = "dsc"\nempty = {{ reference = {rule} }}')
    pairs = {"3DBox_CT_1": (EMPTY, CUBE), "3DBox_CT_2": (CUBE, MADE_UP)}
    rows = score_pairs(tmp_path / "data", mine, pairs)
    found = rows["3DBox_CT_1"]["dsc"]
    assert (float(found) if found else None) == expected
    beside = {'"skip"': 1.0, '"undefined"': None}
    both = beside.get(rule, (1.0 + (expected or 0.0)) / 2)
    found = rows["3DBox_CT_2"]["dsc"]
    assert (float(found) if found else None) == both


def test_a_distance_of_a_missed_or_made_up_label_is_the_cases_diagonal(tmp_path: Path) -> None:
    mine = protocol_file(tmp_path, *DISTANCES)
    pairs = {"3DBox_CT_1": (CUBE, EMPTY), "3DBox_CT_2": (EMPTY, CUBE), "3DBox_CT_3": (CUBE, None)}
    rows = score_pairs(tmp_path / "data", mine, pairs)
    diagonal = float(np.linalg.norm(CUBE.shape))
    assert [float(row["hd95"]) for row in rows.values()] == pytest.approx([diagonal] * 3)
    # How much larger than nothing a label is, in percent, nobody can say: left out, and counted.
    assert [row["volume_difference"] for row in rows.values()] == ["100.0", "", "100.0"]


def test_objects_of_a_healthy_case_are_counted_and_distances_may_be_in_voxels(
    tmp_path: Path,
) -> None:
    settings = 'reading = "pooled"\nunit = "voxels"'
    mine = protocol_file(
        tmp_path,
        'name = "lesion_fp"',
        'name = "lesion_fn"',
        f'name = "hd95"\n{settings}',
        f'name = "far"\nmetric = "hd95"\n{settings}\ncap_mm = 2.0',
    )
    far = np.roll(CUBE, 4, axis=2)
    far[0, 0, 0] = 1
    pairs = {"3DBox_CT_1": (EMPTY, far), "3DBox_CT_2": (CUBE, far), "3DBox_CT_3": (EMPTY, EMPTY)}
    rows = list(score_pairs(tmp_path / "data", mine, pairs, spacing_mm=0.25).values())
    assert [(float(row["lesion_fp"]), float(row["lesion_fn"])) for row in rows] == [
        (2, 0),  # two that nobody asked for
        (2, 1),  # an IoU of a third
        (0, 0),
    ]
    diagonal = float(np.linalg.norm(CUBE.shape))
    assert [row["hd95"] for row in rows] == [str(diagonal), "4.0", ""]
    assert rows[1]["far"] == "2.0"


def test_a_penalty_that_is_declared_may_be_longer_than_the_diagonal(tmp_path: Path) -> None:
    mine = protocol_file(
        tmp_path,
        'name = "lesion_hd95"\npenalty_mm = 374.0',
        'name = "unlimited"\nmetric = "lesion_hd95"',
    )
    row = score_pairs(tmp_path / "data", mine, {"3DBox_CT_1": (CUBE, EMPTY)})["3DBox_CT_1"]
    diagonal = float(np.linalg.norm(CUBE.shape))
    assert (float(row["lesion_hd95"]), float(row["unlimited"])) == (374.0, diagonal)


def test_what_a_mean_leaves_out_is_counted_where_it_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = protocol_file(tmp_path, 'name = "dsc"', 'name = "volume_difference"')
    pairs = {"3DBox_CT_1": (CUBE, CUBE), "3DBox_CT_2": (EMPTY, CUBE)}
    score_pairs(tmp_path / "data", mine, pairs)
    said = capsys.readouterr()
    assert "(n=1)" in said.out
    assert "3DBox_CT_2: volume_difference undefined" in said.err
    summary = read_rows(tmp_path / "data" / "out" / "modality_scores.csv")
    assert {
        row["metric"]: row["n"] for row in summary if row["metric"] in ("dsc", "volume_difference")
    } == {
        "dsc": "2",
        "volume_difference": "1",
    }


@pytest.mark.parametrize("protocol", ["segjudge-1", "segjudge"])
def test_every_label_that_is_made_up_is_listed(tmp_path: Path, protocol: str) -> None:
    prediction = CUBE.copy()
    prediction[0, 0, :6] = [3, 3, 3, 5, 5, 9]
    score_pairs(tmp_path, protocol, {"3DBox_CT_1": (CUBE, prediction)})
    rows = read_rows(tmp_path / "out" / "label_scores.csv")
    assert [(row["label"], row["prediction_voxels"]) for row in rows] == [
        ("1", "512"),
        ("3", "3"),
        ("5", "2"),
        ("9", "1"),
    ]


def test_one_metric_may_be_there_twice_under_names_of_its_own(tmp_path: Path) -> None:
    mine = protocol_file(
        tmp_path,
        'name = "nsd"\ntolerance_mm = 1.0',
        'name = "nsd_wide"\nmetric = "nsd"\ntolerance_mm = 4.0',
        'name = "gated"\nmetric = "dsc"\ngate = { metric = "nsd", above = 0.99 }',
    )
    moved = np.roll(CUBE, 3, axis=2)
    row = score_pairs(tmp_path / "data", mine, {"3DBox_CT_1": (CUBE, moved)})["3DBox_CT_1"]
    assert float(row["nsd"]) < float(row["nsd_wide"]) == 1.0
    assert float(row["gated"]) == 0.0


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ('name = "dcs"', ["metric dcs", "dsc"]),
        ('name = "wall_s"', ["wall_s", "no mask"]),
        ('name = "nsd"', ["no tolerance_mm"]),
        ('name = "nsd"\ntolerence_mm = 2.0', ["tolerence_mm", "tolerance_mm"]),
        ('name = "nsd"\ntolerance_mm = -1.0', ["tolerance_mm", "-1.0"]),
        ('name = "dsc"\ntolerance_mm = 1.0', ["tolerance_mm", "dsc has not"]),
        ('name = "dsc"\nempty = { noth = 1.0 }', ["noth"]),
        ('name = "dsc"\nempty = { both = "bad" }', ["bad"]),
        ('name = "dsc"\ngate = { metric = "nsd", above = 0.2 }', ["gate.metric", "nsd"]),
        ('name = "hd95"\nmetric = "dsc"', ["name of another metric"]),
        ('name = "team"\nmetric = "dsc"', ["another column"]),
        ('name = "dsc"\n[[scoring.metrics]]\nname = "dsc"', ["each name once"]),
    ],
)
def test_a_metric_that_can_not_be_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metric: str, words: list[str]
) -> None:
    mine = protocol_file(tmp_path, metric)
    arguments = write_folders(tmp_path / "data", {"3DBox_CT_1": (CUBE, CUBE)})
    assert command(*arguments, "--protocol", mine) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in words), said


def test_a_volume_of_false_alarms_is_measured_in_a_healthy_case_too(tmp_path: Path) -> None:
    mine = protocol_file(tmp_path, 'name = "fp_volume_ml"')
    pairs = {"3DBox_CT_1": (EMPTY, EMPTY), "3DBox_CT_2": (EMPTY, CUBE)}
    rows = score_pairs(tmp_path / "data", mine, pairs)
    # 512 voxels of 1 mm.
    assert [float(row["fp_volume_ml"]) for row in rows.values()] == pytest.approx([0.0, 0.512])
