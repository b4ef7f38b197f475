"""What is the same for an image and a folder: what names of files give away, and predict.sh."""

import codecs
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data_manifest.findings import Finding, Severity, listed
from data_manifest.layouts import FORMATS
from evaluate.checking.check_findings import make_finding, nothing_found
from evaluate.sandbox.layers import LayerEntry

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_LINKS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """What a container sees.

    Hidden are files that a later layer deletes or replaces, which are still in the archive.
    """

    entries: dict[str, LayerEntry]
    hidden: tuple[LayerEntry, ...]

    def find(self, path: str) -> LayerEntry | None:
        """What a path leads to, links followed within the image; None if to nothing."""
        todo = [part for part in path.split("/") if part not in ("", ".")]
        here: list[str] = []
        links = 0
        entry: LayerEntry | None = None
        while todo:
            part = todo.pop(0)
            if part == "..":
                del here[-1:]
                continue
            entry = self.entries.get("/".join([*here, part]))
            if entry is not None and entry.kind == "link":
                links += 1
                if links > _MOST_LINKS:
                    return None
                if entry.link.startswith("/"):
                    here = []
                todo = [p for p in entry.link.split("/") if p not in ("", ".")] + todo
                continue
            here.append(part)
        if entry is not None and entry.kind == "hardlink":
            return self.entries.get(posixpath.normpath(entry.link).lstrip("/"))
        return entry

    def below(self, folder: str) -> list[LayerEntry]:
        """Everything in a folder, at any depth."""
        prefix = folder.strip("/")
        return [
            entry
            for path, entry in self.entries.items()
            if not prefix or path == prefix or path.startswith(f"{prefix}/")
        ]


def stack(layers: Sequence[Sequence[LayerEntry]]) -> FileSystem:
    """Put layers on each other, from the bottom, as an engine does."""
    entries: dict[str, LayerEntry] = {}
    hidden: list[LayerEntry] = []
    for layer in layers:
        removed, emptied = _whiteouts(layer)
        if removed or emptied:
            gone = [path for path in entries if _is_gone(path, removed, emptied)]
            hidden += [entries.pop(path) for path in gone]
        for entry in layer:
            if posixpath.basename(entry.path).startswith(_WHITEOUT):
                continue
            if entry.path in entries:
                hidden.append(entries[entry.path])
            entries[entry.path] = entry
    files = tuple(entry for entry in hidden if entry.kind == "file")
    return FileSystem(entries=entries, hidden=files)


def _whiteouts(layer: Sequence[LayerEntry]) -> tuple[set[str], set[str]]:
    """Paths that a layer removes, and folders that it empties."""
    removed: set[str] = set()
    emptied: set[str] = set()
    for entry in layer:
        folder, name = posixpath.split(entry.path)
        if name == _OPAQUE:
            emptied.add(folder)
        elif name.startswith(_WHITEOUT):
            removed.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
    return removed, emptied


def _is_gone(path: str, removed: set[str], emptied: set[str]) -> bool:
    if path in removed:
        return True
    folder = posixpath.dirname(path)
    while folder:
        if folder in removed or folder in emptied:
            return True
        folder = posixpath.dirname(folder)
    return "" in emptied


_SECRET_NAMES = {
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".git-credentials", ".pypirc"),
    *("kaggle.json", ".htpasswd", ".pgpass", "credentials.json", ".dockercfg", ".vault-token"),
}
_SECRET_PATHS = (
    *(".aws/credentials", ".docker/config.json", ".config/gcloud/credentials.db"),
    *(".kube/config", ".huggingface/token", "huggingface/token", ".azure/accessTokens.json"),
)
_KEY = re.compile(r"\.(pem|key|p12|pfx|jks|ppk|kdbx)$", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"^\.env(\.(?!example|sample|template)[\w-]+)?$")
# Certificates and test keys of the system and of Python packages.
_OF_PACKAGES = re.compile(
    r"^(etc|usr|lib|lib64|var|sbin|bin|boot|System)/|/(site|dist)-packages/|"
    r"(^|/)(conda|mini(conda|forge)\d?|anaconda\d?|mambaforge)/|/ca-certificates/|/nvidia/"
)
_STRAY_FOLDERS = {".git", ".svn", ".hg", ".idea", ".vscode", ".ipynb_checkpoints", ".venv", "wandb"}
_STRAY_NAMES = {".DS_Store", "Thumbs.db", ".bash_history", ".python_history"}
_CACHES = re.compile(
    r"^(var/lib/apt/lists|var/cache/(apt|yum|dnf|apk)|root/\.(cache|npm|cargo/registry)|"
    r"home/[^/]+/\.cache|opt/conda/pkgs|opt/mini\w+/pkgs)/"
)
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_MEDICAL = (
    *(form.suffix for form in FORMATS.values() if form.suffix not in _PICTURES),
    *(".dcm", ".npy", ".h5", ".svs"),
)
_MANY_MEDICAL, _MANY_PICTURES = 20, 200
_TOLD = re.compile(
    r"\b(\w{0,40}(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY|PRIVATE_KEY)\w{0,40})\s?=\s?['\"]?[^\s'\"$]",
    re.IGNORECASE,
)


def is_secret(path: str) -> bool:
    """Whether a path looks like a key or credentials; public keys and certificates do not."""
    name = posixpath.basename(path)
    if name in _SECRET_NAMES or path.endswith(_SECRET_PATHS):
        return not re.search(r"/(site|dist)-packages/", path)
    if "/.ssh/" in f"/{path}" and not name.endswith(".pub") and name != "known_hosts":
        return True
    if _OF_PACKAGES.search(path):
        return False
    return bool(_KEY.search(name) or _ENVIRONMENT.search(name))


def is_stray(path: str) -> bool:
    """Whether a path is a leftover of somebody's work."""
    if _OF_PACKAGES.search(path):
        return False
    *folders, name = path.split("/")
    return name in _STRAY_NAMES or bool(_STRAY_FOLDERS.intersection(folders))


def is_cache(path: str) -> bool:
    """Whether a path is a package manager's cache."""
    return _CACHES.search(path) is not None


def data_sets(paths: Iterable[str]) -> list[str]:
    """Kinds of images of which there are so many that they look like data, in words."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in paths:
        if _OF_PACKAGES.search(path):
            continue
        lower = path.lower()
        ending = next((e for e in (*_MEDICAL, *_PICTURES) if lower.endswith(e)), None)
        if ending is not None:
            counts[ending, path.partition("/")[0] if "/" in path else "."] += 1
    return [
        f"{count} files {ending} in {folder}"
        for (ending, folder), count in counts.most_common()
        if count >= (_MANY_MEDICAL if ending in _MEDICAL else _MANY_PICTURES)
    ]


def named_secrets(texts: Iterable[str]) -> list[str]:
    """Names of variables that hold a secret, in settings or a Dockerfile; never their values."""
    return sorted({match[1] for text in texts for match in _TOLD.finditer(text[:10_000])})


_FETCHES = re.compile(
    rb"^[ \t]{0,80}(?:sudo )?(pip3? install|python3? -m pip install|conda install|"
    rb"apt(?:-get)? install|wget\s|curl\s|git clone|gdown\s|huggingface-cli download)",
    re.MULTILINE,
)
# Plain at the beginning of a command; not in a line that hands itself to bash.
_BASHISMS = re.compile(
    rb"^[ \t]{0,80}(?:(?:if|while|until|elif|&&|\|\|)[ \t]+)?(?:\[\[[ \t]|source[ \t]|declare[ \t]|"
    rb"function[ \t]+\w|shopt[ \t]|set[ \t]+-[a-z]*o[ \t]+pipefail|[A-Za-z_]\w{0,60}=\(|"
    rb"[a-z][\w ./$\"-]{0,80}<<<)",
    re.MULTILINE,
)
_NAMED = 3


def file_findings(entries: Sequence[LayerEntry]) -> Iterator[Finding]:
    """Keys, leftovers and data among files, by their names."""
    paths = list(dict.fromkeys(e.path for e in entries if e.kind in ("file", "hardlink")))
    secrets = [path for path in paths if is_secret(path)]
    if secrets:
        yield make_finding("secrets", found=_told(secrets))
    else:
        yield nothing_found("secrets", "no name of a key or of credentials")
    stray = [path for path in paths if is_stray(path)]
    if stray:
        yield make_finding("stray-files", Severity.WARNING, found=_told(stray))
    data = data_sets(paths)
    if data:
        yield make_finding("data-set", Severity.WARNING, found="; ".join(data[:_NAMED]))


def script_findings(script: LayerEntry, *, bash: bool = False) -> Iterator[Finding]:
    """What predict.sh says, as far as it is plain to see."""
    content, words, mend = script.content or b"", "", ""
    if b"\r\n" in content:
        words = "Windows line ends: the shell takes the carriage return for a part of each word"
        mend = "`dos2unix predict.sh`, and `*.sh text eol=lf` in .gitattributes"
    elif content.startswith(codecs.BOM_UTF8):
        words = "a byte order mark, which the shell takes for a part of the first word"
        mend = "save it as UTF-8 without one"
    elif not content.strip():
        words = "an empty file" if script.size == 0 else "nothing that can be read"
    elif not bash and (own := _BASHISMS.search(content)):
        word = own[0].decode("ascii", "replace").strip()
        words = f"`{word}` is bash's, and it is started with `sh`, which is another shell here"
        mend = "write it for `sh`, or let it hold one line: `exec bash real.sh`"
    if words:
        yield make_finding("entry-point", subject="predict.sh", found=words, mend=mend)
    else:
        yield nothing_found("entry-point", f"/{script.path.lstrip('/')}")
    fetches = _FETCHES.search(content)
    if fetches:
        command = fetches[1].decode("ascii", "replace").strip()
        yield make_finding(
            "network", Severity.WARNING, subject="predict.sh", found=f"it runs `{command}`"
        )


def _told(paths: Sequence[str]) -> str:
    return listed((f"/{path}" for path in paths), most=_NAMED)
