"""One thing that is wrong with a published table, or open."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Kind", "TableFinding"]

Kind: TypeAlias = Literal["range", "average", "copy", "rank", "score", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFinding:
    """What does not hold.

    Attributes:
        kind: which check found it; `open` is what could not be checked.
        where: the line and the column.
        printed: what the table has.
        expected: what would follow.
    """

    kind: Kind
    where: str
    printed: str
    expected: str
