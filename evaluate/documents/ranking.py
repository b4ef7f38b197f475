"""ranking.json: what a ranking says, as `evaluate.facts.ranking_record` has it."""

from pathlib import Path

import msgspec

from evaluate.documents.tables import write_json
from evaluate.facts.errors import TableError
from evaluate.facts.ranking_record import RankingDocument

__all__ = ["RankingDocument", "read_ranking", "write_ranking"]


def read_ranking(path: Path) -> RankingDocument | None:
    """Read ranking.json; None where there is none.

    Raises:
        TableError: it can't be read, or is no ranking.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=RankingDocument)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TableError(
            where=str(path), found=f"can't be read: {error}", mend="rank again: `segjudge rank`"
        ) from error


def write_ranking(path: Path, document: RankingDocument) -> None:
    """Write ranking.json, atomically: a line for each key down to the metrics."""
    write_json(path, msgspec.to_builtins(document), lines_down_to=4)
