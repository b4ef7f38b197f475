"""Two folders of label maps scored by the command, and the tables that it writes."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluate.cli import main

Labels = npt.NDArray[np.integer]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def command(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def write_folders(
    folder: Path, pairs: Mapping[str, tuple[Labels, Labels | None]], *, spacing_mm: float = 1.0
) -> list[object]:
    """The arguments of `segjudge score` for these cases; None: the team left no file."""
    for name in ("gts", "segs"):
        (folder / name).mkdir(parents=True)
    for case, (reference, prediction) in pairs.items():
        spacing = {"spacing": np.full(3, spacing_mm)} if reference.ndim == 3 else {}
        np.savez(folder / "gts" / f"{case}.npz", gts=reference, **spacing)  # type: ignore[arg-type]
        if prediction is not None:
            np.savez(folder / "segs" / f"{case}.npz", segs=prediction)
    return [
        *("score", "--references", folder / "gts", "--predictions", folder / "segs"),
        *("--out", folder / "out", "--jobs", 1),
    ]


def score_pairs(
    folder: Path,
    protocol: str | Path,
    pairs: Mapping[str, tuple[Labels, Labels | None]],
    *,
    spacing_mm: float = 1.0,
) -> dict[str, dict[str, str]]:
    """The rows of case_scores.csv by case."""
    arguments = write_folders(folder, pairs, spacing_mm=spacing_mm)
    assert command(*arguments, "--protocol", protocol) == 0
    return {row["case"]: row for row in read_rows(folder / "out" / "case_scores.csv")}


def protocol_file(folder: Path, *metrics: str, labels: str = "union", ranked: str = "") -> Path:
    """A protocol that scores by these metrics, each the lines of a `[[scoring.metrics]]`."""
    path = folder / "mine.toml"
    ranked = ranked or '{ name = "wall_s" }'
    path.write_text(
        f"""
schema = 2
name = "mine"
version = "1"
title = "Mine"
description = "A protocol of this test."
prompts = ["boxes"]
[[input.files]]
role = "image"
path = "{{case}}.npz"
format = "npz"
[output]
path = "{{case}}.npz"
format = "npz"
key = "segs"
[container]
command = ["sh", "predict.sh"]
[limits]
timeout_s = 60.0
memory_mib = 4096
[scoring]
labels = "{labels}"
{"".join(f"[[scoring.metrics]]{chr(10)}{lines}{chr(10)}" for lines in metrics)}
[ranking]
metrics = [{ranked}]
""",
        encoding="utf-8",
    )
    return path
