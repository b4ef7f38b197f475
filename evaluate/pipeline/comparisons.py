"""`segjudge compare`: differences to a page and a document."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from data_manifest.progress import Progress, silent
from evaluate.comparing.stage import Compared
from evaluate.documents.tables import write_json
from evaluate.reporting.comparison_page import ComparedSide, write_comparison_page

__all__ = ["write_comparison", "write_comparison_json"]


def write_comparison_json(path: Path, compared: Compared) -> None:
    """Write what was found as strict JSON; the resamples themselves follow from the seed."""
    rows = []
    for found in compared.comparisons:
        row = dataclasses.asdict(found)
        if row["trade"] is not None:
            row["trade"] = {k: v for k, v in row["trade"].items() if not k.startswith("cloud")}
        rows.append(row)
    data = {
        "schema": 1,
        "run_a": str(compared.runs[0].run.root),
        "run_b": str(compared.runs[1].run.root),
        "calibration_ratio": compared.calibration,
        "comparisons": rows,
    }
    write_json(path, data)


def write_comparison(path: Path, compared: Compared, *, progress: Progress = silent) -> None:
    """Write a self-contained page of what was found, with pictures of the cases that changed."""
    sides: Sequence[ComparedSide] = [
        ComparedSide(run=r.run, manifest=r.manifest, data_root=r.data_root, protocol=r.protocol)
        for r in compared.runs
    ]
    write_comparison_page(
        path,
        compared.comparisons,
        a=sides[0],
        b=sides[1],
        calibration=compared.calibration,
        progress=progress,
    )
