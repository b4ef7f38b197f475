"""An image before it runs: its archive's name, size and tag, its settings, and its layers."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from data_manifest.errors import printable
from data_manifest.findings import Finding, Severity, listed
from evaluate.checking.check_findings import make_finding, nothing_found
from evaluate.checking.files import (
    FileSystem,
    file_findings,
    is_cache,
    named_secrets,
    script_findings,
    stack,
)
from evaluate.facts.rules import HandIn, Rules
from evaluate.sandbox.archives import ArchivedImage, read_archive
from evaluate.sandbox.image_settings import ImageSettings
from evaluate.sandbox.layers import ImageContents, read_layers
from evaluate.sandbox.port import ImageProblem
from evaluate.sandbox.surroundings import SCRATCH, normalised

_PLATFORM = ("linux", "amd64")
_MIB = 2**20
_LARGE_MIB = 10 * 1024
_WASTE_MIB = 200
_OLD_DAYS = 2 * 365
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CUDA = re.compile(r"/(site|dist)-packages/nvidia/|/libtorch_cuda|/libcud(a|nn)|/cuda-\d")
_SCRIPT = re.compile(r"[\w./-]{1,200}\.(?:py|sh)")
_TEAM = re.compile(r"[a-z0-9][a-z0-9_-]*")


def archive_findings(path: Path, protocol: Rules, *, now: datetime) -> list[Finding]:
    """An archive that a team hands in."""
    try:
        image = read_archive(path)
        contents = read_layers(path, image)
    except ImageProblem as problem:
        return [make_finding("archive-readable", found=str(problem), subject=path.name)]
    return [
        nothing_found("archive-readable", f"one image of {len(image.layers)} layers"),
        *_names(path, image, protocol.submission),
        *_size(path, protocol.submission),
        *image_findings(image, contents, protocol, now=now),
    ]


def image_findings(
    image: ArchivedImage, contents: ImageContents, protocol: Rules, *, now: datetime
) -> list[Finding]:
    """What the image's settings and layers tell, wherever it comes from."""
    system = stack(contents.layers)
    settings = contents.settings
    return [
        *_architecture(image),
        *_shell(system, settings, protocol),
        *_entry_point(system, settings, protocol),
        *_user(settings),
        *(_cuda(system) if not protocol.limits.gpus else ()),
        *_covered(system, settings, protocol),
        *_told_secrets(settings),
        *file_findings([*system.entries.values(), *system.hidden]),
        *_age(settings.made_at, now),
        *_waste(system),
        *(
            make_finding("archive-readable", Severity.NOTE, found=f"not all was looked at: {text}")
            for text in contents.unread[:1]
        ),
    ]


def _names(path: Path, image: ArchivedImage, rules: HandIn) -> Iterator[Finding]:
    team = path.name.partition(".")[0].lower()
    for check, rule, names in (
        ("archive-name", rules.archive, [path.name]),
        ("image-tag", rules.tag, [tag.rpartition("/")[2] for tag in image.tags]),
    ):
        if rule is None:
            continue
        wanted = rule.replace("{team}", team)
        # The index of an OCI layout may name the tag alone, without the repository.
        fits = wanted in names or (check == "image-tag" and wanted.rpartition(":")[2] in names)
        if fits and _TEAM.fullmatch(team):
            yield nothing_found(check, wanted)
        else:
            told = f"{', '.join(names[:3]) or 'no tag'}; wanted: {wanted}"
            yield make_finding(check, Severity.WARNING, subject=path.name, found=told)


def _size(path: Path, rules: HandIn) -> Iterator[Finding]:
    mib = path.stat().st_size / _MIB
    limit = rules.archive_mib
    if limit is not None and mib > limit:
        words = f"{mib:,.1f} MiB, the limit is {limit:,} MiB"
        yield make_finding("archive-size", found=words, subject=path.name)
    elif mib > _LARGE_MIB:
        words = f"{mib:,.0f} MiB"
        yield make_finding("archive-size", Severity.WARNING, subject=path.name, found=words)
    else:
        yield nothing_found("archive-size", f"{mib:,.1f} MiB")


def _architecture(image: ArchivedImage) -> Iterator[Finding]:
    fits = (image.system, image.architecture) == _PLATFORM
    severity = Severity.OK if fits else Severity.PROBLEM
    yield make_finding("architecture", severity, found=f"{image.system}/{image.architecture}")


def _shell(system: FileSystem, settings: ImageSettings, protocol: Rules) -> Iterator[Finding]:
    command = protocol.container.command
    if protocol.container.entrypoint == "image":
        return
    needed = [command[0]]
    if any(re.match(r"sh\s", word) for word in command[1:]):
        needed.append("sh")
    path = next((t[5:] for t in settings.environment if t.startswith("PATH=")), _PATH)
    missing = [program for program in needed if not _is_there(system, program, path)]
    if missing:
        yield make_finding("shell", found=f"no {' and no '.join(missing)} in the image")
    else:
        yield nothing_found("shell", ", ".join(needed))


def _is_there(system: FileSystem, program: str, path: str) -> bool:
    folders = [""] if "/" in program else [f"{folder}/" for folder in path.split(":")]
    return any(system.find(f"{folder}{program}") is not None for folder in folders)


def _entry_point(system: FileSystem, settings: ImageSettings, protocol: Rules) -> Iterator[Finding]:
    if protocol.container.entrypoint == "image":
        yield from _own_entry(system, settings)
    if not protocol.container.starts_script:
        return
    folder = settings.working_directory
    script = system.find(f"{folder}/predict.sh")
    if script is None:
        others = [path for path in system.entries if path.rpartition("/")[2] == "predict.sh"]
        elsewhere = f"; there is one in /{others[0].rpartition('/')[0]}" if others else ""
        mend = f"set `WORKDIR /{others[0].rpartition('/')[0]}` in the Dockerfile" if others else ""
        words = f"no predict.sh in the working directory {folder}{elsewhere}"
        yield make_finding("entry-point", found=words, mend=mend)
        return
    yield from script_findings(script, bash=_sh_is_bash(system, protocol))
    yield from _modes(system, script.path, folder)


def _own_entry(system: FileSystem, settings: ImageSettings) -> Iterator[Finding]:
    """What an image starts by itself."""
    if not settings.entry:
        words = "the image says neither ENTRYPOINT nor CMD: nothing is started"
        mend = 'end the Dockerfile with `ENTRYPOINT ["python", "process.py"]`, or what yours is'
        yield make_finding("entry-point", found=words, mend=mend)
        return
    program = settings.entry[0]
    path = next((t[5:] for t in settings.environment if t.startswith("PATH=")), _PATH)
    inside = program if program.startswith("/") else f"{settings.working_directory}/{program}"
    there = _is_there(system, inside if "/" in program else program, path)
    files = [word for word in settings.entry[1:] if _SCRIPT.fullmatch(word)]
    lost = [f for f in files if system.find(posixpath.join(settings.working_directory, f)) is None]
    if there and not lost:
        yield nothing_found("entry-point", " ".join(settings.entry)[:200])
        return
    missing = ", ".join(printable(word) for word in ([] if there else [program]) + lost)
    words = f"the image starts {printable(' '.join(settings.entry))[:200]}, and has no {missing}"
    mend = "copy it in the Dockerfile, and name it by its whole path in the image"
    yield make_finding("entry-point", found=words, mend=mend)


def _modes(system: FileSystem, script: str, folder: str) -> Iterator[Finding]:
    """Whether others than root may read what runs."""
    parts = script.split("/")
    way = [system.entries.get("/".join(parts[: n + 1])) for n in range(len(parts) - 1)]
    closed = [f"/{entry.path} (folder)" for entry in way if entry and not entry.mode & 0o001]
    below = system.below(folder) if folder.strip("/") else [system.entries[script]]
    closed += [f"/{e.path}" for e in below if e.kind == "file" and not e.mode & 0o004]
    if not closed:
        yield nothing_found("file-modes", "everyone may read what runs")
        return
    words = f"closed to all but their owner: {listed(closed, most=3)}"
    yield make_finding("file-modes", Severity.WARNING, found=words)


def _sh_is_bash(system: FileSystem, protocol: Rules) -> bool:
    """Whether the shell that reads predict.sh understands bash's own words."""
    if not any(re.match(r"sh\s", word) for word in protocol.container.command[1:]):
        return True
    shell = next((s for at in _PATH.split(":") if (s := system.find(f"{at}/sh"))), None)
    return shell is None or shell.path.rpartition("/")[2] == "bash"


def _covered(system: FileSystem, settings: ImageSettings, protocol: Rules) -> Iterator[Finding]:
    """What the image keeps in folders that are mounted at run time."""
    container = protocol.container
    working = normalised(settings.working_directory)
    lost = []
    for folder in (SCRATCH, normalised(container.inputs), normalised(container.outputs)):
        files = [entry for entry in system.below(folder) if entry.kind not in ("folder", "other")]
        if files:
            size = sum(entry.size for entry in files) / _MIB
            lost.append(f"{len(files)} in {folder} ({size:,.1f} MiB), such as /{files[0].path}")
        if f"{working}/".startswith(f"{folder}/"):
            lost.append(f"the working directory {working} lies in {folder}")
    if lost:
        severity = Severity.PROBLEM if "working" in lost[-1] else Severity.WARNING
        yield make_finding("covered-files", severity, found="; ".join(lost))
    else:
        yield nothing_found("covered-files", "nothing of the image is covered")


def _user(settings: ImageSettings) -> Iterator[Finding]:
    user = settings.user
    if user in ("", "0", "root", "0:0", "root:root"):
        words = "root, by default; the harness runs it as an unprivileged user"
        yield make_finding("user", Severity.NOTE, found=words)
    else:
        yield nothing_found("user", user)


def _cuda(system: FileSystem) -> Iterator[Finding]:
    mib = sum(e.size for e in system.entries.values() if _CUDA.search(e.path)) / _MIB
    if mib > _WASTE_MIB:
        words = f"{mib:,.0f} MiB of CUDA libraries are in the image, and nothing can use them"
        mend = "install the build for processors alone, for example from PyTorch's `cpu` index"
        yield make_finding("gpu", Severity.NOTE, found=words, mend=mend)


def _told_secrets(settings: ImageSettings) -> Iterator[Finding]:
    names = named_secrets([*settings.environment, *settings.steps])
    if names:
        words = f"{', '.join(names[:4])} in the image's settings or its history"
        yield make_finding("secrets", found=words, subject="settings")


def _age(made_at: Sequence[datetime], now: datetime) -> Iterator[Finding]:
    known = [date for date in made_at if date.year >= 2000]
    if not known:
        return
    days = (now - min(known)).days
    words = f"the oldest part is of {min(known):%Y-%m-%d}, {days / 365.25:.1f} years ago"
    severity = Severity.WARNING if days > _OLD_DAYS else Severity.OK
    yield make_finding("image-age", severity, found=words)


def _waste(system: FileSystem) -> Iterator[Finding]:
    hidden = sum(entry.size for entry in system.hidden) / _MIB
    caches = [entry for entry in system.entries.values() if is_cache(entry.path)]
    cached = sum(entry.size for entry in caches) / _MIB
    words = f"{hidden:,.0f} MiB deleted or replaced by later layers, {cached:,.0f} MiB of caches"
    if hidden + cached <= _WASTE_MIB:
        yield nothing_found("layer-waste", words)
        return
    largest = sorted([*system.hidden, *caches], key=lambda entry: -entry.size)[:2]
    named = ", ".join(f"/{entry.path} ({entry.size / _MIB:,.0f} MiB)" for entry in largest)
    yield make_finding("layer-waste", Severity.WARNING, found=f"{words}; largest: {named}")
