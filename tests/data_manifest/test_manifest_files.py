"""A manifest is strict and keeps its content; its digest follows what is judged, nothing else."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data_manifest.errors import ManifestError
from data_manifest.manifest import Manifest, load_manifest, save_manifest
from evaluate.cli import main


def content_of(built: Path) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode((built / "manifest.json").read_bytes())
    return content


def loaded(content: object, folder: Path) -> Manifest:
    path = folder / "other.json"
    path.write_bytes(msgspec.json.encode(content))
    return load_manifest(path)


def test_a_manifest_comes_back_as_it_was_saved(built: Path) -> None:
    manifest = load_manifest(built / "manifest.json")
    save_manifest(manifest, built / "copy.json")
    assert load_manifest(built / "copy.json") == manifest
    assert (built / "copy.json").read_bytes() == (built / "manifest.json").read_bytes()
    assert manifest.preparation is not None
    assert (manifest.preparation.seed, manifest.preparation.jitter) == (4, 2)


def changed(content: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one value changed; `path` is like `cases.1.spacing_mm`; ... takes it out."""
    content = copy.deepcopy(content)
    *steps, last = path.split(".")
    place: Any = content
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is ...:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return content


def test_the_digest_follows_every_fact_of_every_case(built: Path) -> None:
    content = content_of(built)
    digest = loaded(content, built).digest()
    assert digest == load_manifest(built / "manifest.json").digest()
    for path, value in (
        ("name", "other"),
        ("cases.0.image.sha256", "0" * 64),
        ("cases.1.reference.sha256", "0" * 64),
        ("cases.1.spacing_mm", [2.5, 0.75, 0.25]),
        ("cases.1.labels.0.name", "kidney"),
        ("cases.2.modality", "MR"),
        ("cases.2.origin", "real"),
    ):
        assert loaded(changed(content, path, value), built).digest() != digest, path


def test_the_digest_does_not_follow_how_the_file_is_written_or_was_made(built: Path) -> None:
    content = content_of(built)
    digest = loaded(content, built).digest()
    turned = dict(reversed(content.items()))
    turned["cases"] = [dict(reversed(case.items())) for case in content["cases"]]
    assert loaded(turned, built).digest() == digest
    assert loaded(changed(content, "preparation.recipe", "0" * 64), built).digest() == digest
    assert loaded(changed(content, "preparation", ...), built).digest() == digest


WRONG: list[tuple[str, object, str]] = [
    ("schema", 2, "schema"),
    ("schema", ..., "schema"),
    ("cases", [], "at least one case"),
    ("surprise", 1, "surprise"),
    ("cases.0.surprise", 1, "surprise"),
    ("cases.0.id", "../up", "regex"),
    ("cases.0.id", "a b", "regex"),
    ("cases.0.id", "zzz", "sorted"),
    ("cases.1.id", "2DBox_Dermoscopy_photo", "twice"),
    ("cases.1.id", "2dbox_dermoscopy_photo", "differ by more than capitals"),
    ("cases.0.dimension", "3D", "3 axes"),
    ("cases.0.dimension", "4D", "4D"),
    ("cases.0.shape", [0, 3], "shape"),
    ("cases.1.shape", [3, 3], "3 axes"),
    ("cases.1.spacing_mm", None, "no spacing_mm"),
    ("cases.1.spacing_mm", [1.0, 1.0], "3 values"),
    ("cases.1.spacing_mm", [0.0, 1.0, 1.0], "> 0"),
    ("cases.1.spacing_mm", [-1.0, 1.0, 1.0], "> 0"),
    ("cases.1.labels.0.label", 0, ">= 1"),
    ("cases.1.labels.0.label", 2, "unique labels"),
    ("cases.0.image.sha256", "abc", "regex"),
    ("cases.0.image.path", "/etc/passwd", "relative path"),
    ("cases.0.image.path", "inputs/../../x.npz", "relative path"),
    ("cases.0.image.path", "", "relative path"),
    ("cases.0.image.path", "inputs\\x.npz", "relative path"),
    ("cases.0.image.path", "inputs/\0.npz", "relative path"),
    ("cases.0.image.path", "inputs/3DBox_CT_a.npz", "named 2 times"),
    ("cases.0.reference.path", "inputs/answer.npz", "inputs and references"),
    ("cases.0.reference.path", "inputs/deep/answer.npz", "inputs and references"),
    ("cases.0.image.path", "photo.npz", "inputs and references"),
    ("cases.0.prompts", ["telepathy"], "telepathy"),
    ("cases.0.origin", "painted", "painted"),
    ("cases.0.licence", ..., "licence"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG)
def test_what_a_manifest_may_not_say_is_refused(
    built: Path, path: str, value: object, message: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        loaded(changed(content_of(built), path, value), built)
    assert message in str(caught.value)
    assert all(str(built / "other.json") in problem.where for problem in caught.value.problems)


def test_all_inconsistencies_are_told_at_once(built: Path) -> None:
    content = changed(content_of(built), "cases.1.spacing_mm", None)
    content = changed(content, "cases.0.image.path", "../x")
    with pytest.raises(ManifestError) as caught:
        loaded(content, built)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"schema": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(ManifestError, match="can't be read as a manifest"):
        load_manifest(tmp_path / "manifest.json")


def test_a_byte_order_mark_is_no_fault_and_a_key_that_is_there_twice_is_one(built: Path) -> None:
    path = built / "manifest.json"
    data = path.read_bytes()
    plain = load_manifest(path)
    path.write_bytes(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))
    assert load_manifest(path) == plain
    path.write_bytes(data.replace(b'"name":', b'"name": "x", "name":', 1))
    with pytest.raises(ManifestError, match="the key `name` 2 times in one object"):
        load_manifest(path)


def test_a_name_moves_no_cursor_on_the_terminal_and_becomes_no_picture(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = built / "manifest.json"
    content = changed(content_of(built), "name", "x\x1b[31m\r\x9bA :bug: [b]")
    path.write_text(json.dumps(content), encoding="utf-8")
    assert main(["manifest", "show", str(path)]) == 0
    said = capsys.readouterr().out
    assert not {"\x1b", "\r", "\x9b"} & set(said)
    assert ":bug: [b]" in said
