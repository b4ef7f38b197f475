"""No stage works on what an earlier one has replaced; tables read as they were written."""

import csv
import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evaluate.cli import main
from evaluate.documents.tables import read_table, write_table
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from tests.scoring.folders import read_rows

Command = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def finished(small_data: Path, participants: Path, tmp_path: Path) -> Path:
    """A run of one team, scored, ranked and reported."""
    run = tmp_path / "run"
    assert command(*run_of(small_data, run, boxfill=participants / "boxfill")) == 0
    for stage in (("score", run, "--jobs", 1), ("rank", run, "--bootstrap", 20), ("report", run)):
        assert command(*stage) == 0
    return run


def run_of(data: Path, run: Path, **submissions: Path) -> list[object]:
    named = [f"--submission={team}={reference}" for team, reference in submissions.items()]
    return ["run", "--manifest", data, "--protocol", "cvpr24", *named, run, "--sandbox", "local"]


def test_a_team_that_came_later_must_be_scored_before_it_is_ranked(
    finished: Path,
    small_data: Path,
    participants: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = read_rows(finished / "runs.csv")
    assert command(*run_of(small_data, finished, late=participants / "tworegion")) == 0
    # A column that only the later team's runs have is empty in the rows of the others.
    both = [row for row in read_rows(finished / "runs.csv") if row["team"] == "boxfill"]
    assert len(both) == 4 and all(a.items() <= b.items() for a, b in zip(first, both, strict=True))
    capsys.readouterr()
    assert command("rank", finished) == 2
    assert "segjudge score" in capsys.readouterr().err
    assert command("score", finished, "--jobs", 1) == 0
    assert command("report", finished) == 2
    assert "segjudge rank" in capsys.readouterr().err
    assert command("rank", finished, "--bootstrap", 20) == 0
    assert command("report", finished) == 0
    assert "late" in (finished / "report" / "index.html").read_text("utf-8")
    left = finished / "report" / "teams" / "gone.html"
    left.write_text("a team that is no longer in the run", "utf-8")
    assert command("report", finished) == 0
    assert sorted(p.name for p in left.parent.iterdir()) == ["boxfill.html", "late.html"]


def test_a_run_with_nothing_left_to_do_changes_nothing_for_the_later_stages(
    finished: Path, small_data: Path, participants: Path
) -> None:
    assert command("audit", finished) == 0
    assert command(*run_of(small_data, finished, boxfill=participants / "boxfill")) == 0

    assert command("report", finished) == 0
    assert command("audit", finished) == 0


@pytest.mark.parametrize("also", [(), ("runs.csv",)])
def test_scores_are_never_replaced_where_the_ledger_has_lost_their_results(
    finished: Path, also: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (finished / "case_scores.csv").read_bytes()
    for path in (*finished.glob("ledger.sqlite*"), *(finished / name for name in also)):
        path.unlink()
    assert command("score", finished, "--jobs", 1) == 2
    said = capsys.readouterr().err
    assert f"segjudge: {finished / 'ledger.sqlite'}: no result of boxfill " in said
    assert (finished / "case_scores.csv").read_bytes() == before


def test_a_ranking_by_what_samples_have_seen_says_so(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(finished / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("update attempts set measured_by = 'stats' where attempt > 1")
    capsys.readouterr()
    assert command("protocol", "show", "segjudge") == 0
    rules = capsys.readouterr().out.replace('name = "wall_s"', 'name = "peak_memory_mib"')
    (tmp_path / "mine.toml").write_text(rules, "utf-8")
    scored = ("score", finished, "--protocol", tmp_path / "mine.toml", "--jobs", 1)
    assert command(*scored) == 0
    assert command("rank", finished, "--bootstrap", 20) == 0
    words = "peak_memory_mib: measured by samples (`measured_by` stats)"
    assert words in capsys.readouterr().err
    assert "boxfill (3 runs)" in (finished / "ranking.json").read_text("utf-8")


def test_another_protocol_scores_again_and_the_audit_follows_it(finished: Path) -> None:
    before = (finished / "case_scores.csv").read_text("utf-8")
    assert command("score", finished, "--protocol", "segjudge", "--jobs", 1) == 0
    assert (finished / "case_scores.csv").read_text("utf-8") != before
    assert command("rank", finished, "--bootstrap", 20) == 0
    assert command("audit", finished) == 0
    facts = json.loads((finished / "run.json").read_text("utf-8"))
    assert facts["rules"][facts["stages"]["score"]]["name"] == "segjudge"


def test_an_edited_score_is_found_with_its_cell(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = finished / "case_scores.csv"
    rows = table.read_text("utf-8").splitlines(keepends=True)
    cells = rows[1].split(",")
    cells[6] = "0.999"
    rows[1] = ",".join(cells)
    table.write_text("".join(rows), "utf-8")
    capsys.readouterr()
    assert command("audit", finished) == 1
    said = capsys.readouterr().out
    assert "case_scores.csv" in said and "dsc" in said and "0.999" in said


def test_running_again_gives_the_same_masks(finished: Path) -> None:
    assert command("audit", finished, "--rerun", "--sandbox", "local") == 0
    (verdict,) = json.loads((finished / "audit.json").read_text("utf-8"))["verdicts"]
    assert verdict["verdict"] == "reproduced bit for bit"


def test_check_tells_a_team_what_fails(
    small_data: Path,
    make_submission: Callable[[str, str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = make_submission("bad", "import monai_that_is_not_there\n")
    report = tmp_path / "check.json"
    code = command(
        *("check", bad, "--manifest", small_data, "--sandbox", "local", "--json", report)
    )
    assert code == 1
    assert "a Python package is missing" in capsys.readouterr().out
    found = json.loads(report.read_text("utf-8"))
    assert found["passed"] is False
    assert {case["outcome"] for case in found["cases"]} == {"nonzero_exit"}


def test_a_table_without_times_is_ranked_by_the_metrics_that_it_has(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_table(finished / "case_scores.csv", CaseScore)
    better = [
        msgspec.structs.replace(row.with_values(dsc=1.0, nsd=1.0), team="better") for row in rows
    ]
    untimed = [row.with_values(wall_s=None) for row in [*rows, *better]]
    table = tmp_path / "untimed.csv"
    write_table(table, untimed, CaseScore)
    rank = ("rank", "--scores", table, "--protocol", "cvpr24", "--bootstrap", 20)
    assert command(*rank, "--out", tmp_path / "a") == 2
    assert "wall_s" in capsys.readouterr().err
    assert command(*rank, "--out", tmp_path / "b", "--metric", "dsc:2", "--metric", "nsd") == 0
    with (tmp_path / "b" / "ranking.csv").open(newline="", encoding="utf-8") as stream:
        places = {row["team"]: row["rank"] for row in csv.DictReader(stream)}
    assert places == {"better": "1", "boxfill": "2"}
    assert command(*rank, "--out", tmp_path / "c", "--metric", "beauty") == 2


def test_a_table_of_another_tool_is_ranked(tmp_path: Path) -> None:
    table = tmp_path / "theirs.csv"
    table.write_text(
        "case,team,modality,nsd,rater\nc1,a,CT,0.5,x\nc1,b,CT,0.9,x\nc2,a,MR,0.2,y\nc2,b,MR,0.3,y\n"
    )
    rank = ("rank", "--scores", table, "--protocol", "segjudge", "--out", tmp_path / "out")
    assert command(*rank, "--metric", "nsd", "--bootstrap", 20) == 0
    with (tmp_path / "out" / "ranking.csv").open(newline="", encoding="utf-8") as stream:
        places = {row["team"]: row["rank"] for row in csv.DictReader(stream)}
    assert places == {"a": "2", "b": "1"}


@pytest.mark.parametrize(("direction", "first"), [("higher", "a"), ("lower", "b")])
def test_another_tools_metric_is_ranked_in_the_direction_that_is_named(
    tmp_path: Path, direction: str, first: str
) -> None:
    table = tmp_path / "theirs.csv"
    table.write_text("case,team,modality,warp\nc1,a,CT,5\nc1,b,CT,0.9\nc2,a,MR,2\nc2,b,MR,0.3\n")
    rank = ("rank", "--scores", table, "--protocol", "segjudge", "--bootstrap", 20)
    metric = ("--metric", f"warp:2:{direction}", "--out", tmp_path / "out")
    assert command(*rank, *metric) == 0
    document = json.loads((tmp_path / "out" / "ranking.json").read_text("utf-8"))
    with (tmp_path / "out" / "ranking.csv").open(newline="", encoding="utf-8") as stream:
        assert {row["team"]: row["rank"] for row in csv.DictReader(stream)}[first] == "1"
    assert document["methods"]["mean_then_rank"]["warp"]["ALL"]["a"]["value"] == 3.5


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("warp", "direction not named"),
        ("dsc:1:lower", "direction lower"),
        ("reason:1:higher", "no metric"),
        ("other:1:higher", "no column"),
    ],
)
def test_a_metric_that_can_not_be_ranked_by_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metric: str, words: str
) -> None:
    table = tmp_path / "theirs.csv"
    table.write_text("case,team,modality,warp\nc1,a,CT,5\nc1,b,CT,0.9\n")
    rank = ("rank", "--scores", table, "--protocol", "segjudge", "--out", tmp_path / "out")
    assert command(*rank, "--metric", metric) == 2
    assert words in capsys.readouterr().err


def test_the_ranks_options_are_kept_so_that_an_audit_ranks_alike(finished: Path) -> None:
    rank = ("rank", finished, "--bootstrap", 20, "--adjustment", "bh", "--compat", "challenger")
    assert command(*rank) == 0
    settings = json.loads((finished / "ranking.json").read_text("utf-8"))["settings"]
    assert (settings["adjustment"], settings["compat"]) == ("bh", "challenger")
    kept = json.loads((finished / "run.json").read_text("utf-8"))["ranking"]
    assert (kept["adjustment"], kept["compat"]) == ("bh", "challenger")
    assert command("audit", finished) == 0


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('tie_breaks = ["beauty"]', "ranking.tie_breaks"),
        ('tie_breaks = ["dsc", "dsc"]', "ranking.tie_breaks"),
        ("alpha = 0.0", "alpha"),
        ('adjustment = "bonferroni"', "adjustment"),
    ],
)
def test_a_protocol_with_impossible_ranking_rules_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, named: str
) -> None:
    assert command("protocol", "show", "segjudge") == 0
    text = capsys.readouterr().out
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('ties = "min"', f'ties = "min"\n{line}'), encoding="utf-8")
    assert command("protocol", "show", mine) == 2
    assert named in capsys.readouterr().err


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.sampled_from(
    ["=1+1", "+x", "-2", "@a", "'", "'=", 'a,"b"', "a\nb", "ü"]
)


@example(reasons=["=1+1", "'=", "'", "a\nb", "\tx"], numbers=(0.1, None, 1e-300, -0.0, 1e22))
@given(reasons=st.lists(TEXTS, min_size=1, max_size=4), numbers=st.tuples(*[NUMBERS] * 5))
def test_a_table_reads_as_it_was_written_and_holds_no_formula(
    tmp_path_factory: pytest.TempPathFactory,
    reasons: list[str],
    numbers: tuple[float | None, ...],
) -> None:
    names = ("dsc", "nsd", "wall_s", "cpu_s", "peak_memory_mib")
    rows = [
        CaseScore(
            team="a",
            case=f"c{number}",
            modality="CT",
            dimension="2D",
            outcome=Outcome.OK,
            reason=reason,
            values=dict(zip(names, numbers, strict=True)),
        )
        for number, reason in enumerate(reasons)
    ]
    path = tmp_path_factory.mktemp("table") / "case_scores.csv"
    write_table(path, rows, CaseScore)
    assert read_table(path, CaseScore) == rows
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            assert not row["reason"].startswith(("=", "+", "-", "@"))
