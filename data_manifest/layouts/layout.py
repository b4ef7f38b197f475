"""A protocol's layout: which files a container gets of a case, and which it is to leave."""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from data_manifest.cases import CaseInputs
from data_manifest.errors import CaseFileError, Finding
from data_manifest.layouts.formats import FORMATS, NPZ, Format, format_of, stem_of
from data_manifest.layouts.labels import Fractions
from data_manifest.layouts.npz_contract import read_inputs
from data_manifest.layouts.stored import VOLUMES, convert_volume
from data_manifest.manifest import Case
from data_manifest.prompts import KINDS

__all__ = [
    "ROLES",
    "InputFile",
    "Inputs",
    "Layout",
    "OutputFile",
    "References",
    "contradictions",
    "first_contract",
]

ROLES = ("image",)
"""What a file can be to a case; an npz of the image holds the prompts and the spacing too."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class InputFile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One file that a container gets of a case.

    Attributes:
        role: what it is to the case, one of `ROLES`.
        path: in the inputs folder; `{case}` stands for the case's identifier.
        format: a name of `FORMATS`.
        channel: of a case of several images which one, by its number from 0 or its name.
    """

    role: str
    path: str
    format: str
    channel: int | str = 0


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a container gets of a case.

    Attributes:
        files: all of them.
    """

    files: tuple[InputFile, ...]


class OutputFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that a container is to leave.

    Attributes:
        path: in the outputs folder; `{case}` stands for the case's identifier.
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
    """

    path: str
    format: str
    key: str = ""
    grid: Literal["must_match", "reference", "nearest"] = "must_match"
    fractions: Fractions = "refuse"

    @property
    def suffix(self) -> str:
        """What the names of kept masks end in."""
        return FORMATS[self.format].suffix

    def name(self, case: str) -> str:
        """The path of a case's mask in the outputs folder."""
        return _filled(self.path, case)


class References(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a folder of references, of no manifest, has those of the cases.

    Attributes:
        path: the end of a reference's path, with `{case}` in it; other files are no references.
            None for every file of a mask's format, whose name then is the case's.
        prompts: where the file with a case's text prompts is, in the folder in which `path` begins.
        rounds: of a protocol with rounds, the name of the mask of one among the predictions, with
            `{case}` and `{round}` in it. None for names as a run directory has them.
    """

    path: str | None = None
    prompts: str | None = None
    rounds: str | None = None

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
        if self.prompts is None:
            return None
        above = len(PurePosixPath(self.path or file.name).parts)
        return file.parents[above - 1] / _filled(self.prompts, case)

    def mask_of(self, case: str, number: int, *, last: int, output: OutputFile) -> str:
        """The name of the mask of a round, counted from 0, in a folder of predictions.

        Args:
            case: the case.
            number: of the round.
            last: number of the protocol's last round.
            output: the protocol's.
        """
        if self.rounds is not None:
            return _filled(self.rounds, case).replace("{round}", str(number))
        return output.name(case if number == last else f"{case}.round{number}")


def first_contract(output_format: object, output_key: object) -> tuple[object, object]:
    """Inputs and output as protocols of schema 1 mean them, as plain data.

    Args:
        output_format: of the mask; None where the protocol says nothing.
        output_key: of an npz; None where the protocol says nothing.
    """
    form = output_format or NPZ.name
    output = {"path": f"{{case}}.{form}", "format": form}
    if form == NPZ.name:
        output["key"] = output_key or "segs"
    image = {"role": "image", "path": f"{{case}}{NPZ.suffix}", "format": NPZ.name}
    return {"files": [image]}, output


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Input files and output of one protocol, without contradictions."""

    inputs: Inputs
    output: OutputFile

    def refusal(self, case: Case) -> str:
        """Why a case can't be put into these files, or answered by one; empty if it can."""
        for file in self.inputs.files:
            try:
                stored = format_of(case.image_of(file.channel).path) or NPZ
            except LookupError:
                has = ", ".join(case.channels) or "one image"
                return f"has no channel {file.channel!r} for {file.path} (it has {has})"
            if case.dimension not in FORMATS[file.format].image_dimensions:
                return f"is {case.dimension}, which {file.path} can't hold"
            if not _can_become(stored, FORMATS[file.format]):
                return f"is stored as {stored.name}, which can't become {file.path}"
        if case.dimension not in FORMATS[self.output.format].mask_dimensions:
            return f"is {case.dimension}, which {self.output.path} can't hold"
        return ""

    def place(
        self, case: Case, data_root: Path, folder: Path, told: CaseInputs | None = None
    ) -> None:
        """Put what a container gets of a case into its inputs folder.

        A file that is stored in the format asked for is copied byte for byte, so that its hash in
        the manifest is what the container saw.

        Args:
            case: its entry in the manifest.
            data_root: folder of the data set.
            folder: new and empty.
            told: the image, prompts and previous answer of a round; None for those stored.

        Raises:
            CaseFileError: the case can't be put into this format, or its file can't be read.
        """
        for file in self.inputs.files:
            target = folder / _filled(file.path, case.id)
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                (folder / parent).mkdir(exist_ok=True)
                (folder / parent).chmod(0o755)  # whatever the harness's umask is
            source = data_root / case.image_of(file.channel).path
            stored = format_of(source.name) or NPZ
            if told is None and stored is FORMATS[file.format]:
                shutil.copyfile(source, target)
            elif stored is NPZ:
                _convert(source, target, FORMATS[file.format], told)
            else:
                convert_volume(source, target)
            target.chmod(0o444)

    def case_in(self, folder: Path) -> str:
        """The identifier of the case that `place` put into a folder.

        Raises:
            LookupError: there is none.
        """
        pattern = _pattern(self.inputs.files[0].path)
        for file in sorted(folder.rglob("*")):
            if fits := re.fullmatch(pattern, file.relative_to(folder).as_posix()):
                return fits[1]
        raise LookupError(f"no case in {folder}")


def _can_become(stored: Format, asked: Format) -> bool:
    if stored is asked:
        return True
    if stored is NPZ:
        return asked.write_inputs is not None
    return stored.name in VOLUMES and asked.name in VOLUMES


def _convert(source: Path, target: Path, form: Format, told: CaseInputs | None) -> None:
    write = form.write_inputs
    if write is None:
        raise NotImplementedError(form.name)  # `refusal` comes first
    try:
        write(target, told or read_inputs(source))
    except ValueError as error:
        expected = f"what a {form.name} file can hold"
        raise CaseFileError(where=str(source), found=str(error), expected=expected) from error


def _filled(template: str, case: str) -> str:
    return template.replace("{case}", case)


def _pattern(template: str) -> str:
    """An expression for the paths of a template; its group is the case."""
    first, *others = map(re.escape, template.split("{case}"))
    return first + "([^/]+)" + r"\1".join(others)


def contradictions(
    inputs: Inputs, output: OutputFile, references: References, prompts: Sequence[str]
) -> Iterator[Finding]:
    """What of a protocol's layout can't be, one line each; `where` is the key."""
    for number, file in enumerate(inputs.files, start=1):
        where = f"input.files, {number}. file"
        if file.role not in ROLES:
            yield Finding(where=where, found=f"role {file.role!r}", expected=_one_of(ROLES))
        yield from _of_path(where, file.path, file.format)
    paths = [file.path.lower() for file in inputs.files]
    if not paths or len(set(paths)) < len(paths):
        fault = "a path twice" if paths else "none"
        yield Finding(
            where="input.files", found=fault, expected="at least one file, each of another path"
        )
    unknown = sorted(set(prompts) - set(KINDS))
    if unknown:
        yield Finding(where="prompts", found=", ".join(unknown), expected=_one_of(KINDS))
    holders = [name for name, form in FORMATS.items() if form.holds_prompts]
    if prompts and not any(file.format in holders for file in inputs.files):
        yield Finding(
            where="prompts",
            found=f"{', '.join(prompts)}, which no file of input.files holds",
            expected=f"an image in format {_one_of(holders)}, or `prompts = []`",
        )
    yield from _of_path("output", output.path, output.format)
    yield from _of_references(references, output)
    if output.format in FORMATS and FORMATS[output.format].has_keys != bool(output.key):
        keyed = FORMATS[output.format].has_keys
        yield Finding(
            where="output.key",
            found=f"{output.key!r} with format {output.format!r}",
            expected="the name of the array that is the mask" if keyed else "no key",
        )


def _of_references(references: References, output: OutputFile) -> Iterator[Finding]:
    if references.path is not None:
        form = format_of(references.path)
        yield from _of_path("references", references.path, form.name if form else "")
    if references.prompts is not None:
        yield from _of_path("references.prompts", references.prompts, NPZ.name)
    if references.rounds is not None:
        yield from _of_path("references.rounds", references.rounds, output.format, "case", "round")


def _of_path(where: str, path: str, form: str, *names: str) -> Iterator[Finding]:
    if form not in FORMATS:
        yield Finding(where=where, found=f"format {form!r}", expected=_one_of(FORMATS))
    elif not path.endswith(FORMATS[form].suffix):
        expected = f"a name that ends in {FORMATS[form].suffix}"
        yield Finding(where=where, found=f"path {path!r} of format {form!r}", expected=expected)
    parts = PurePosixPath(path).parts
    plain = path.isprintable() and "\\" not in path and not path.startswith("/")
    if not plain or not parts or ".." in parts:
        expected = "a path that stays in the folder"
        yield Finding(where=where, found=f"path {path!r}", expected=expected)
    wanted = names or ("case",)
    if set(_PLACEHOLDER.findall(path)) != set(wanted):
        expected = f"{' and '.join(f'`{{{name}}}`' for name in wanted)}, and no other braces"
        yield Finding(where=where, found=f"path {path!r}", expected=expected)


def _one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(names)
