"""The console blocks of a guide: the commands after `$ `, and the lines that they print."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console(?P<words>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a guide.

    Attributes:
        line: for a shell.
        output: the lines that the guide says it prints; `...` stands for any.
        exit_code: what the guide says it exits with: `exit=1` after the block's `console`, else 0.
        words: what else stands there: `before` for what comes before the guide's first command,
            `again` for what is run on a fresh copy of the folder.
    """

    line: str
    output: str
    exit_code: int
    words: frozenset[str]


def commands(guide: Path) -> list[Command]:
    """All commands of a guide, in the order in which a reader can run them."""
    return commands_of(guide.read_text(encoding="utf-8"))


def commands_of(text: str) -> list[Command]:
    """All commands of a page, or of a part of one."""
    found = []
    for block in _BLOCK.finditer(text):
        words = frozenset(shlex.split(block["words"]))
        codes = [int(word.removeprefix("exit=")) for word in words if word.startswith("exit=")]
        parts = re.split(r"^\$ ", block["body"], flags=re.MULTILINE)
        assert not parts[0].strip(), f"output without a command: {parts[0]}"
        for part in parts[1:]:
            line, _, output = part.partition("\n")
            found.append(
                Command(line=line, output=output, exit_code=codes[0] if codes else 0, words=words)
            )
    return sorted(found, key=lambda command: "before" not in command.words)


def says(expected: str, printed: str) -> bool:
    """Whether the output is what the guide says, where `...` stands for any lines, or none."""
    lines = [
        r"(?:[^\n]*\n)*" if line == "..." else re.escape(line) + r"\n"
        for line in expected.splitlines()
    ]
    return re.fullmatch("".join(lines), printed) is not None
