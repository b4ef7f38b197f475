"""Evidence holds the digests of all sources that a number passes through, and any edit shows."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_run import Scale, make_run

import data_manifest
import evaluate
import metrics
from evaluate.documents.evidence import read_evidence
from evaluate.store.sealing import code_digests, digest_of_sources
from evaluate.store.seals import seal_stage

EDITS: dict[str, Callable[[Path], object]] = {
    "a byte of Python": lambda f: (f / "label_scoring.py").write_text(
        "edited = 1\n", encoding="utf-8"
    ),
    "a byte of C": lambda f: (f / "kernel" / "kernel.c").write_text("/* edited */", "utf-8"),
    "a header": lambda f: (f / "kernel" / "new.h").write_text("#define X 1", encoding="utf-8"),
    "a new file": lambda f: (f / "another.py").write_text("", encoding="utf-8"),
    "a file under another name": lambda f: (f / "label_scoring.py").rename(f / "label_scores.py"),
    "a file less": lambda f: (f / "label_scoring.py").unlink(),
}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(metrics.__file__).parent, tmp_path / "metrics"))


def test_a_copy_of_the_sources_has_their_digest(copied: Path) -> None:
    assert digest_of_sources(copied) == code_digests()["metrics"]


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_of_the_sources_changes_their_digest(copied: Path, edit: str) -> None:
    EDITS[edit](copied)
    assert digest_of_sources(copied) != code_digests()["metrics"]


def test_what_a_stage_leaves_names_the_sources_of_every_room_that_makes_numbers(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path, Scale(masks=False)).run
    seal_stage(run, "score", "case_scores.csv")
    evidence = read_evidence(run.root)
    assert evidence is not None
    code = evidence.stages["score"].code
    house = Path(evaluate.__file__).parent
    folders = {f"evaluate.{name}": house / name for name in ("scoring", "ranking", "pairing")}
    folders |= {f"evaluate.{name}": house / name for name in ("facts", "documents")}
    folders["metrics"] = Path(metrics.__file__).parent
    folders["data_manifest"] = Path(data_manifest.__file__).parent
    assert code == {name: digest_of_sources(folder) for name, folder in folders.items()}
