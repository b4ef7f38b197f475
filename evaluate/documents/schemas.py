"""JSON schemas of the documents, made from their types: `python -m evaluate.documents.schemas`."""

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from pathlib import Path

import msgspec

DOCUMENTS: Mapping[str, str] = {
    "run": "run.RunDocument",
    "evidence": "evidence.Evidence",
    "audit": "audit.AuditDocument",
    "board": "board_log.BoardEvent",
    "comparison": "team_comparison.ComparisonDocument",
    "check": "check.CheckDocument",
    "doctor": "doctor.DoctorDocument",
    "journal": "journal.JournalDocument",
    "published": "published.PublishedDocument",
    "ranking": "ranking.RankingDocument",
    "status": "run_status.RunStatus",
}
"""Each document's module and type."""


def schema_of(name: str) -> str:
    """The JSON schema of a document, as docs/schemas holds it."""
    module, kind = DOCUMENTS[name].split(".")
    of = getattr(import_module(f"evaluate.documents.{module}"), kind)
    made = msgspec.json.schema(of, schema_hook=_whatever)
    for part in made.get("$defs", {}).values():
        # Python keeps the indentation of docstrings up to 3.12.
        part |= {key: cleandoc(part[key]) for key in ("description",) if key in part}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _whatever(kind: type) -> dict[str, object]:
    """Of a value that an engine says of itself: anything."""
    if kind is object:
        return {"description": "what a machine or an engine says of itself"}
    raise NotImplementedError(kind)


def write_schemas(folder: Path) -> None:
    """Write NAME.json of every document into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DOCUMENTS:
        (folder / f"{name}.json").write_text(schema_of(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schemas"))
