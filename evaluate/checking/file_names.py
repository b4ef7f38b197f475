"""What the names of files give away: keys, leftovers of work, caches, data sets.

Names alone: no content of a stranger's file is read.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable

from data_manifest.layouts import FORMATS

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
