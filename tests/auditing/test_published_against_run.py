"""A paper's table is held against a run: each cell's aggregation is named, or the cell is found."""

import csv
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_run import TEAMS, Scale, make_run

from evaluate.cli import main
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.store import RunDirectory

NAMES = {"Aurora Seg": TEAMS[0], "box-filler": TEAMS[1]}
MODALITIES = ("CT", "Dermoscopy", "MR", "Ultrasound")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Three teams with uneven numbers of cases, the second with a failure."""
    left_out = tuple(f"3DBox_CT_{n:04d}" for n in range(3, 6))
    failures = {(TEAMS[1], "3DBox_CT_0002"): Outcome.TIMEOUT}
    scale = Scale(masks=False, left_out=left_out, failures=failures)
    return make_run(tmp_path_factory.mktemp("published"), scale).run


def values(
    run: RunDirectory, team: str, metric: str, *, without_failures: bool = False
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in run.read_rows(CaseScore):
        if row.team == team and not (without_failures and row.outcome.is_failure):
            found.setdefault(row.modality, []).append(row.values[metric])
    return found


def macro(of: dict[str, list[float]]) -> float:
    return statistics.mean(statistics.mean(v) for v in of.values())


def micro(of: dict[str, list[float]]) -> float:
    return statistics.mean(x for v in of.values() for x in v)


def table(
    run: RunDirectory,
    overall: Callable[[dict[str, list[float]]], float],
    *,
    without_failures: bool = False,
) -> list[list[str]]:
    """By modality and over all, DSC and time, as a paper prints them."""
    rows = [["Method", *(f"{m} DSC (%)" for m in MODALITIES), "Average DSC (%)", "Time (s)"]]
    for name, team in NAMES.items():
        dsc = values(run, team, "dsc", without_failures=without_failures)
        wall = values(run, team, "wall_s", without_failures=without_failures)
        cells = [f"{100 * statistics.mean(dsc[m]):.2f}" for m in MODALITIES]
        rows.append([name, *cells, f"{100 * overall(dsc):.2f}", f"{overall(wall):.2f}"])
    return rows


def audited(
    rows: list[list[str]], run: RunDirectory, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, list[dict[str, str]]], str]:
    path, out = folder / "table.csv", folder / "audit.json"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    options = ["--published", str(path), str(run.root), "--json", str(out)]
    code = main(["audit", *options])
    return code, json.loads(out.read_text(encoding="utf-8")), capsys.readouterr().out


@pytest.mark.parametrize(("way", "word"), [(macro, "(macro)"), (micro, "(micro)")])
def test_the_aggregation_of_a_right_table_is_named(
    run: RunDirectory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    way: Callable[[dict[str, list[float]]], float],
    word: str,
) -> None:
    code, found, said = audited(table(run, way), run, tmp_path, capsys)
    assert (code, found["findings"]) == (0, [])
    assert "dsc over all: 2 of 2 cells are the mean" in said
    assert f"{word}" in said
    assert "dsc by modality: 8 of 8 cells are the mean over cases" in said


def test_a_table_without_its_failures_is_named_so(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(run, macro, without_failures=True)
    code, _, said = audited(rows, run, tmp_path, capsys)
    assert code == 0
    assert "dsc by modality: 8 of 8 cells are the mean over cases, failures excluded" in said


def test_one_wrong_digit_is_found_in_its_cell_and_nothing_else(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(run, macro)
    right = rows[1][6]
    rows[1][6] = f"{float(right) + 0.1:.2f}"
    code, found, _ = audited(rows, run, tmp_path, capsys)
    assert code == 1
    (finding,) = found["findings"]
    assert (finding["kind"], finding["where"]) == ("score", "line 2, Time (s), Aurora Seg")
    assert right[:-1] in finding["expected"]


def test_a_swapped_pair_of_teams_is_found_in_every_cell(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(run, macro)
    rows[1][0], rows[2][0] = rows[2][0], rows[1][0]
    code, found, _ = audited(rows, run, tmp_path, capsys)
    assert code == 1
    assert len(found["findings"]) == 12
    assert {finding["kind"] for finding in found["findings"]} == {"score"}


def test_a_team_that_the_run_does_not_know_is_open(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(run, macro)
    rows.append(["somebody", *["50.00"] * 5, "3.00"])
    code, found, _ = audited(rows, run, tmp_path, capsys)
    assert code == 1
    assert [(f["kind"], f["where"]) for f in found["findings"]] == [("open", "team somebody")]


def test_a_wrong_place_is_found(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [[*row, rank] for row, rank in zip(table(run, macro), ("Rank", "2", "1"), strict=True)]
    code, found, _ = audited(rows, run, tmp_path, capsys)
    assert code == 1
    assert {f["kind"] for f in found["findings"]} == {"rank"}


def test_no_team_of_the_run_is_bad_input(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Team,DSC\nx,0.9\ny,0.8\n", encoding="utf-8")
    assert main(["audit", "--published", str(path), str(run.root)]) == 2
    said = capsys.readouterr().err
    assert "teams of the run" in said
    assert said.count("\n") == 1


def test_audit_without_a_run_or_a_table_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 2
    assert "RUN_DIR" in capsys.readouterr().err


def test_a_hostile_cell_is_printed_harmlessly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Team,\x1b[31mCT DSC\na,0.9\nb,1.8\n", encoding="utf-8")
    assert main(["audit", "--published", str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().out
