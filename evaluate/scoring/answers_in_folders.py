"""Which files of a folder are answers, to which case and round, and which are left over."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from data_manifest.errors import printable
from data_manifest.findings import listed
from data_manifest.layouts import (
    OutputFile,
    References,
    format_of,
    stem_of,
)
from evaluate.facts.errors import UsageError
from evaluate.facts.rounds import Rounds

_SHOWN = 3


class Answers:
    """A folder of predictions, by file name."""

    def __init__(self, folder: Path, output: OutputFile, named: References, rounds: Rounds) -> None:
        self._folder, self._output, self._named, self._rounds = folder, output, named, rounds
        self.files_below: dict[str, list[Path]] = {}
        self._others: list[Path] = []
        for path in files_below(folder):
            if path.name.lower().endswith(output.suffix):
                self.files_below.setdefault(_alike(path.name), []).append(path)
            else:
                self._others.append(path)

    def _names(self, case: str) -> list[str]:
        """Of the masks of a case's rounds."""
        last = self._rounds.last
        names = (
            self._named.mask_of(case, number, last=last, output=self._output)
            for number in range(last + 1)
        )
        return [PurePosixPath(name).name for name in names]

    def to(self, case: str) -> list[tuple[int, Path | None]]:
        """The files that answer the rounds of a case.

        Raises:
            UsageError: several answer one.
        """
        masks = [self._named_so(name, case) for name in self._names(case)]
        start = 1 if self._rounds.first_needs is not None and masks[0] is None else 0
        return list(enumerate(masks))[start:]

    def _named_so(self, name: str, case: str) -> Path | None:
        """The file of a name; of several that differ in capitals the one that is named exactly."""
        files = self.files_below.get(_alike(name), [])
        exact = [path for path in files if path.name == name]
        if len(exact or files) > 1:
            raise UsageError(
                where=f"--predictions {self._folder}",
                found=f"{shown_names(list(map(str, exact or files)))} for {printable(case)}",
                expected="one file a case",
            )
        return next(iter(exact or files), None)

    def refuse_nothing(self, cases: Mapping[str, Path]) -> None:
        """A folder that answers no case, or answers one in another format, is a mistake.

        Raises:
            UsageError: it is such a folder.
        """
        unanswered = {_alike(case) for case in cases if not any(mask for _, mask in self.to(case))}
        beside = [p for p in self._others if format_of(p.name)]
        beside = [p for p in beside if _alike(stem_of(p.name)) in unanswered]
        if not beside and len(unanswered) < len(set(map(_alike, cases))):
            return
        endings = Counter(_ending(path.name) for path in self._others)
        endings[self._output.suffix] += sum(map(len, self.files_below.values()))
        example = self._names(min(cases))[-1]
        answered = f"{len(cases) - len(unanswered)} of {len(cases)} references are answered"
        raise UsageError(
            where=f"--predictions {self._folder}",
            found=f"{_told(endings)}; {answered}",
            expected=f"names such as {printable(example)}, as the protocol's `output` says",
            mend="rename or convert them, or name a protocol whose `output` is of their format",
        )

    def beside(self) -> list[str]:
        """Names of the files of other formats."""
        return sorted(path.name for path in self._others)

    def surplus(self, cases: Mapping[str, Path]) -> list[str]:
        """Names of the files that answer no case."""
        wanted = {_alike(name) for case in cases for name in self._names(case)}
        return sorted(
            path.name
            for name, paths in self.files_below.items()
            if name not in wanted
            for path in paths
        )


def files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder in a fixed order, without hidden ones; no folder is seen twice.

    Raises:
        UsageError: a folder can't be looked into.
    """

    def closed(error: OSError) -> None:
        raise UsageError(
            where=str(error.filename),
            found=f"can't be looked into: {error.strerror}",
            expected="a folder of yours",
            mend="`chmod -R u+rX` opens it",
        ) from error

    seen = set()
    for top, folders, names in os.walk(folder, followlinks=True, onerror=closed):
        status = Path(top).stat()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield from (Path(top, name) for name in sorted(names) if not name.startswith("."))


def _alike(name: str) -> str:
    """What names share that differ in capitals, or in the form of Unicode that a disk gives."""
    return unicodedata.normalize("NFC", name).casefold()


def _ending(name: str) -> str:
    form = format_of(name)
    return form.suffix if form else Path(name).suffix.lower() or "without an ending"


def _told(endings: Mapping[str, int]) -> str:
    counted = [f"{n} {printable(ending)}" for ending, n in sorted(endings.items()) if n]
    return f"files: {', '.join(counted)}" if counted else "no file"


def shown_names(names: list[str]) -> str:
    """The first few, as a message shows them."""
    return listed(map(printable, names), most=_SHOWN)
