"""JSON files beside an image, which a protocol writes out whole: a platform's sockets, an age."""

import json
import uuid
from pathlib import Path
from typing import Any

__all__ = ["SIDECAR", "filled", "write_sidecar"]

SIDECAR = "json"
"""The format of such a file, in protocols."""


def filled(template: str, case: str) -> str:
    """A path, or a text of a sidecar, for one case.

    Args:
        template: `{case}` stands for the case's identifier, `{uuid}` for a name made of it that
            tells nothing and is always the same.
        case: the identifier.

    >>> filled("images/ct/{uuid}.mha", "patient_1")
    'images/ct/248b8774-9465-53ac-afd3-d934d9db0945.mha'
    """
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, case))
    return template.replace("{case}", case).replace("{uuid}", name)


def write_sidecar(path: Path, content: Any, case: str) -> None:
    """Write what a protocol says that the file holds; the same content gives the same bytes."""
    text = json.dumps(_filled_in(content, case), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _filled_in(content: Any, case: str) -> Any:
    if isinstance(content, str):
        return filled(content, case)
    if isinstance(content, dict):
        return {key: _filled_in(value, case) for key, value in content.items()}
    return [_filled_in(value, case) for value in content] if isinstance(content, list) else content
