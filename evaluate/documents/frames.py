"""Records as data frames, and data frames as Parquet: the tables for those who go on in Python."""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluate.documents.tables import columns_of, sorted_rows
from evaluate.facts.errors import UsageError

if TYPE_CHECKING:  # half a second, and only for whom it is for
    import pandas as pd


def frame_of(rows: Sequence[Any], kind: type, *, metrics: Sequence[str] = ()) -> "pd.DataFrame":
    """Records of one kind, with the columns and the order of their CSV file.

    Text stays text, numbers are numbers, and no value is a missing one; labels are numbers where
    all of them are.
    """
    import pandas as pd

    columns = columns_of(rows, kind, metrics)
    rows = sorted_rows(rows, columns)
    made = {
        name: pd.Series([_value(row, name, is_metric) for row in rows], dtype=_kind(rows, name))
        if not is_metric
        else pd.Series([row.values.get(name) for row in rows], dtype="float64")
        for name, is_metric in columns.items()
    }
    return pd.DataFrame(made)


def _value(row: Any, name: str, is_metric: bool) -> object:
    value = row.values.get(name) if is_metric else getattr(row, name)
    return value.value if isinstance(value, Enum) else value


def _kind(rows: Sequence[Any], name: str) -> str:
    """Of a column: what all its values are."""
    kinds = {type(_value(row, name, is_metric=False)) for row in rows} - {type(None)}
    if kinds and kinds <= {int}:
        return "Int64"
    return "float64" if kinds and kinds <= {int, float} else "string"


def write_parquet(folder: Path, frames: "Mapping[str, pd.DataFrame]") -> None:
    """Write each frame as NAME.parquet.

    Raises:
        UsageError: the package that writes them is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        try:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
        except ImportError as error:
            raise UsageError(
                where="Parquet",
                found="no package pyarrow",
                expected="what reads and writes Parquet files",
                mend="pip install 'segjudge[parquet]'",
            ) from error
