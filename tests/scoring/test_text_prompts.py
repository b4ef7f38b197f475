"""A case's text prompts decide which labels and metrics it is scored by."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluate.facts.errors import ProtocolError
from evaluate.facts.rules import load_protocol
from tests.scoring.folders import command, protocol_file, read_rows

TWO = np.zeros((6, 8, 8), np.uint8)
TWO[1:3, 1:4, 1:4], TWO[4:6, 4:7, 4:7] = 1, 2
FIRST = np.where(TWO == 1, 1, 0).astype(np.uint8)
SEMANTIC, INSTANCE = {"1": "one", "instance_label": 0}, {"1": "all", "instance_label": 1}


def score(folder: Path, protocol: str, cases: dict[str, tuple[Any, Any, Any]]) -> int:
    """Prompts, reference and prediction of each case; None: the team left no file."""
    for name in ("data/imgs", "data/gts", "segs"):
        (folder / name).mkdir(parents=True)
    for case, (prompts, reference, prediction) in cases.items():
        array = np.array(prompts, dtype=object)
        np.savez(folder / f"data/imgs/{case}.npz", imgs=reference, text_prompts=array)
        np.savez(folder / f"data/gts/{case}.npz", gts=reference, spacing=np.ones(3))
        if prediction is not None:
            np.savez(folder / f"segs/{case}.npz", segs=prediction)
    return command(
        *("score", "--references", folder / "data", "--predictions", folder / "segs"),
        *("--out", folder / "out", "--jobs", 1, "--protocol", protocol),
    )


def values(folder: Path) -> dict[str, tuple[str, ...]]:
    rows = read_rows(folder / "out" / "case_scores.csv")
    names = ("dsc", "nsd", "lesion_f1", "lesion_matched_dsc")
    return {row["case"]: tuple(row[name] for name in names) for row in rows}


def test_a_case_has_the_metrics_of_its_kind_and_the_labels_that_its_texts_name(
    tmp_path: Path,
) -> None:
    cases = {
        "CT_1": (SEMANTIC, TWO, FIRST),  # label 2 was not asked for
        "CT_2": (SEMANTIC | {"2": "two"}, TWO, FIRST),
        "CT_3": (INSTANCE, TWO, FIRST),
        "CT_4": (SEMANTIC, TWO, None),
        "CT_5": (INSTANCE, TWO, None),
        "CT_6": ({"7": "not there", "instance_label": 0}, TWO, FIRST),
    }
    assert score(tmp_path, "cvpr25-text", cases) == 0
    found = values(tmp_path)
    assert found["CT_1"] == ("1.0", "1.0", "", "")
    assert found["CT_2"] == ("0.5", "0.5", "", "")
    assert found["CT_3"] == ("", "", str(2 / 3), "1.0")
    assert found["CT_4"] == ("0.0", "0.0", "", "")
    assert found["CT_5"] == ("", "", "0.0", "0.0")
    assert found["CT_6"] == ("", "", "", "")


@pytest.mark.parametrize(
    ("protocol", "dsc", "f1"), [("cvpr25-text", "", "0.0"), ("cvpr25-text-corrected", "1.0", "1.0")]
)
def test_the_corrected_twin_scores_a_label_without_background_and_a_healthy_case(
    tmp_path: Path, protocol: str, dsc: str, f1: str
) -> None:
    everywhere, nowhere = np.ones((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    cases = {
        "CT_1": (SEMANTIC, everywhere, everywhere),
        "CT_2": (INSTANCE, nowhere, nowhere),
    }
    assert score(tmp_path, protocol, cases) == 0
    found = values(tmp_path)
    assert (found["CT_1"][0], found["CT_2"][2]) == (dsc, f1)


class Call:
    """What a hostile pickle runs while it is loaded."""

    def __reduce__(self) -> Any:
        return os.system, ("touch touched",)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ({"1": Call(), "instance_label": 0}, "pickled"),
        ({"1": "one"}, "instance_label"),
        ({"1": "one", "instance_label": [0]}, "instance_label"),
        ([["one"]], "instance_label"),
    ],
)
def test_prompts_that_are_none_leave_their_case_unscored_in_one_line_and_nothing_is_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    prompts: Any,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert score(tmp_path, "cvpr25-text", {"CT_1": (prompts, TWO, TWO)}) == 0
    (row,) = read_rows(tmp_path / "out" / "case_scores.csv")
    assert (row["outcome"], row["dsc"]) == ("harness_error", "")
    said = capsys.readouterr().err
    assert "CT_1.npz" in said and words in said and "Traceback" not in said
    assert not (tmp_path / "touched").exists()


def test_a_protocol_that_needs_text_prompts_says_where_they_are(tmp_path: Path) -> None:
    path = protocol_file(tmp_path, 'name = "dsc"\ncases = "semantic"')
    with pytest.raises(ProtocolError, match=r"references\.prompts"):
        load_protocol(str(path))
