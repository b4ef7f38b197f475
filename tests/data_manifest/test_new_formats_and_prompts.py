"""CONTRIBUTING's recipes for a format and for a kind of prompts, followed: one module, no more."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from data_manifest.demo.records import RawCase
from data_manifest.layouts import FORMATS, read_inputs, read_reference
from data_manifest.layouts.formats import Format
from data_manifest.layouts.labels import Buffer, read_labels
from data_manifest.layouts.masks import Grid, Labels, OpenMask, reading
from data_manifest.making.writing import write_case
from data_manifest.manifest import Manifest, Preparation, save_manifest
from data_manifest.prompts import KINDS, Rectangle
from data_manifest.verify import verify_manifest
from evaluate.checking import mask_hits
from evaluate.cli import main
from evaluate.reporting.pictures import draw_case


def open_table(stream: BinaryIO, key: str) -> OpenMask:
    """A mask as rows of numbers, the first line its shape."""
    with reading("table"):
        first, _, rest = stream.read().partition(b"\n")
        shape = tuple(int(size) for size in first.split())

    def labels(into: Buffer | None) -> Labels:
        with reading("table"):
            numbers = np.array(rest.split(), dtype=np.int32)
            data = io.BytesIO(numbers.tobytes())
            return read_labels(data.read, numbers.dtype, int(np.prod(shape)), into=into)

    return OpenMask(
        shape=shape, dtype=np.dtype(np.int32), has_slice_axis=False, grid=Grid, labels=labels
    )


def test_a_format_is_a_record_and_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(FORMATS, dict)
    monkeypatch.setitem(FORMATS, "tab", Format(name="tab", open_mask=open_table))
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    labels = np.zeros((6, 8), int)
    labels[2:4, 3:6] = 1
    text = "\n".join(" ".join(map(str, row)) for row in labels)
    (tmp_path / "gts" / "2DBox_US_1.tab").write_text(f"6 8\n{text}\n")
    (tmp_path / "segs" / "2DBox_US_1.tab").write_text(f"6 8\n{text}\n")
    (tmp_path / "gts" / "2DBox_US_2.tab").write_text(f"6 8\n{text}\n")
    (tmp_path / "segs" / "2DBox_US_2.tab").write_text(f"6 8\n{text[:-20]}\n")
    (tmp_path / "rules.toml").write_text(
        """
schema = 2
name = "tables"
version = "1"
title = "Tables"
description = ""
prompts = []
container = { command = ["true"] }
limits = { timeout_s = 1.0, memory_mib = 64 }
scoring = { metrics = [{ name = "dsc" }, { name = "nsd", tolerance_mm = 2.0 }] }
ranking = { metrics = [{ name = "dsc" }] }
output = { path = "{case}.tab", format = "tab" }
input = { files = [{ role = "image", path = "{case}.npz", format = "npz" }] }
"""
    )
    arguments = ["--references", tmp_path / "gts", "--predictions", tmp_path / "segs"]
    arguments += ["--protocol", tmp_path / "rules.toml", "--out", tmp_path / "out", "--jobs", "1"]
    assert main(["score", *map(str, arguments)]) == 0
    with (tmp_path / "out" / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        first, second = csv.DictReader(stream)
    assert (first["outcome"], first["dsc"]) == ("ok", "1.0")
    assert second["outcome"] == "bad_output"
    assert "not written to its end" in second["reason"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Centres:
    """One pixel in the middle of each object."""

    kind: ClassVar[str] = "centres"
    one: ClassVar[str] = "centre"
    keys: ClassVar[tuple[str, ...]] = ("centres",)

    points: npt.NDArray[np.integer]

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> "Centres":
        return cls(points=read("centres"))

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], **_: object) -> "Centres":
        found = [np.argwhere(labels == label).mean(axis=0) for label in np.unique(labels)[1:]]
        return cls(points=np.round(found).astype(np.int64))

    def __len__(self) -> int:
        return len(self.points)

    @property
    def axes(self) -> int:
        return int(self.points.shape[1])

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {"centres": self.points}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        if len(self) != labels:
            yield f"{len(self)} centres", f"{labels}"

    def shapes(self, index: int | None = None) -> list[Rectangle]:
        here = [p for p in self.points.tolist() if index in (None, p[0]) or self.axes == 2]
        return [Rectangle(left=p[-1], top=p[-2], right=p[-1], bottom=p[-2]) for p in here]

    def slices(self) -> list[int]:
        return self.points[:, 0].tolist() if self.axes == 3 else []

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        return [
            tuple(slice(max(0, at - 2 - margin), at + 3 + margin) for at in point)
            for point in self.points.tolist()
        ]

    def misread(self, shape: tuple[int, ...]) -> dict[str, "Centres"]:
        return {"the centres were turned round": Centres(points=self.points[:, ::-1])}

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        labels = np.zeros(shape, np.uint16)
        for label, region in enumerate(self.regions(shape), start=1):
            labels[region] = label
        return labels


def test_a_kind_of_prompts_is_a_class_and_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(KINDS, dict)
    monkeypatch.setitem(KINDS, "centres", Centres)
    labels = np.zeros((40, 60), np.uint8)
    labels[5:15, 40:50], labels[25:35, 10:20] = 1, 2
    raw = RawCase(
        identifier="2DBox_US_1",
        modality="Ultrasound",
        image=np.repeat(labels[:, :, None] * 90, 3, axis=2),
        labels=labels,
        label_names=("one", "two"),
        spacing_mm=None,
        origin="simulated",
        source="squares",
        licence="CC0-1.0",
    )
    for folder in ("inputs", "references"):
        (tmp_path / folder).mkdir()
    preparation = Preparation(seed=0, margin=0, jitter=0, recipe="0" * 64)
    case = write_case(tmp_path, raw, preparation=preparation, prompts=("centres",))
    path = tmp_path / "manifest.json"
    save_manifest(Manifest(schema=1, name="squares", cases=(case,)), path)
    assert verify_manifest(path) == []

    inputs = read_inputs(tmp_path / case.image.path)
    (prompts,) = inputs.prompts
    assert len(prompts) == 2
    picture = draw_case(
        inputs,
        read_reference(tmp_path / case.reference.path),
        prompts.baseline(labels.shape),
        name="a",
        title="a",
        description="a",
    )
    assert picture.drawing.count("outline prompt") == 2

    assert list(mask_hits(case.id, prompts, labels)) == []
    (hit,) = mask_hits(case.id, prompts, np.array([0, 2, 1], np.uint8)[labels])
    assert hit.check == "labels-order"
    assert "label 1 in centre 2" in hit.found
