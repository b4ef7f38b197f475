"""A new submission's folder, from the template in `starter_files`: valid as it is."""

import json
import re
import shlex
import shutil
from pathlib import Path

from data_manifest.layouts import FORMATS
from evaluate.checking.starter_kit import kit_file
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.rules import Rules

__all__ = ["write_starter"]

_TEMPLATE = Path(__file__).parent / "starter_files"
# A team's name is also a folder, a file and, in lower case, an image: the engine's rule for names.
_NAME = re.compile(r"[A-Za-z0-9]+(?:(?:\.|__?|-+)[A-Za-z0-9]+)*")
_LONGEST = 64
# Under other names in the template, lest tools of this repository take them for its own.
_STORED_AS = {".dockerignore": "dockerignore", "predict.py": "predict.py.txt"}
_FILES = (
    *("Dockerfile", "predict.sh", "predict.py", "case_files.py", "requirements.txt"),
    *(".dockerignore", "README.md"),
)
_OF_THE_KIT = ("case_files.py",)


def write_starter(folder: Path, *, protocol: Rules, called: str) -> list[Path]:
    """Write the template into a new folder, whose last part is the submission's name.

    The folder must not exist, and its parent must. What the user called the protocol stands in the
    README's commands.

    Returns:
        The files, in the order in which a reader wants to see them.

    Raises:
        UsageError: the name can't be a submission's, the folder exists, or the protocol wants
            masks that the template does not write. Nothing was written.
    """
    name = folder.name
    _refuse(folder, protocol)
    values = {
        "NAME": name,
        "IMAGE": f"{name.lower()}:latest",
        "PROTOCOL": shlex.quote(called),
        "COMMAND": json.dumps(list(protocol.container.command)),
        "INPUTS": protocol.container.inputs,
        "OUTPUTS": protocol.container.outputs,
        # Inside a string of the template's Python.
        "OUTPUT_KEY": json.dumps(protocol.output.key)[1:-1],
        "MEMORY": str(protocol.limits.memory_mib),
        "TIME": f"{protocol.limits.timeout_s:g}",
    }
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise UsageError(_exists(folder)) from error
    try:
        for file in _FILES:
            stored = _TEMPLATE / _STORED_AS.get(file, file)
            text = (kit_file(file) if file in _OF_THE_KIT else stored).read_text(encoding="utf-8")
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        (folder / "predict.sh").chmod(0o755)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # ours: made above
        raise
    return [folder / file for file in _FILES]


def _exists(folder: Path) -> Finding:
    return Finding(
        where=str(folder),
        found="exists already",
        expected="the name of a new folder: nothing is ever overwritten",
        mend="choose another name, or move it away",
    )


def _refuse(folder: Path, protocol: Rules) -> None:
    if len(folder.name) > _LONGEST or not _NAME.fullmatch(folder.name):
        raise UsageError(
            where=f"init {folder}",
            found="not the name of a submission",
            expected=f"letters and digits, with single `.`, `_` or `-` between them, {_LONGEST}"
            " at most",
            mend="for example `segjudge init my-team`",
        )
    # A broken link is in the way too.
    if folder.is_symlink() or folder.exists():
        raise UsageError(_exists(folder))
    if not folder.parent.is_dir():
        raise UsageError(
            where=str(folder.parent), found="no such folder", mend="make it first, or go there"
        )
    spoken = [name for name, form in FORMATS.items() if form.has_starter]
    asked = (*(file.format for file in protocol.input.files), protocol.output.format)
    if not set(asked) <= set(spoken) or {f.path for f in protocol.input.files} != {
        protocol.output.path
    }:
        raise UsageError(
            where=f"protocol {protocol.name}",
            found=f"gives {protocol.input.files[0].path}, asks for {protocol.output.path}",
            expected=f"masks named as the inputs are, of the template's format"
            f" ({', '.join(spoken)})",
            mend="start with `--protocol cvpr24`, and change predict.py",
        )
