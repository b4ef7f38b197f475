"""What the exports share: templates filled, YAML, references found, and the image's folder."""

import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from evaluate.exporting.own_wheel import installed_requirements, write_own_wheel
from evaluate.facts.errors import UsageError
from evaluate.facts.rules import Rules

_FILES = Path(__file__).parent / "files"


def start_export(out: Path) -> None:
    """Make the folder of an export, which must not be there.

    Raises:
        UsageError: it is there.
    """
    try:
        out.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(
            where=str(out),
            found="exists already",
            expected="the name of a new folder: nothing is ever overwritten",
            mend="choose another name, or move it away",
        ) from error


def filled(name: str, values: Mapping[str, str]) -> str:
    """One of our templates, with a value for each @KEY@ in it."""
    text = (_FILES / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def as_yaml(data: object, indent: int = 0) -> str:
    """Plain data as YAML: strings in double quotes, one key or item a line."""
    pad = "  " * indent
    if isinstance(data, Mapping) and data:
        return "".join(f"{pad}{key}:{_below(value, indent)}" for key, value in data.items())
    if isinstance(data, list | tuple) and data:
        items = [as_yaml(item, indent + 1) for item in data]
        return "".join(f"{pad}- {item.removeprefix(pad + '  ')}" for item in items)
    return f"{pad}{json.dumps(data, ensure_ascii=False)}\n"


def _below(value: object, indent: int) -> str:
    if isinstance(value, Mapping | list | tuple) and value:
        return f"\n{as_yaml(value, indent + 1)}"
    return f" {as_yaml(value)}"


def references_of(folder: Path, protocol: Rules) -> dict[str, Path]:
    """The references of a folder, by case, as `segjudge score` finds them.

    Raises:
        UsageError: there is no such folder, or none in it.
    """
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")
    known = {}
    for path in paths:
        case = protocol.references.case_of(PurePosixPath(path.relative_to(folder)))
        if case is not None:
            known[case] = path
    if not known:
        raise UsageError(
            where=f"--references {folder}",
            found="no reference" if folder.is_dir() else "no such folder",
            expected=protocol.references.path or "one mask a case",
        )
    return known


def write_image(folder: Path, *, protocol: Rules, user: str, entry: str) -> None:
    """The folder that a platform's image is built of."""
    folder.mkdir(exist_ok=True)
    write_own_wheel(folder)
    (folder / "requirements.txt").write_text("\n".join(installed_requirements()) + "\n", "utf-8")
    start = f'ENTRYPOINT ["python3", "-m", "segjudge.platforms.{entry}"]\n' if entry else ""
    text = filled("Dockerfile", {"USER": user, "ENTRYPOINT": start})
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
    _write_rules(folder / "protocol.json", protocol)


def _write_rules(path: Path, protocol: Rules) -> None:
    """A protocol whole, without the files that it may be based on."""
    path.write_text(json.dumps(protocol.to_json(), indent=1) + "\n", encoding="utf-8")


def write_zip(path: Path, files: Iterable[tuple[str, Path | str]]) -> None:
    """Write a zip file of files, or of texts, by the names that they have in it.

    Whoever unpacks it, others can read it: a platform's program may not run as who unpacked it.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in files:
            if isinstance(source, Path):
                archive.write(source, name)
            else:
                archive.writestr(name, source)
            archive.infolist()[-1].external_attr = 0o100644 << 16


def write_script(path: Path, text: str) -> None:
    """Write a shell script that can be started."""
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o755)


def copy_references(references: Mapping[str, Path], root: Path, out: Path) -> None:
    """Copy the references alone, at their places below the folder."""
    for path in references.values():
        target = out / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
