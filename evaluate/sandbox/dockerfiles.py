"""What a Dockerfile says is started, for a sandbox that builds no image of it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

_LARGEST = 2**18
_INSTRUCTION = re.compile(r"^[ \t]*(FROM|ENTRYPOINT|CMD|WORKDIR)[ \t]+(.*?)[ \t]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """ENTRYPOINT and CMD of the last stage of a Dockerfile, each as words; empty where not said.

    Attributes:
        words: of ENTRYPOINT.
        arguments: of CMD, which a protocol's own arguments replace.
        in_shell: whether ENTRYPOINT is a line for a shell, which passes no arguments on.
    """

    words: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    in_shell: bool = False

    @property
    def starts_itself(self) -> bool:
        """Whether it starts something, and that is not predict.sh."""
        words = (*self.words, *self.arguments)
        return bool(words) and not any("predict.sh" in word for word in words)

    def called(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """What an engine would start with these arguments."""
        if self.in_shell:
            return self.words
        return (*self.words, *(arguments or self.arguments))


def entry_point(folder: Path) -> EntryPoint:
    """Read a folder's Dockerfile; what its base image starts is not known, and not said."""
    path = folder / "Dockerfile"
    if not path.is_file():
        return EntryPoint()
    with path.open("rb") as stream:
        text = stream.read(_LARGEST).decode("utf-8", "replace")
    said: dict[str, str] = {}
    for line in re.sub(r"\\[ \t]*\r?\n", " ", text).splitlines():
        match = _INSTRUCTION.match(line)
        if match is not None and match[1].upper() == "FROM":
            said.clear()  # another stage
        elif match is not None:
            said[match[1].upper()] = match[2]
    entry, in_shell = _words(said.get("ENTRYPOINT", ""))
    arguments, _ = _words(said.get("CMD", ""))
    return EntryPoint(words=entry, arguments=arguments, in_shell=in_shell)


def _words(text: str) -> tuple[tuple[str, ...], bool]:
    """The words of an instruction, and whether they are a line for a shell."""
    if not text:
        return (), False
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words), False
    return ("/bin/sh", "-c", text), True
