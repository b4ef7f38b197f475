"""The report of a challenge that ranks by regions and asks for numbers over cases."""

import csv
from pathlib import Path

from synthetic_run import Scale, make_run

from tests.scoring.folders import command

RULES = """
base = "segjudge"
name = "mine"
[scoring]
labels = []
regions = [{ name = "all", labels = "any" }, { name = "first", labels = [1] }]
cohort = [{ metric = "dsc", statistics = ["mean"], joined = "-" }]
[ranking]
rank_level = "label"
tie_breaks = ["dsc[first]"]
metrics = [{ name = "dsc" }, { name = "nsd" }, { name = "wall_s" }]
"""


def test_it_shows_each_regions_places_and_the_numbers_over_cases(tmp_path: Path) -> None:
    root = make_run(tmp_path, Scale(cases_each=1)).run.root
    data, rules = tmp_path / "data" / "manifest.json", tmp_path / "mine.toml"
    rules.write_text(RULES, encoding="utf-8")
    assert command("score", root, "--protocol", rules, "--manifest", data, "--jobs", 1) == 0
    assert command("rank", root, "--bootstrap", 20) == 0
    assert command("report", root, "--manifest", data) == 0
    page = (root / "report" / "index.html").read_text(encoding="utf-8")
    words = (
        "Places within the cases, DSC of first",
        "in each label or region",
        "Numbers over cases",
    )
    assert all(text in page for text in words)
    with (root / "report" / "tables" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if not row["Modality"]]
    assert {row["Label"] for row in rows} == {"", "all", "first"}
    assert all(row["Low (95 %)"] <= row["Value"] <= row["High (95 %)"] for row in rows)
