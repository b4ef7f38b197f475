"""Every check of a submission, with its words: what is expected, why it matters, how to mend it.

One place, `catalogue.toml`, so that the terminal, the page and `docs/checks.md` say the same.
"""

from pathlib import Path

import msgspec


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check's words."""

    looks_at: str
    expected: str
    why: str
    mend: str


CATALOGUE = msgspec.toml.decode(
    Path(__file__).with_name("catalogue.toml").read_bytes(), type=dict[str, Check]
)
