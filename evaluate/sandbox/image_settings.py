"""What an image says of itself, read once: the part of its configuration that is looked at."""

import json
import re
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """An image's configuration; `entry` is its entry point and command. Texts are a stranger's."""

    environment: tuple[str, ...] = ()
    working_directory: str = "/"
    user: str = ""
    entry: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    made_at: tuple[datetime, ...] = ()


def read_settings(data: bytes) -> ImageSettings:
    """The settings in an archive's configuration; what is not of its kind counts as not said."""
    try:
        config = _mapping(json.loads(data))
    except (ValueError, RecursionError):
        return ImageSettings()
    settings = _mapping(config.get("config"))
    steps = [step for step in _listed(config.get("history")) if isinstance(step, dict)]
    dates = [_date(part.get("created")) for part in (config, *steps)]
    return ImageSettings(
        environment=tuple(str(text) for text in _listed(settings.get("Env"))),
        working_directory=str(settings.get("WorkingDir") or "/"),
        user=str(settings.get("User") or ""),
        entry=tuple(str(w) for key in ("Entrypoint", "Cmd") for w in _listed(settings.get(key))),
        steps=tuple(str(step.get("created_by", "")) for step in steps),
        made_at=tuple(date for date in dates if date is not None),
    )


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _date(text: object) -> datetime | None:
    try:
        date = datetime.fromisoformat(re.sub(r"\.\d+", "", str(text)))
    except ValueError:
        return None
    return date if date.tzinfo else None
