"""A protocol's layout: which files a container gets of a case, and which it is to leave."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from data_manifest.cases import CaseInputs
from data_manifest.errors import CaseFileError
from data_manifest.layouts.formats import FORMATS, NPZ, Format, format_of
from data_manifest.layouts.named_files import Inputs, OutputFile
from data_manifest.layouts.npz_contract import read_inputs
from data_manifest.layouts.sidecars import filled, write_points, write_sidecar
from data_manifest.layouts.stored import VOLUMES, convert_volume, read_case
from data_manifest.manifest import Case


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

    def holds(self, dimension: str) -> bool:
        """Whether `2D` or `3D` cases can be put into these files, and answered by one."""
        images = all(dimension in FORMATS[f.format].image_dimensions for f in self.inputs.images)
        return images and dimension in FORMATS[self.output.format].mask_dimensions

    @property
    def gives_prompts(self) -> bool:
        """Whether a container finds a case's prompts beside its image."""
        return any(
            file.role == "clicks" or FORMATS[file.format].holds_prompts
            for file in self.inputs.files
            if file.role != "sidecar"
        )

    def refusal(self, case: Case) -> str:
        """Why a case can't be put into these files, or answered by one; empty if it can."""
        for file in self.inputs.images:
            try:
                stored = format_of(case.image_of(file.channel).path) or NPZ
            except LookupError:
                has = ", ".join(case.channels) or "one image"
                return f"has no channel {file.channel!r} for {file.path} (it has {has})"
            asked = FORMATS[file.format]
            if stored is not asked and case.dimension not in asked.image_dimensions:
                return f"is {case.dimension}, which {file.path} can't hold"
            if not _can_become(stored, asked):
                return f"is stored as {stored.name}, which can't become {file.path}"
        for file in self.inputs.files:
            if file.value and file.content is None and case.value_of(file.value) is None:
                has = ", ".join(value.name for value in case.values) or "none"
                return f"has no value {file.value} for {file.path} (it has {has})"
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
            target = folder / filled(file.path, case.id)
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                (folder / parent).mkdir(exist_ok=True)
                (folder / parent).chmod(0o755)  # whatever the harness's umask is
            own = case.value_of(file.value)
            if own is not None:
                shutil.copyfile(data_root / own.path, target)
            elif file.role == "sidecar":
                write_sidecar(target, file.content, case.id)
            elif file.role == "clicks":
                write_points(target, (told or read_case(data_root, case)).prompts, file.names)
            else:
                source = data_root / case.image_of(file.channel).path
                _place_image(source, target, FORMATS[file.format], told)
            target.chmod(0o444)


def _place_image(source: Path, target: Path, form: Format, told: CaseInputs | None) -> None:
    stored = format_of(source.name) or NPZ
    if stored is form and (told is None or not form.holds_prompts):
        shutil.copyfile(source, target)
    elif stored is NPZ:
        _convert(source, target, form, told)
    else:
        convert_volume(source, target)


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
