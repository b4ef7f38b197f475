"""What an audit finds: a cause, where it is, what was recorded, what is there, and what follows."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Cause", "Cell", "Finding"]


class Cause(StrEnum):
    """Why something is not as the run left it."""

    MASK = "mask changed"
    REFERENCE = "reference changed"
    INPUTS = "inputs changed"
    LOG = "log changed"
    PROFILE = "profile changed"
    PROTOCOL = "protocol changed"
    METRIC = "another version of the metric"
    TABLE = "edited table"
    TABLE_OR_METRIC = "edited table, or another version of the metric"
    REMOVED_FAILURE = "removed failure"
    REMOVED_ROW = "removed row"
    ADDED_ROW = "added row"
    SWAPPED = "swapped teams"
    MANIFEST = "manifest changed"
    REORDERED = "reordered"
    IMAGE = "image replaced"
    FACTS = "edited run.json"
    JOURNAL = "edited journal"
    STALE = "made from something else"
    UNFINISHED = "no result"
    NO_EVIDENCE = "no evidence"
    BUNDLE = "bundle changed"
    KEY = "signed by another key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table, or one value of a document, that is not what it should be."""

    where: str
    recorded: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as the run left it.

    Attributes:
        cause: why.
        where: the file, or the table and its cell.
        recorded: what the run recorded.
        found: what is there now, or what the same computation gives now.
        teams: whose results it touches; empty for all.
        cases: which cases it touches; empty for all.
        cells: the cells of the tables that it explains.
        is_harmless: whether it changes no result; it is said, and leaves nothing open.
    """

    cause: Cause
    where: str
    recorded: str
    found: str
    teams: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    is_harmless: bool = False
