"""What the ports of layouts and prompts know stands there alone: no other source names it."""

import re
from pathlib import Path

import pytest

from data_manifest.layouts import FORMATS
from data_manifest.prompts import KINDS

_HOUSE = Path(__file__).parents[1]
_OF_THE_PORTS = (
    *("data_manifest/layouts/", "data_manifest/prompts/"),
    # Images come in every format there is.
    *("data_manifest/making/", "data_manifest/demo/"),
    # What `segjudge init` copies is written for one contract.
    "evaluate/checking/starter_files/",
    "evaluate/protocols/",
)
_SOURCES = [
    path
    for room in ("evaluate", "data_manifest")
    for path in sorted((_HOUSE / room).rglob("*"))
    if path.suffix in (".py", ".j2")
    and not path.relative_to(_HOUSE).as_posix().startswith(_OF_THE_PORTS)
]
# The endings of pictures are also what pages are made of.
_ENDINGS = [re.escape(form.suffix) for form in FORMATS.values() if form.media_type[:5] != "image"]
_WORDS = {
    "a mask's format": re.compile(rf"""({"|".join(_ENDINGS)})["'`]|\bnpz\b"""),
    "an array's key": re.compile(r"""["'`](imgs|gts|segs|boxes)["'`]"""),
    # A text is much else besides.
    "a kind of prompts": re.compile(
        r"\b(" + "|".join({*KINDS} - {"text"}) + r"|[Bb]ox(es)?[ -]prompts?)\b"
    ),
}


@pytest.mark.parametrize("what", _WORDS)
def test_nothing_but_the_port_names(what: str) -> None:
    assert len(_SOURCES) > 100
    named = [
        f"{path.relative_to(_HOUSE)}: {line.strip()}"
        for path in _SOURCES
        for line in path.read_text(encoding="utf-8").splitlines()
        if _WORDS[what].search(line) and "dots" not in line.lower()  # dots over boxes, a chart
    ]
    assert named == []
