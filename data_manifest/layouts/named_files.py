"""Names of a case's files: what a container gets, what it leaves, what it is scored by."""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from data_manifest.layouts.formats import FORMATS, format_of, stem_of
from data_manifest.layouts.labels import Fractions
from data_manifest.layouts.masks import OneHot
from data_manifest.layouts.sidecars import filled

ROLES = ("image", "sidecar", "clicks")
"""What a file can be to a case; an npz of the image holds the prompts and the spacing too."""


class InputFile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One file that a container gets of a case.

    Attributes:
        role: what it is to the case, one of `ROLES`.
        path: in the inputs folder; `{case}` stands for the case's identifier, `{uuid}` for a name
            that does not tell it.
        format: a name of `FORMATS`; of a sidecar `json`.
        channel: of a case of several images which one, by its number from 0 or its name.
        content: of a sidecar, for every case alike but for `{case}` and `{uuid}` in its texts.
        value: of a sidecar, the name of each case's own file; `content` then is what a case gets
            that has none.
        names: of clicks or scribbles: what a point on an object is called, and one beside it.
    """

    role: str
    path: str
    format: str
    channel: int | str = 0
    content: Any = None
    value: str = ""
    names: tuple[str, str] = ("foreground", "background")


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a container gets of a case.

    Attributes:
        files: all of them.
    """

    files: tuple[InputFile, ...]

    @property
    def images(self) -> tuple[InputFile, ...]:
        """Those that are images."""
        return tuple(file for file in self.files if file.role == "image")

    @property
    def points(self) -> tuple[InputFile, ...]:
        """Those that list points."""
        return tuple(file for file in self.files if file.role == "clicks")


class OutputFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that a container is to leave.

    Attributes:
        path: in the outputs folder; `{case}` stands for the case's identifier, `*` for any name,
            of which there has to be one.
        format: a name of `FORMATS`.
        key: the array that is the mask, in a format of several arrays; empty in others.
        grid: `must_match` refuses a mask whose own spacing or axes are not the case's;
            `reference` looks at the array alone, and takes it to lie on the reference's grid. The
            shape has to fit in both. `nearest` takes a mask of another field of view, too, and cuts
            it or fills it up with 0, where the reference's file tells its place; its spacing and
            axes have to be the case's. A mask's own spacing never enters a score.
        fractions: of a mask's values: `refuse` takes a mask that holds any as no valid one; `cut`
            drops them, 2.75 to 2, as scripts do that read numbers as integers; `up` raises them,
            as scripts do for which all but 0 is the object; `apart` cuts them, but what lies
            between 0 and 1 is a label of its own, 65535, which a region of labels `any` has and
            one of labels `whole` has not.
        beside: patterns of paths that may lie there too; they are not kept.
        one_hot: of a mask with a map of 0 and 1 a label, along an axis before the case's own: the
            first is label 1 (`labels`), or the background's; maps may not overlap.
    """

    path: str
    format: str
    key: str = ""
    grid: Literal["must_match", "reference", "nearest"] = "must_match"
    fractions: Fractions = "refuse"
    beside: tuple[str, ...] = ()
    one_hot: OneHot = ""

    @property
    def suffix(self) -> str:
        """What the names of kept masks end in."""
        return FORMATS[self.format].suffix

    def name(self, case: str) -> str:
        """The path of a case's mask in the outputs folder."""
        return filled(self.path, case)

    def masks_in(self, folder: Path, case: str) -> tuple[str, ...]:
        """Paths in an outputs folder that are a case's mask by their names; nothing is followed."""
        name = self.name(case)
        if "*" not in name:
            return (name,) if os.path.lexists(folder / name) else ()
        return tuple(path for path in _paths(folder) if _fits(path, name))

    def tolerates(self, path: str) -> bool:
        """Whether a further file may lie in the outputs folder."""
        return any(_fits(path, pattern) for pattern in self.beside)


PLATFORM_MASK = OutputFile(path="{case}.mha", format="mha")
"""What Grand Challenge keeps every mask as."""


class References(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a folder of references, of no manifest, has those of the cases.

    Attributes:
        path: the end of a reference's path, with `{case}` in it; other files are no references.
            None for every file of a mask's format, whose name then is the case's.
        prompts: where the file with a case's text prompts is, in the folder in which `path` begins.
        fields: a table of each case's field (a box), in the folder in which `path` begins: only
            what lies in it is scored.
        predictions: the path of predictions that were made elsewhere, where they are not named or
            not of the format that a container leaves.
        rounds: of a protocol with rounds, the name of the mask of one among the predictions, with
            `{case}` and `{round}` in it. None for names as a run directory has them.
        one_hot: of references with a map of 0 and 1 a label, as `OutputFile.one_hot`.
    """

    path: str | None = None
    prompts: str | None = None
    fields: str | None = None
    predictions: str | None = None
    rounds: str | None = None
    one_hot: OneHot = ""

    def case_of(self, file: PurePosixPath) -> str | None:
        """The case that a file is the reference of; None if it is none.

        Args:
            file: its path below the folder.
        """
        if self.path is None:
            return stem_of(file.name) if format_of(file.name) else None
        parts = PurePosixPath(self.path).parts
        name = "/".join(file.parts[-len(parts) :])
        fits = re.fullmatch(_pattern(self.path), name, re.IGNORECASE)
        return fits[1] if fits else None

    def prompts_of(self, case: str, file: Path) -> Path | None:
        """The file with a case's text prompts.

        Args:
            case: the case.
            file: its reference.
        """
        return None if self.prompts is None else self._begin(file) / filled(self.prompts, case)

    def fields_of(self, file: Path) -> Path | None:
        """The table with the box of a reference's case."""
        return None if self.fields is None else self._begin(file) / self.fields

    def _begin(self, file: Path) -> Path:
        """The folder in which `path` begins."""
        return file.parents[len(PurePosixPath(self.path or file.name).parts) - 1]

    def masks(self, output: OutputFile) -> OutputFile:
        """What predictions that were made elsewhere are, in a protocol of this output."""
        path = self.predictions or output.path.replace("*", "{case}")
        form = format_of(self.predictions or self.rounds or "") or FORMATS[output.format]
        return msgspec.structs.replace(output, path=path, format=form.name)

    def mask_of(self, case: str, number: int, *, last: int, output: OutputFile) -> str:
        """The name of the mask of a round, counted from 0, in a folder of predictions.

        Args:
            case: the case.
            number: of the round.
            last: number of the protocol's last round.
            output: the protocol's.
        """
        if self.rounds is not None:
            return filled(self.rounds, case).replace("{round}", str(number))
        return output.name(case if number == last else f"{case}.round{number}")


def _paths(folder: Path) -> list[str]:
    """Paths of the files below a folder, sorted; of links the links' own."""
    return sorted(
        (Path(top) / name).relative_to(folder).as_posix()
        for top, folders, names in os.walk(folder)
        for name in (*names, *(f for f in folders if (Path(top) / f).is_symlink()))
    )


def _fits(path: str, pattern: str) -> bool:
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch("[^/]*".join(parts), path) is not None


def _pattern(template: str) -> str:
    """An expression for the paths of a template; its group is the case."""
    first, *others = map(re.escape, template.split("{case}"))
    return first + "([^/]+)" + r"\1".join(others)
