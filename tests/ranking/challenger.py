"""What challengeR 1.0.5 (R 4.2.2) made of generated data: 8 teams, 9 modalities, 200 cases."""

import csv
import functools
import gzip
import io
import json
from pathlib import Path
from typing import Any

from evaluate.facts.scores import CaseScore
from tests.ranking.score_rows import row

_DATA = Path(__file__).parent / "data"

METRICS = {"dsc": "DSC", "nsd": "NSD", "wall_s": "runtime"}
METHODS = {
    "rank_then_mean": "rankThenMean",
    "rank_then_median": "rankThenMedian",
    "mean_then_rank": "meanThenRank",
    "median_then_rank": "medianThenRank",
    "test_then_rank": "testThenRank",
}


@functools.cache
def case_scores() -> tuple[CaseScore, ...]:
    """The data set."""
    text = gzip.decompress((_DATA / "gen1_clean.csv.gz").read_bytes()).decode()
    return tuple(
        row(
            cells["algorithm"],
            cells["case"],
            modality=cells["task"],
            dsc=float(cells["DSC"]),
            nsd=float(cells["NSD"]),
            wall_s=float(cells["runtime"]),
        )
        for cells in csv.DictReader(io.StringIO(text))
    )


@functools.cache
def results(name: str) -> Any:
    """One of challengeR's result files."""
    return json.loads(gzip.decompress((_DATA / f"{name}.json.gz").read_bytes()))


def rankings(metric: str) -> Any:
    """All rankings and tests of one of our metrics."""
    return results("gen1_clean")["metrics"][METRICS[metric]]["variants"]["na_keep"]
