"""`manifest build --pairs` reads the table that a spreadsheet saved, and finds its files."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evaluate.cli import main

GENERATOR = np.random.default_rng(1)


@pytest.fixture
def rows(tmp_path: Path) -> pd.DataFrame:
    """Three pictures, one of them with a name that has two forms in Unicode."""
    names = ["a", "b", unicodedata.normalize("NFD", "Ödem")]
    mask = np.zeros((20, 20), dtype=np.uint8)
    mask[4:12, 5:16] = 1
    for name in names:
        photo = GENERATOR.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(photo).save(tmp_path / f"{name}.png")
        Image.fromarray(mask).save(tmp_path / f"{name}-mask.png")
    written = [unicodedata.normalize("NFC", name) for name in names]
    return pd.DataFrame(
        {
            "Image": [f" {name}.png" for name in written],
            "REFERENCE": [f"{name}-mask.png " for name in written],
            "modality": "Dermoscopy",
            "labels": "1=Läsion",
        }
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_of_pairs_is_read_however_it_was_saved(
    tmp_path: Path,
    rows: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
    separator: str,
    encoding: str,
) -> None:
    path = tmp_path / "pairs.csv"
    rows.to_csv(path, sep=separator, encoding=encoding, index=False)
    assert main(["manifest", "build", "--pairs", str(path), str(tmp_path / "data")]) == 0
    names = sorted(file.stem for file in (tmp_path / "data" / "inputs").iterdir())
    assert names == ["2DBox_Dermoscopy_Odem", "2DBox_Dermoscopy_a", "2DBox_Dermoscopy_b"]
    assert "Läsion" in (tmp_path / "data" / "manifest.json").read_text("utf-8")
    assert ("Windows-1252" in capsys.readouterr().err) == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda t: t.replace("Dermoscopy", "Skin", 1), "line 2: modality 'Skin'"),
        (lambda t: t.replace("Dermoscopy,", ",", 1), "line 2: modality ''"),
        (lambda t: t + "x.png,x-mask.png\n", "line 5: 2 cells ('x.png', 'x-mask.png')"),
        (lambda t: t.replace("Image", "Bild"), "line 1: no column 'image'; the columns are 'Bild'"),
        (lambda t: t.replace("labels", "IMAGE"), "line 1: columns 1, 4 are all named 'Image'"),
        (lambda t: t.replace(" b.png", " c.png"), "c.png: no such file or folder"),
        (
            lambda t: t + t.splitlines()[1].replace("a.png", "./a.png", 1) + "\n",
            "a.png with a-mask.png in 2 rows; expected one row a case",
        ),
    ],
)
def test_what_is_wrong_with_a_table_of_pairs_is_told_with_its_line(
    tmp_path: Path,
    rows: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[str], str],
    words: str,
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(edit(rows.to_csv(index=False)), encoding="utf-8")
    assert main(["manifest", "build", "--pairs", str(path), str(tmp_path / "data")]) == 2
    assert words in capsys.readouterr().err
