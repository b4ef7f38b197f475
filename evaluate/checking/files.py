"""What is the same for an image and a folder: suspicious files, and predict.sh itself."""

import codecs
import re
from collections.abc import Iterator, Sequence

from data_manifest.findings import Finding, Severity, listed
from evaluate.checking.check_findings import make_finding, nothing_found
from evaluate.checking.file_names import data_sets, is_secret, is_stray
from evaluate.sandbox.layers import LayerEntry

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
