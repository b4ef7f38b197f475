"""`segjudge compare`: differences to a page and a document."""

from collections.abc import Sequence
from pathlib import Path

from data_manifest.progress import Progress, silent
from evaluate.comparing.two_runs import Compared
from evaluate.documents.team_comparison import ComparisonDocument, write_comparison_document
from evaluate.reporting.comparison_page import ComparedSide, write_comparison_page


def write_comparison_json(path: Path, compared: Compared) -> None:
    """Write what was found as strict JSON."""
    first, second = (side.run.root for side in compared.runs)
    document = ComparisonDocument(
        run_a=str(first),
        run_b=str(second),
        calibration_ratio=compared.calibration,
        comparisons=tuple(compared.comparisons),
    )
    write_comparison_document(path, document)


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
