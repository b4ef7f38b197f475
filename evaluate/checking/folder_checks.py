"""A folder before it runs: what would come into an image, and what runs."""

import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import make_finding, nothing_found
from evaluate.checking.files import file_findings, named_secrets, script_findings
from evaluate.facts.rules import Rules
from evaluate.sandbox.dockerfiles import entry_point
from evaluate.sandbox.layers import LayerEntry

_MOST = 100_000
_LARGEST_TEXT = 2**16


def folder_findings(folder: Path, protocol: Rules) -> list[Finding]:
    """A submission's folder: what starts, Dockerfile, and what .dockerignore does not keep out."""
    script = folder / "predict.sh"
    findings: list[Finding] = []
    if protocol.container.entrypoint == "image":
        findings += _own_entry(folder, protocol)
    elif script.is_file():
        # Of a folder nobody knows yet which shell its image has: only images are told.
        findings += script_findings(_entry(script), bash=True)
    else:
        words = f"no predict.sh in {folder.name}"
        mend = "write one: it reads every case in the inputs folder, and leaves a mask in the"
        findings.append(make_finding("entry-point", found=words, mend=f"{mend} outputs folder"))
    dockerfile = folder / "Dockerfile"
    if dockerfile.is_file():
        findings.append(nothing_found("dockerfile", "there is one"))
        names = named_secrets([_text(dockerfile).decode("utf-8", "replace")])
        if names:
            words = f"{', '.join(names[:4])} are set in it"
            findings.append(make_finding("secrets", subject="Dockerfile", found=words))
    else:
        findings.append(make_finding("dockerfile", Severity.WARNING, found="none"))
    ignored = _ignored(folder)
    entries = [e for e in islice(_entries(folder), _MOST) if not _matches(e.path, ignored)]
    return [*findings, *file_findings(entries)]


def _own_entry(folder: Path, protocol: Rules) -> Iterator[Finding]:
    """What the Dockerfile starts, where the protocol starts the image itself."""
    entry = entry_point(folder)
    words = entry.called(protocol.container.command)
    files = [word for word in words if re.fullmatch(r"[\w.-]{1,100}\.(?:py|sh)", word)]
    lost = [name for name in files if not (folder / name).is_file()]
    mend = 'end the Dockerfile with `ENTRYPOINT ["python", "process.py"]`, or what yours is'
    if not words:
        told = "the Dockerfile has neither ENTRYPOINT nor CMD: nothing of yours is started"
    elif lost:
        told = f"it starts {' '.join(words)[:200]}, and the folder has no {', '.join(lost)}"
    elif entry.in_shell and protocol.container.command:
        told = (
            "ENTRYPOINT is a line for a shell, which passes the protocol's arguments on to nobody"
        )
        mend = 'write it as a list: `ENTRYPOINT ["python", "process.py"]`'
    elif protocol.container.command and not entry.words:
        told = "CMD alone: the protocol's arguments take its place, and nothing of yours is started"
    else:
        scripts = [folder / name for name in files if name.endswith(".sh")]
        for script in scripts[:1]:
            yield from script_findings(_entry(script), bash=True)
        if not scripts:
            yield nothing_found("entry-point", " ".join(words)[:200])
        return
    yield make_finding("entry-point", found=told, mend=mend)


def _entry(script: Path) -> LayerEntry:
    content, size = _text(script), script.stat().st_size
    return LayerEntry(path=script.name, kind="file", size=size, mode=0, content=content)


def _text(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LARGEST_TEXT)


def _entries(folder: Path) -> Iterator[LayerEntry]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                yield LayerEntry(
                    path=path.relative_to(folder).as_posix(),
                    kind="file",
                    size=status.st_size,
                    mode=status.st_mode,
                )


def _ignored(folder: Path) -> list[str]:
    path = folder / ".dockerignore"
    if not path.is_file():
        return []
    lines = (line.strip() for line in _text(path).decode("utf-8", "replace").splitlines())
    return [line.strip("/") for line in lines if line and not line.startswith(("#", "!"))]


def _matches(path: str, patterns: list[str]) -> bool:
    """Near enough to Docker's rules for plain names and wildcards."""
    parts = path.split("/")
    beginnings = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(
        fnmatch.fnmatch(text, pattern.removeprefix("**/"))
        for pattern in patterns
        for text in (*beginnings, *(parts if pattern.startswith("**/") else ()))
    )
