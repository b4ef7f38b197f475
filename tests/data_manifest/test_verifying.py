"""One run of verify names every missing, altered, surplus and malformed file, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from data_manifest.layouts.npz_writing import write_npz
from data_manifest.manifest import sha256_of
from data_manifest.verify import verify_manifest

INPUTS = "inputs/3DBox_CT_a.npz"
REFERENCE = "references/3DBox_CT_a.npz"
PHOTO = "inputs/2DBox_Dermoscopy_photo.npz"


def rewrite(folder: Path, name: str, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Change a file's arrays, and its hash in the manifest, so that only the content is wrong."""
    with np.load(folder / name) as stored:
        arrays = dict(stored)
    change(arrays)
    write_npz(folder / name, arrays)
    manifest = folder / "manifest.json"
    content: dict[str, Any] = msgspec.json.decode(manifest.read_bytes())
    for case in content["cases"]:
        for entry in (case["image"], case["reference"]):
            if entry["path"] == name:
                entry["sha256"] = sha256_of(folder / name)
    manifest.write_bytes(msgspec.json.encode(content))


def facts(folder: Path) -> list[str]:
    problems = verify_manifest(folder / "manifest.json")
    return [f"{Path(p.where).relative_to(folder).as_posix()}: {p.found}" for p in problems]


def test_an_intact_build_has_no_problem_and_is_not_touched(built: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*")}
    seen: list[tuple[int, int]] = []
    manifest = built / "manifest.json"
    assert verify_manifest(manifest, progress=lambda d, t, note: seen.append((d, t))) == []
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*")} == before


def test_all_kinds_of_damage_are_found_in_one_run(built: Path) -> None:
    (built / REFERENCE).unlink()
    (built / "inputs/more").mkdir()
    (built / "inputs/more/answer.npz").write_bytes(b"x")
    (built / "references/notes.txt").write_text("x")
    (built / "inputs/link.npz").symlink_to(built / PHOTO)
    data = bytearray((built / INPUTS).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (built / INPUTS).write_bytes(bytes(data))
    (built / "references/3DBox_CT_b.npz").unlink()
    (built / "references/3DBox_CT_b.npz").symlink_to("/etc/passwd")
    (built / "inputs/3DBox_CT_b.npz").unlink()
    (built / "inputs/3DBox_CT_b.npz").mkdir()
    rewrite(built, PHOTO, lambda arrays: arrays.update(boxes=arrays["boxes"] + 1000))
    found = facts(built)
    photo, altered, damaged, missing, folder, link = found[:6]
    assert photo.startswith(f"{PHOTO}: box 1 is [10")
    assert altered.startswith(f"{INPUTS}: SHA-256 ")
    assert damaged.startswith(f"{INPUTS}: ")
    assert "damaged" in damaged
    assert missing == f"{REFERENCE}: missing"
    assert folder == "inputs/3DBox_CT_b.npz: not a file"
    assert link == "references/3DBox_CT_b.npz: a link"
    surplus = "a file that the manifest does not name"
    assert found[6:] == [
        f"inputs/link.npz: {surplus}",
        f"inputs/more/answer.npz: {surplus}",
        f"references/notes.txt: {surplus}",
    ]


CHANGES: dict[str, tuple[str, Callable[[dict[str, np.ndarray]], object]]] = {
    "no array `imgs`": (INPUTS, lambda a: a.pop("imgs")),
    "no boxes": (INPUTS, lambda a: a.pop("boxes")),
    "no array `gts`": (REFERENCE, lambda a: a.pop("gts")),
    "no `spacing`": (INPUTS, lambda a: a.pop("spacing")),
    "arrays gts": (INPUTS, lambda a: a.update(gts=a["imgs"])),  # the answer among the inputs
    "spacing (0.5, 0.75, 2.5) mm": (INPUTS, lambda a: a.update(spacing=a["spacing"][::-1].copy())),
    "spacing (2.5, 0.75, 0.25) mm": (REFERENCE, lambda a: a["spacing"].__setitem__(0, 0.25)),
    "`imgs` of dtype uint16": (INPUTS, lambda a: a.update(imgs=a["imgs"].astype(np.uint16))),
    "image of shape (9, 18, 19)": (INPUTS, lambda a: a.update(imgs=a["imgs"][:, :, 1:])),
    "image of shape (20, 18, 9)": (INPUTS, lambda a: a.update(imgs=a["imgs"].T)),
    "image of shape (40, 30, 3)": (PHOTO, lambda a: a.update(imgs=a["imgs"].swapaxes(0, 1))),
    "reference of shape (8, 18, 20)": (REFERENCE, lambda a: a.update(gts=a["gts"][1:])),
    "holds fractional values": (REFERENCE, lambda a: a.update(gts=a["gts"] * 0.5)),
    "1 boxes": (INPUTS, lambda a: a.update(boxes=a["boxes"][:1])),
    "boxes of 4 values": (
        INPUTS,
        lambda a: a.update(boxes=a["boxes"][:, :4], imgs=a["imgs"][:, :, :3]),
    ),
    "box 2 is [20, ": (INPUTS, lambda a: a["boxes"].__setitem__((1, 0), 20)),
    "box 1 is [-1, ": (INPUTS, lambda a: a["boxes"].__setitem__((0, 0), -1)),
    ", 9]": (INPUTS, lambda a: a["boxes"].__setitem__((0, 5), 9)),  # one slice too far
    "labels [1, 3]": (REFERENCE, lambda a: a["gts"].__setitem__(a["gts"] == 2, 3)),
    "labels [2]": (REFERENCE, lambda a: a["gts"].__setitem__(a["gts"] == 1, 0)),
    "labels [1, 2, 9]": (REFERENCE, lambda a: a["gts"].__setitem__((0, 0, 0), 9)),
}


@pytest.mark.parametrize("found", CHANGES)
def test_a_file_that_differs_from_its_entry_is_malformed(built: Path, found: str) -> None:
    name, change = CHANGES[found]
    rewrite(built, name, change)
    problems = verify_manifest(built / "manifest.json")
    assert any(found in problem.found for problem in problems)
    assert {problem.where for problem in problems} == {str(built / name)}
    assert all(problem.expected and problem.mend for problem in problems)
    assert not any(problem.found.startswith("SHA-256") for problem in problems)


def test_minima_over_maxima_are_found(built: Path) -> None:
    rewrite(built, INPUTS, lambda a: a.update(boxes=a["boxes"][:, [3, 1, 2, 0, 4, 5]]))
    assert [fact.partition(" is ")[0] for fact in facts(built)] == [
        f"{INPUTS}: box 1",
        f"{INPUTS}: box 2",
    ]


def test_a_manifest_that_can_not_be_read_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    (problem,) = verify_manifest(tmp_path / "manifest.json")
    assert "can't be read" in problem.found
    (tmp_path / "manifest.json").write_text("[]")
    (problem,) = verify_manifest(tmp_path / "manifest.json")
    assert problem.where == str(tmp_path / "manifest.json")
