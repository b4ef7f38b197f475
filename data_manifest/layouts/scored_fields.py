"""A table of boxes, one a case: the part of each image that alone is scored (HECKTOR 2021)."""

import csv
import math
from pathlib import Path

from data_manifest.errors import CaseFileError

Box = tuple[float, float, float, float, float, float]
"""x1, y1, z1, x2, y2, z2 in mm, as ITK has them: x to the left, y to the back, z up."""


def read_scored_fields(path: Path) -> dict[str, Box]:
    """The boxes by case; the first column is the case, the next six are its box.

    Raises:
        CaseFileError: the file can't be read, or a row is none.
    """
    expected = "a row of titles, and rows of a case and x1, y1, z1, x2, y2, z2 in mm"
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.reader(stream))[1:]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CaseFileError(where=str(path), found=str(error), expected=expected) from error
    boxes: dict[str, Box] = {}
    for line, row in enumerate(rows, start=2):
        try:
            x1, y1, z1, x2, y2, z2 = (float(cell) for cell in row[1:7])
        except ValueError as error:
            where = f"{path}, line {line}"
            raise CaseFileError(where=where, found=str(error), expected=expected) from error
        whole = all(map(math.isfinite, (x1, y1, z1, x2, y2, z2)))
        if not whole or row[0] in boxes or not (x1 < x2 and y1 < y2 and z1 < z2):
            fault = f"{row[0]} twice" if row[0] in boxes else f"{', '.join(row)}"
            raise CaseFileError(where=f"{path}, line {line}", found=fault, expected=expected)
        boxes[row[0]] = (x1, y1, z1, x2, y2, z2)
    return boxes
