"""A new submission's folder, from the template in `starter_files`: valid as it is."""

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import evaluate
from data_manifest.layouts import FORMATS
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.rules import Rules

_KIT = "kit"
_SHARES = "shares.txt"
"""Of a participant: the files of others that it takes, a line each, relative to all of them."""


def _shipped() -> Path:
    """In the installed package, or in the checkout."""
    package = Path(evaluate.__file__).parent
    for folder in (package / "participants", package.parent / "participants"):
        if (folder / _KIT).is_dir():
            return folder
    raise UsageError(
        where="segjudge",
        found="no participants beside this installation",
        expected="the folder `participants` that segjudge ships",
        mend="install segjudge again",
    )


def kit_file(name: str) -> Path:
    """A file that every submission needs, by its name."""
    return _shipped() / _KIT / name


def ready_participants(out: Path) -> dict[str, Path]:
    """Put each shipped participant on top of the kit; equal files give equal digests.

    What an earlier call left there is brought up to date.

    Returns:
        The folders, by name.
    """
    shipped = _shipped()
    ready = {}
    for own in sorted(path.parent for path in shipped.glob("*/predict.py")):
        folder = out / own.name
        for source in (shipped / _KIT, own):
            ignored = shutil.ignore_patterns("__pycache__", _SHARES)
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=ignored)
        shares = own / _SHARES
        for name in shares.read_text("utf-8").split() if shares.is_file() else ():
            shutil.copy(shipped / name, folder)
        ready[folder.name] = folder
    return ready


_TEMPLATE = Path(__file__).parent / "starter_files"
# A team's name is also a folder, a file and, in lower case, an image: the engine's rule for names.
_NAME = re.compile(r"[A-Za-z0-9]+(?:(?:\.|__?|-+)[A-Za-z0-9]+)*")
_LONGEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kit:
    """How a submission reads and writes files of some formats, and what the stub does."""

    predict: str
    files: str
    requirements: tuple[str, ...]
    does: str


_KITS = {
    "cases": _Kit(
        predict="predict_boxes.py.txt",
        files="case_files.py",
        requirements=("numpy",),
        does="fills each box",
    ),
    "volumes": _Kit(
        predict="predict_volumes.py.txt",
        files="volume_files.py",
        requirements=("numpy", "SimpleITK"),
        does="marks what is brighter than Otsu's threshold",
    ),
}


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
    _refuse(folder)
    kit = _kit(protocol)
    values = _values(name, kit, protocol, called)
    sources = {
        "Dockerfile": _TEMPLATE / "Dockerfile",
        "predict.sh": _TEMPLATE / "predict.sh",
        "predict.py": _TEMPLATE / kit.predict,
        kit.files: _TEMPLATE / f"{kit.files}.txt",
        "requirements.txt": _TEMPLATE / "requirements.txt",
        # Under another name in the template, lest tools of this repository take it for its own.
        ".dockerignore": _TEMPLATE / "dockerignore",
        "README.md": _TEMPLATE / "README.md",
    }
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise UsageError(_exists(folder)) from error
    try:
        for file, stored in sources.items():
            source = stored if stored.is_file() else kit_file(file)
            text = source.read_text(encoding="utf-8")
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        (folder / "predict.sh").chmod(0o755)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # ours: made above
        raise
    return [folder / file for file in sources]


def _values(name: str, kit: _Kit, protocol: Rules, called: str) -> dict[str, str]:
    """What stands in the template's places."""
    container, output = protocol.container, protocol.output
    images = {str(file.channel or file.role): file.path for file in protocol.input.images}
    points = {file.path: file.names[0] for file in protocol.input.points}
    own = container.entrypoint == "image"
    start = ("ENTRYPOINT", ["sh", "predict.sh"]) if own else ("CMD", list(container.command))
    left = output.path.replace("*", "{case}")
    return {
        "NAME": name,
        "IMAGE": f"{name.lower()}:latest",
        "PROTOCOL": shlex.quote(called),
        "START": f"{start[0]} {json.dumps(start[1])}",
        "INPUTS": container.inputs,
        "OUTPUTS": container.outputs,
        "MODEL": container.model or "model",
        "GIVEN": "\n".join(f"- `{container.inputs}/{file.path}`" for file in protocol.input.files),
        "LEFT": output.path,
        "FILES": json.dumps(images, indent=4),
        "POINTS": json.dumps(points, indent=4),
        "OUTPUT": json.dumps(left),
        "LABEL": str(min(protocol.scoring.known_labels or {1})),
        # Inside a string of the template's Python.
        "OUTPUT_KEY": json.dumps(output.key)[1:-1],
        "PICKLED": str(any(FORMATS[f.format].pickles_prompts for f in protocol.input.images)),
        "REQUIREMENTS": "\n".join(f"{it}=={version(it)}" for it in kit.requirements),
        "DOES": kit.does,
        "MEMORY": str(protocol.limits.memory_mib),
        "TIME": f"{protocol.limits.timeout_s:g}",
    }


def _kit(protocol: Rules) -> _Kit:
    """The one that speaks a protocol's formats; refused where there is none."""
    container, output = protocol.container, protocol.output
    given = [file.path for file in protocol.input.images]
    asked = [FORMATS[name] for name in (*(f.format for f in protocol.input.images), output.format)]
    kits = {form.kit for form in asked}
    startable = container.starts_script or container.entrypoint == "image"
    alike = not any(form.has_keys for form in asked) or given == [output.path]
    if startable and alike and len(kits) == 1 and kits <= set(_KITS):
        return _KITS[kits.pop()]
    told = "; ".join(
        ", ".join(name for name, form in FORMATS.items() if form.kit == kit) for kit in _KITS
    )
    raise UsageError(
        where=f"protocol {protocol.name}",
        found=f"gives {', '.join(given)}, asks for {output.path}, starts"
        f" {' '.join(container.command) or 'the image'}",
        expected=f"formats of one template ({told}), a mask among arrays named as its image is,"
        " and a command that starts predict.sh, or the image's own entry point",
        mend="start with `--protocol cvpr24`, and change predict.py",
    )


def _exists(folder: Path) -> Finding:
    return Finding(
        where=str(folder),
        found="exists already",
        expected="the name of a new folder: nothing is ever overwritten",
        mend="choose another name, or move it away",
    )


def _refuse(folder: Path) -> None:
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
