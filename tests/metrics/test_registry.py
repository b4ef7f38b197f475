"""A metric of another package comes in by its name alone, and is scored like any other."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from metrics import METRICS, Comparison, catalogue
from metrics.registry import Registry
from tests.scoring.folders import protocol_file, read_rows, write_folders

MASK = np.zeros((8, 10, 10), np.uint8)
MASK[2:6, 2:6, 2:6] = 1

MODULE = '''
import numpy as np
from metrics import EmptyRules, MetricDef

def overlap(reference, prediction, *, spacing_mm):
    """The share of the prediction that is right."""
    return np.count_nonzero(reference & prediction) / np.count_nonzero(prediction)

def _gap(pair, *, factor):
    return factor * abs(pair.reference_voxels - pair.prediction_voxels) * pair.voxel_mm

def _factor(value):
    if value <= 0:
        raise ValueError(f"factor {value}; expected more than 0")
    return float(value)

from metrics import MetricOption
gap = MetricDef(
    name="gap", title="Gap", long_title="gap of volumes", unit="mm³",
    definition="How far the volumes are apart.", direction="lower", worst=9999.0,
    empty=EmptyRules(both=0.0), options={"factor": MetricOption(check=_factor, default=1.0)},
    compute=_gap,
)
'''


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with an installed distribution that brings three metrics in."""
    site = tmp_path / "site"
    info = site / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "theirs.py").write_text(MODULE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[segjudge.metrics]\noverlap = theirs:overlap\ngap = theirs:gap\nbroken = theirs:missing\n"
    )
    return site


def segjudge(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "segjudge", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_function_and_a_definition_of_another_package_are_scored(
    tmp_path: Path, installed: Path
) -> None:
    mine = protocol_file(
        tmp_path, 'name = "overlap"', 'name = "gap"\nfactor = 2.0', ranked='{ name = "gap" }'
    )
    half = np.where(np.arange(8)[:, None, None] < 4, MASK, 0).astype(np.uint8)
    pairs = {"3DBox_CT_1": (MASK, half), "3DBox_CT_2": (MASK, None)}
    arguments = write_folders(tmp_path / "data", pairs)
    arguments[-1] = 2  # worker processes find it too
    done = segjudge(installed, *arguments, "--protocol", mine)
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "data" / "out" / "case_scores.csv")
    assert [(row["overlap"], row["gap"]) for row in rows] == [("1.0", "64.0"), ("0.0", "9999.0")]


@pytest.mark.parametrize(
    ("metric", "words"), [("broken", "can't be imported"), ("absent", "no mask is scored")]
)
def test_a_metric_that_can_not_be_had_is_one_clear_line(
    tmp_path: Path, installed: Path, metric: str, words: str
) -> None:
    mine = protocol_file(tmp_path, f'name = "{metric}"')
    arguments = write_folders(tmp_path / "data", {"3DBox_CT_1": (MASK, MASK)})
    done = segjudge(installed, *arguments, "--protocol", mine)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr


def test_a_new_metric_is_one_module_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe of CONTRIBUTING: the registry finds the module by itself."""
    (tmp_path / "half.py").write_text(
        "from metrics.definition import MetricDef\n"
        "DEFINITIONS = (MetricDef(name='half', title='Half', long_title='half',"
        " definition='Always one half.', direction='higher', worst=0.0,"
        " compute=lambda pair: 0.5),)\n"
    )
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(tmp_path)])
    found = Registry()
    assert set(found) == {*METRICS, "half"}
    (pair,) = Comparison(MASK, MASK).pairs([1], spacing_mm=(1, 1, 1))
    assert found["half"].value(pair) == 0.5


def test_every_metric_says_in_a_sentence_what_it_is() -> None:
    for metric in METRICS.values():
        assert metric.definition.endswith(".") and metric.title and metric.long_title
        assert metric.is_measured == (metric.worst == "limit")
