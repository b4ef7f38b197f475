"""Whatever is tampered with is found and named with its cause, and nothing else is flagged."""

import csv
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_manifest.layouts.npz_writing import write_npz
from tests.auditing.conftest import command

Tampered = Callable[[], Path]


def audit(run: Path, *options: object) -> list[dict[str, Any]]:
    """What the audit finds, and that its exit code says whether anything is open."""
    code = command("audit", run, *options)
    document = json.loads((run / "audit.json").read_text("utf-8"))
    findings: list[dict[str, Any]] = document["findings"]
    assert code == (0 if all(finding["is_harmless"] for finding in findings) else 1)
    assert document["passed"] is (code == 0)
    return findings


def alone(findings: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(findings) == 1, [(f["cause"], f["where"], f["found"]) for f in findings]
    return findings[0]


def edit_row(path: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Rewrite a table row by row; a row that becomes None is left out."""
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        rows = [after for row in reader if (after := change(dict(row))) is not None]
        columns = list(reader.fieldnames or ())
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")


def test_one_voxel_of_one_mask_is_named_with_the_scores_that_it_changes(tampered: Tampered) -> None:
    run = tampered()
    path = run / "predictions" / "beta" / "3DBox_CT_1.npz"
    with np.load(path) as stored:
        segs = stored["segs"].copy()
    segs[tuple(np.argwhere(segs == 1)[0])] = 0
    write_npz(path, {"segs": segs})
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("mask changed", "predictions/beta/3DBox_CT_1.npz")
    assert (found["teams"], found["cases"]) == (["beta"], ["3DBox_CT_1"])
    changed = {cell["where"] for cell in found["cells"]}
    assert "label_scores.csv, beta 3DBox_CT_1 CT 1, dsc" in changed
    assert "case_scores.csv, beta 3DBox_CT_1 CT, dsc" in changed
    assert not any(" 2, dsc" in where for where in changed)  # the other label is as it was


def test_a_changed_reference_is_named_with_every_team_that_it_touches(tampered: Tampered) -> None:
    run = tampered()
    path = run.parent / "data" / "references" / "2DBox_US_2.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["gts"] = arrays["gts"].copy()
    arrays["gts"][tuple(np.argwhere(arrays["gts"] == 2)[0])] = 0
    write_npz(path, arrays)
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("reference changed", "references/2DBox_US_2.npz")
    assert {cell["where"].split(" ")[1] for cell in found["cells"]} == {"alpha", "beta", "gamma"}


def test_changed_inputs_and_a_changed_log_are_named(tampered: Tampered) -> None:
    run = tampered()
    path = run.parent / "data" / "inputs" / "2DBox_US_1.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    (run / "logs" / "alpha" / "2DBox_US_1.log").write_text("all went well", "utf-8")
    assert [(f["cause"], f["where"]) for f in audit(run)] == [
        ("inputs changed", "inputs/2DBox_US_1.npz"),
        ("log changed", "logs/alpha/2DBox_US_1.log"),
    ]


@pytest.mark.parametrize(
    ("table", "team", "column"),
    [
        ("label_scores.csv", "alpha", "nsd"),
        ("case_scores.csv", "gamma", "dsc"),
        ("modality_scores.csv", "beta", "median"),
        ("runs.csv", "beta", "wall_s"),
        ("ranking.csv", "alpha", "mean_rank"),
    ],
)
def test_one_digit_of_a_table_is_named_by_its_cell(
    tampered: Tampered, table: str, team: str, column: str
) -> None:
    run = tampered()
    values: list[tuple[str, str]] = []

    def change(row: dict[str, str]) -> dict[str, str]:
        if row["team"] == team and not values and len(row[column]) > 2:
            digit = "1" if row[column][-1] != "1" else "2"
            values.append((row[column], row[column][:-1] + digit))
            row[column] = values[0][1]
        return row

    edit_row(run / table, change)
    found = alone(audit(run))
    assert found["cause"] == "edited table"
    assert found["where"].startswith(f"{table}, {team} ") or table == "ranking.csv"
    assert found["where"].endswith(f", {column}")
    assert (found["found"], found["recorded"]) == values[0]


def test_a_ranking_that_was_made_again_from_edited_scores_is_named(tampered: Tampered) -> None:
    run = tampered()

    def change(row: dict[str, str]) -> dict[str, str]:
        return {**row, "dsc": "0.99", "nsd": "0.99"} if row["team"] == "gamma" else row

    edit_row(run / "case_scores.csv", change)
    assert command("rank", run, "--bootstrap", 20) == 0
    found = {f["cause"]: f for f in audit(run)}
    assert found.keys() == {"edited table", "made from something else"}
    assert found["edited table"]["teams"] == ["gamma"]
    assert "ranking.csv" in found["made from something else"]["where"]
    assert "ranking.json" in found["made from something else"]["where"]


def test_one_value_of_the_ranking_is_named_by_its_path(tampered: Tampered) -> None:
    run = tampered()

    def change(document: Any) -> None:
        document["overall"]["alpha"]["rank"] = 3

    edit_json(run / "ranking.json", change)
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("edited table", "ranking.json, overall.alpha.rank")
    assert found["recorded"] == "3"


def test_a_key_that_no_ranking_has_is_named_by_its_path(tampered: Tampered) -> None:
    run = tampered()
    edit_json(run / "ranking.json", lambda document: document.update(bonus=1))
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("edited table", "ranking.json, bonus")


@pytest.mark.parametrize(
    "tables",
    [
        ("case_scores.csv",),
        ("label_scores.csv", "case_scores.csv", "modality_scores.csv", "ranking.csv"),
        ("ranking.csv", "ranking.json"),
    ],
)
def test_two_teams_that_changed_names_in_the_tables_are_named(
    tampered: Tampered, tables: tuple[str, ...]
) -> None:
    run = tampered()
    other = {"alpha": "gamma", "gamma": "alpha"}
    for table in tables:
        if table.endswith(".csv"):
            edit_row(run / table, lambda row: {**row, "team": other.get(row["team"], row["team"])})
        else:
            text = (run / table).read_text("utf-8").replace("alpha", "?").replace("gamma", "alpha")
            (run / table).write_text(text.replace("?", "gamma"), "utf-8")
    found = alone(audit(run))
    assert (found["cause"], found["teams"]) == ("swapped teams", ["alpha", "gamma"])
    assert found["where"] == "; ".join(tables)


def test_two_teams_whose_masks_changed_places_are_named(tampered: Tampered) -> None:
    run = tampered()
    folder = run / "predictions"
    (folder / "alpha").rename(folder / "x")
    (folder / "beta").rename(folder / "alpha")
    (folder / "x").rename(folder / "beta")
    found = alone(audit(run))
    assert (found["cause"], found["teams"]) == ("swapped teams", ["alpha", "beta"])
    assert found["where"] == "predictions/alpha, predictions/beta"


def test_two_teams_whose_images_changed_places_in_run_json_are_named(tampered: Tampered) -> None:
    run = tampered()

    def change(facts: Any) -> None:
        entries = {entry["team"]: entry for entry in facts["submissions"]}
        entries["alpha"]["team"], entries["beta"]["team"] = "beta", "alpha"

    edit_json(run / "run.json", change)
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("swapped teams", "run.json, submissions")


def test_a_changed_tolerance_is_named_with_the_scores_that_it_would_change(
    tampered: Tampered,
) -> None:
    run = tampered()

    def change(facts: Any) -> None:
        (rules,) = facts["rules"].values()
        rules["scoring"]["metrics"][1]["options"]["tolerance_mm"] = 0.5

    edit_json(run / "run.json", change)
    found = alone(audit(run))
    assert found["cause"] == "protocol changed"
    key = r"scoring\.metrics\[1\]\.options\.tolerance_mm"
    assert re.fullmatch(rf"run\.json, rules\.\w{{12}}\.{key}", found["where"])
    assert (found["recorded"], found["found"]) == ("2.0", "0.5")
    assert found["cells"] and all(cell["where"].endswith(", nsd") for cell in found["cells"])


def test_a_rule_that_was_changed_before_ranking_again_is_named(tampered: Tampered) -> None:
    run = tampered()

    def change(facts: Any) -> None:
        (rules,) = facts["rules"].values()
        rules["ranking"]["metrics"] = [{"name": "dsc"}]

    edit_json(run / "run.json", change)
    assert command("rank", run, "--bootstrap", 20) == 0
    found = audit(run)
    assert {f["cause"] for f in found} == {"protocol changed"}
    where = "; ".join(f["where"] for f in found)
    assert ".ranking.metrics" in where and "ranking.json" in where


def test_no_place_is_said_to_stand_where_the_ranking_is_older_than_the_scores(
    tampered: Tampered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tampered()
    assert command("protocol", "show", "segjudge") == 0
    rules = tmp_path / "stricter.toml"
    rules.write_text(capsys.readouterr().out.replace("= 2.0", "= 0.5"), "utf-8")
    assert command("score", run, "--protocol", rules, "--jobs", 1) == 0
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("made from something else", "the ranking")
    said = capsys.readouterr().out
    assert "`segjudge rank` makes the ranking again" in said
    assert "places: not known" in said and "stands" not in said
    assert json.loads((run / "audit.json").read_text("utf-8"))["places"] == []


@pytest.mark.parametrize("tables", [("case_scores.csv",), ("case_scores.csv", "label_scores.csv")])
def test_a_removed_failure_is_named(tampered: Tampered, tables: tuple[str, ...]) -> None:
    run = tampered()
    for table in tables:
        edit_row(
            run / table,
            lambda row: None if (row["team"], row["case"]) == ("gamma", "2DBox_XRay_1") else row,
        )
    found = alone(audit(run))
    assert (found["cause"], found["teams"]) == ("removed failure", ["gamma"])
    assert found["cases"] == ["2DBox_XRay_1"]


def test_a_failure_that_was_removed_and_averaged_away_is_named_in_every_table(
    tampered: Tampered,
) -> None:
    run = tampered()
    edit_row(
        run / "case_scores.csv",
        lambda row: None if (row["team"], row["case"]) == ("gamma", "2DBox_XRay_1") else row,
    )
    edit_row(
        run / "modality_scores.csv",
        lambda row: None if (row["team"], row["modality"]) == ("gamma", "X-Ray") else row,
    )
    assert {(f["cause"], f["where"].split(",")[0]) for f in audit(run)} == {
        ("removed failure", "case_scores.csv"),
        ("removed row", "modality_scores.csv"),
    }


def test_a_reordered_manifest_is_harmless_and_said_to_be(
    tampered: Tampered, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tampered()
    edit_json(run / "manifest.json", lambda manifest: manifest["cases"].reverse())
    capsys.readouterr()
    found = alone(audit(run))
    assert (found["cause"], found["where"]) == ("reordered", "manifest.json")
    assert found["is_harmless"] is True
    assert "harmless" in capsys.readouterr().out


def test_the_datas_own_manifest_may_be_reordered_too(tampered: Tampered) -> None:
    run = tampered()
    own = run.parent / "data" / "manifest.json"
    edit_json(own, lambda manifest: manifest["cases"].reverse())
    assert alone(audit(run))["where"] == "the data's manifest.json"
    assert alone(audit(run, "--manifest", own))["is_harmless"] is True


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("ranking", "seed", 99), ("machines", "host", "another"), ("calibration", "drift", 0.0001)],
)
def test_an_edited_fact_of_run_json_is_named(
    tampered: Tampered, part: str, key: str, value: object
) -> None:
    run = tampered()

    def change(facts: Any) -> None:
        inside = facts[part] if part == "ranking" else next(iter(facts[part].values()))
        if key == "host":
            inside["host"]["cpu"] = value
        else:
            inside[key] = value

    edit_json(run / "run.json", change)
    found = alone(audit(run))
    assert found["cause"] == "edited run.json"
    assert found["where"].startswith(f"run.json, {part}.") and f".{key}" in found["where"]


def test_a_changed_manifest_is_named_by_its_value(tampered: Tampered) -> None:
    run = tampered()

    def change(manifest: Any) -> None:
        manifest["cases"][0]["modality"] = "CT"

    edit_json(run / "manifest.json", change)
    found = alone(audit(run))
    assert (found["cause"], found["found"]) == ("manifest changed", '"CT"')
    assert found["where"] == "manifest.json, 2DBox_US_1.modality"


def test_rows_in_another_order_are_harmless(tampered: Tampered) -> None:
    run = tampered()
    lines = (run / "case_scores.csv").read_text("utf-8").splitlines()
    (run / "case_scores.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n", "utf-8")
    found = alone(audit(run))
    assert found["is_harmless"] is True and found["where"] == "case_scores.csv"


def test_a_mask_that_became_a_link_is_not_followed(tampered: Tampered) -> None:
    run = tampered()
    path = run / "predictions" / "alpha" / "2DBox_US_1.npz"
    kept = path.rename(run.parent / "kept.npz")
    path.symlink_to(kept)
    found = alone(audit(run))
    assert (found["cause"], found["found"]) == ("mask changed", "no file")
    assert path.is_symlink()


def test_other_sources_of_the_metric_are_told_from_an_edited_table(
    tampered: Tampered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is as it was written, and digits that this version does not give."""
    run = tampered()
    table = run / "label_scores.csv"
    edit_row(
        table,
        lambda row: (
            {**row, "nsd": "0.5"}
            if (row["team"], row["case"], row["label"]) == ("alpha", "3DBox_CT_1", "1")
            else row
        ),
    )

    def change(evidence: Any) -> None:  # as if another version had written the table so
        evidence["files"]["label_scores.csv"] = hashlib.sha256(table.read_bytes()).hexdigest()
        evidence["stages"]["score"]["versions"]["segjudge"] = "0.0.9"
        evidence["stages"]["score"]["code"]["metrics"] = "0" * 64

    edit_json(run / "evidence.json", change)
    found = alone(audit(run))
    assert found["cause"] == "another version of the metric"
    assert found["where"] == "label_scores.csv, alpha 3DBox_CT_1 CT 1, nsd"
    assert "segjudge 0.0.9 then" in found["found"] and "sources of metrics" in found["found"]
