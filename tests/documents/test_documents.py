"""Every JSON document is of one type, whose schema in docs/schemas is the one that it follows."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from synthetic_run import TEAMS, Scale, make_run

from evaluate.cli import main
from evaluate.documents.check import CheckDocument
from evaluate.documents.doctor import DoctorDocument
from evaluate.documents.published import PublishedDocument
from evaluate.documents.schemas import DOCUMENTS, schema_of
from evaluate.documents.team_comparison import ComparisonDocument

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_in_the_docs_is_the_types_own(name: str) -> None:
    assert (SCHEMAS / f"{name}.json").read_text(encoding="utf-8") == schema_of(name), (
        "make it again: python -m evaluate.documents.schemas"
    )


def test_no_schema_is_left_of_a_document_that_is_no_more() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(DOCUMENTS)


def same_again(path: Path, kind: type) -> None:
    """What is written is read as its type, and nothing of it is lost."""
    data = path.read_bytes()
    read = msgspec.json.decode(data, type=kind)
    assert json.loads(msgspec.json.encode(read)) == json.loads(data)


def test_compare_and_published_write_documents_of_their_types(tmp_path: Path) -> None:
    run = make_run(tmp_path, Scale(masks=False)).run.root
    out = tmp_path / "found.json"
    teams = ("--team", TEAMS[0], "--with", TEAMS[1])
    assert main(["compare", str(run), str(run), *teams, "--json", str(out)]) == 0
    same_again(out, ComparisonDocument)
    table = tmp_path / "table.csv"
    table.write_text("team,DSC\na,0.9\nb,1.7\n", encoding="utf-8")
    assert main(["published", str(table), "--json", str(out)]) == 1
    same_again(out, PublishedDocument)


def test_check_and_doctor_write_documents_of_their_types(
    tmp_path: Path, segjudge: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///tmp/none.sock")
    segjudge("init", "my-team")
    segjudge("check", "my-team", "--static", "--json", "check.json")
    same_again(tmp_path / "check.json", CheckDocument)
    segjudge("doctor", "--json", "doctor.json")
    same_again(tmp_path / "doctor.json", DoctorDocument)
