"""ranking.json: what a ranking says, as `evaluate.facts.ranking_record` has it."""

from pathlib import Path
from typing import TypeVar

import msgspec

from evaluate.documents.tables import write_json
from evaluate.facts.errors import TableError
from evaluate.facts.ranking_record import RankingDocument

__all__ = ["RankingDocument", "ranking_as_it_stands", "read_ranking", "write_ranking"]

_Kind = TypeVar("_Kind")


def read_ranking(path: Path) -> RankingDocument | None:
    """Read ranking.json; None where there is none.

    Raises:
        TableError: it can't be read, or is no ranking.
    """
    return _read(path, RankingDocument)


def ranking_as_it_stands(path: Path) -> object:
    """What the file holds, even if it is no ranking: an audit names what was edited in it.

    Raises:
        TableError: it can't be read, or is no JSON.
    """
    return _read(path, object)


def _read(path: Path, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TableError(
            where=str(path), found=f"can't be read: {error}", mend="rank again: `segjudge rank`"
        ) from error


def write_ranking(path: Path, document: RankingDocument) -> None:
    """Write ranking.json, atomically: a line for each key down to the metrics."""
    write_json(path, msgspec.to_builtins(document), lines_down_to=4)
