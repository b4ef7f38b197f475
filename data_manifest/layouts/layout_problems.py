"""What contradicts itself in a protocol's layout, one line each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from data_manifest.errors import Finding
from data_manifest.layouts.formats import FORMATS, NPZ, format_of
from data_manifest.layouts.named_files import ROLES, InputFile, Inputs, OutputFile, References
from data_manifest.layouts.sidecars import SIDECAR
from data_manifest.prompts import KINDS

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MARKS = {"case", "uuid"}


def contradictions(
    inputs: Inputs, output: OutputFile, references: References, prompts: Sequence[str]
) -> Iterator[Finding]:
    """What of a protocol's layout can't be, one line each; `where` is the key."""
    for number, file in enumerate(inputs.files, start=1):
        yield from _of_input(f"input.files, {number}. file", file)
    paths = [file.path.lower() for file in inputs.files]
    if not inputs.images or len(set(paths)) < len(paths):
        fault = "a path twice" if inputs.images else "no image"
        expected = "at least one image, each file of another path"
        yield Finding(where="input.files", found=fault, expected=expected)
    yield from _of_prompts(inputs, prompts)
    yield from _of_path("output", output.path.replace("*", "{case}"), output.format, "case")
    if output.format in FORMATS and FORMATS[output.format].is_split:
        fault = f"format {output.format!r}, whose numbers are in a second file"
        expected = "one file a mask; `references.predictions` names masks that were made elsewhere"
        yield Finding(where="output.format", found=fault, expected=expected)
    if output.format in FORMATS and FORMATS[output.format].has_keys != bool(output.key):
        keyed = FORMATS[output.format].has_keys
        yield Finding(
            where="output.key",
            found=f"{output.key!r} with format {output.format!r}",
            expected="the name of the array that is the mask" if keyed else "no key",
        )
    yield from _of_references(references, output)


def _of_input(where: str, file: InputFile) -> Iterator[Finding]:
    if file.role not in ROLES:
        yield Finding(where=where, found=f"role {file.role!r}", expected=_one_of(ROLES))
    if file.role in ("sidecar", "clicks"):
        if file.format != SIDECAR:
            fault = f"role {file.role!r}, format {file.format!r}"
            yield Finding(where=where, found=fault, expected=f"format {SIDECAR!r}")
        if file.role == "sidecar" and file.content is None and not file.value:
            expected = "what the sidecar holds, or the name of each case's own value"
            yield Finding(where=where, found="no content", expected=expected)
        if file.role != "sidecar" and file.value:
            yield Finding(where=where, found="value", expected="none: only a sidecar has one")
        yield from _of_place(where, file.path)
        return
    yield from _of_path(where, file.path, file.format)
    if file.content is not None or file.value:
        yield Finding(
            where=where, found="content or value", expected="none: only a sidecar's is written"
        )


def _of_references(references: References, output: OutputFile) -> Iterator[Finding]:
    for key, path in (("path", references.path), ("predictions", references.predictions)):
        form = format_of(path or "")
        if path is not None:
            yield from _of_path(f"references.{key}", path, form.name if form else "", "case")
    if references.prompts is not None:
        yield from _of_path("references.prompts", references.prompts, NPZ.name, "case")
    if references.rounds is not None and output.format in FORMATS:
        told = references.masks(output).format
        yield from _of_path("references.rounds", references.rounds, told, "case", "round")


def _of_prompts(inputs: Inputs, prompts: Sequence[str]) -> Iterator[Finding]:
    unknown = sorted(set(prompts) - set(KINDS))
    if unknown:
        yield Finding(where="prompts", found=", ".join(unknown), expected=_one_of(KINDS))
    holders = [name for name, form in FORMATS.items() if form.holds_prompts]
    told = any(file.role == "clicks" for file in inputs.files) and [*prompts] == ["clicks"]
    if prompts and not told and not any(file.format in holders for file in inputs.files):
        yield Finding(
            where="prompts",
            found=f"{', '.join(prompts)}, which no file of input.files holds",
            expected=f"an image in format {_one_of(holders)}, or `prompts = []`",
        )


def _of_path(where: str, path: str, form: str, *once: str) -> Iterator[Finding]:
    """A path of a mask or an image; of `once` each mark is in it once, and no other."""
    if form not in FORMATS:
        yield Finding(where=where, found=f"format {form!r}", expected=_one_of(FORMATS))
    elif not path.endswith(FORMATS[form].suffix):
        expected = f"a name that ends in {FORMATS[form].suffix}"
        yield Finding(where=where, found=f"path {path!r} of format {form!r}", expected=expected)
    yield from _of_place(where, path, *once)


def _of_place(where: str, path: str, *once: str) -> Iterator[Finding]:
    parts = PurePosixPath(path).parts
    plain = path.isprintable() and "\\" not in path and not path.startswith("/")
    if not plain or not parts or ".." in parts:
        expected = "a path that stays in the folder"
        yield Finding(where=where, found=f"path {path!r}", expected=expected)
    marks = _PLACEHOLDER.findall(path)
    if set(marks) != set(once) if once else not set(marks) <= _MARKS:
        named = " and ".join(f"`{{{mark}}}`" for mark in once)
        expected = f"{named}, and no other braces" if once else "`{case}` or `{uuid}`"
        yield Finding(where=where, found=f"path {path!r}", expected=expected)


def _one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(names)
