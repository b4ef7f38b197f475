r"""What ended a command, by its own last words: one list, for the reason of a run and for check.

Only what was said last is looked at: the last Python exception where there is one, the last lines
otherwise. A warning at the start of a log explains no crash at its end. None rather than a wrong
one; a hint is advice, and never changes an outcome.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data_manifest.errors import printable
from evaluate.sandbox import Covered

_SEARCHED = 2**16
_LONGEST_LINE = 2000
_SHOWN = 300
_LAST_LINES = 3
_LONGEST_MESSAGE = 20
_LINES_AFTER = 10  # a script may say that its Python has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A cause, and the words that programs have for it.

    Attributes:
        check: the check that it is a finding of.
        words: for the team.
        pattern: what is looked for.
        gpus: whether it holds with GPUs (True), without (False), or either way (None).
    """

    check: str
    words: str
    pattern: re.Pattern[str]
    gpus: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What ended a command."""

    hint: Hint
    line: str
    detail: str = ""

    def __str__(self) -> str:
        """The hint's words, with what is special here."""
        return f"{self.hint.words}{self.detail}"


def _hint(check: str, words: str, pattern: str, *, gpus: bool | None = None) -> Hint:
    return Hint(check=check, words=words, pattern=re.compile(pattern, re.IGNORECASE), gpus=gpus)


_NO_SCRIPT = "the image's working directory has no predict.sh"
# In this order: the first that fits is the cause that is named.
HINTS = (
    _hint(
        "entry-point",
        "predict.sh has Windows line ends",
        r"\r'?: (?:command )?not found|\$'\\r'|not found\r|illegal option -?\r|\^M: bad interp|"
        r"option name\r|/bin/(?:ba)?sh\r|^\S*sh: (?:line )?\d+: .*\r$|env: '\S+\\r': no such file",
    ),
    _hint(
        "entry-point",
        "predict.sh begins with a byte order mark, or is no text in UTF-8: save it in UTF-8 without"
        " a mark",
        r"^\S*sh: (?:line )?1: (?:\ufeff|\ufffd|\$'\\357\\273\\277|\$'\\37[67]\\37)",
    ),
    _hint(
        "entry-point",
        "predict.sh is written for bash, and the protocol starts it with `sh`, which is another"
        " shell in this image",
        r"\[\[: not found|illegal option -o pipefail|syntax error: \"\(\" unexpected|"
        r"\b(?:source|function|declare|shopt|mapfile|pushd): not found|: bad substitution|"
        r"syntax error: redirection unexpected",
    ),
    _hint(
        "entry-point",
        _NO_SCRIPT,
        r"predict\.sh: no such file|(?:can't|cannot) open '?(?:\./)?predict\.sh",
    ),
    _hint("entry-point", "predict.sh is a folder", r"^\S*sh: .*predict\.sh: is a directory"),
    _hint(
        "shell",
        "the image lacks a shell that the protocol starts",
        r"\[fatal tini \(\d+\)\] exec \S+ failed: no such file|^\S*bash: line \d+: sh: command not",
    ),
    _hint(
        "architecture",
        "a program is for another processor architecture, or a script lacks its first line (#!)",
        r"exec format error|cannot execute binary file",
    ),
    _hint(
        "starts",
        "conda is not set up for a shell that is not interactive: call the environment's own"
        " python by its path",
        r"conda: (?:command )?not found|not been properly configured to use 'conda|run 'conda init",
    ),
    _hint("python-package", "a Python package is missing in the image", r"no module named"),
    _hint("starts", "the container's user, or its group, has no name", r"\b[ug]id not found"),
    _hint(
        "memory",
        "shared memory is full: it is as large as the protocol's `limits.shm_mib`, or as memory",
        r"\bbus error\b|out of shared memory|no space left on device.*/dev/shm|"
        r"unable to (?:allocate shared memory|write to file </torch)",
    ),
    _hint(
        "memory",
        "the GPU's memory is full: use smaller batches or patches",
        r"cuda(?: error:)? out of memory|cuda error: out of memory|(?<!lang\.)outofmemoryerror|"
        r"cublas_status_alloc_failed|cuda_error_out_of_memory|cuda failure 2\b|"
        r"resource_exhausted: out of memory|oom when allocating tensor.*gpu",
        gpus=True,
    ),
    _hint(
        "gpu",
        "it can't use its GPU: the image's CUDA and the machine's driver must fit each other",
        r"found no nvidia driver|no cuda-capable device|driver version is insufficient|"
        r"no kernel image is available|cuda_error_no_device|cuda driver|not compiled with cuda",
        gpus=True,
    ),
    _hint(
        "gpu",
        "it wants a GPU; there is none",
        r"found no nvidia driver|not compiled with cuda|no cuda-capable device|cuda error|"
        r"cuda driver|libcuda\.so|on a cuda device|cudaerrornodevice|cuda_error_no_device|"
        r"no cuda gpus|nvidia-smi: (?:command )?not found|cuda out of memory",
        gpus=False,
    ),
    _hint(
        "starts",
        "a system library is missing in the image, or too old",
        r"cannot open shared object file|version `\S+' not found",
    ),
    _hint(
        "memory",
        "it asked for more memory than the limit",
        r"\bmemoryerror\b|cannot allocate (?:memory|vector)|errno 12\b|std::bad_alloc|"
        r"unable to allocate|java\.lang\.outofmemoryerror",
    ),
    _hint(
        "starts",
        "it started more processes and threads than the protocol's `limits.processes`",
        r"can't start new thread|resource temporarily unavailable|pthread_create fail|cannot fork",
    ),
    _hint(
        "starts",
        "it has more files open than the protocol's `limits.open_files`",
        r"too many open files",
    ),
    _hint(
        "writes-outside",
        "it writes outside the outputs folder and /tmp; the rest is read-only",
        r"read-only file system|errno 30\b|\berofs\b|no locator available for file|"
        r"write a readonly database",
    ),
    _hint("starts", "a folder is full; /tmp is small and in memory", r"no space left on device"),
    _hint(
        "network",
        "it wants the network; there is none",
        r"name resolution|name or service not known|network is unreachable|could not resolve|"
        r"unable to resolve|failed to establish a new connection|max retries exceeded|"
        r"\bENOTFOUND\b|getaddrinfo failed|nodename nor servname|no route to host|urlopen error|"
        r"couldn't connect to 'https?:|localentrynotfounderror",
    ),
    _hint(
        "unprivileged-user",
        "a file can't be opened; it runs as an unprivileged user",
        r"permission denied|permissionerror|operation not permitted",
    ),
)
_COVERED = _hint("starts", "the image keeps files where an empty folder is mounted", "$^")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: |$)")
_PLAIN = re.compile(
    r"(?:FileNotFound|Index|Type|Attribute|Name|ZeroDivision|UnboundLocal)Error\b"
    r"|KeyError\b(?!.*id not found)"
)
"""Whatever words stand in such a message, they are a file's name, or a program's own."""
_QUOTED = re.compile(r"'(/[^']{1,200})'")
_NAMED = re.compile(r"no module named '?([A-Za-z0-9_.]{1,80})", re.IGNORECASE)
_LIBRARY = re.compile(r"([\w.+-]{1,80}\.so[\w.]{0,20}): cannot open", re.IGNORECASE)


def last_words(log: bytes) -> list[str]:
    """The lines by which a command has said why it ended: an exception's, or the last ones."""
    text = log[-_SEARCHED:].decode("utf-8", "replace")
    # Not `splitlines`: a carriage return is a part of what a shell complains about.
    lines = [line[:_LONGEST_LINE].rstrip(" \t") for line in text.split("\n")]
    lines = [line for line in lines if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if starts:
        after = starts[-1] + 1
        while after < len(lines) and not _EXCEPTION.match(lines[after]):
            after += 1
        message = lines[after : after + _LONGEST_MESSAGE]
        if message and len(lines) - after <= _LONGEST_MESSAGE + _LINES_AFTER:
            return message
    return lines[-_LAST_LINES:]


def last_line(log: bytes) -> str:
    """The last line of a log, printable and short; empty if there is none."""
    lines = [line.strip() for line in log[-_SEARCHED:].split(b"\n") if line.strip()]
    return printable(lines[-1].decode("utf-8", "replace"))[:_SHOWN] if lines else ""


def matching(line: str, *, gpus: int = 0) -> Hint | None:
    """The first hint that a line fits; an exception that says what it is names nothing else."""
    if _PLAIN.match(line):
        return None
    for hint in HINTS:
        if hint.gpus in (None, gpus > 0) and hint.pattern.search(line):
            return hint
    return None


def explain(
    log: bytes, *, gpus: int = 0, covered: Sequence[Covered] = (), exit_code: int | None = None
) -> Explanation | None:
    """What ended a command, if its last words tell."""
    words = last_words(log)
    for line in words:
        place = next((c for c in covered if f"{c.folder}/" in line), None)
        if place is not None and "/outputs" not in place.folder:
            return Explanation(hint=_COVERED, line=line, detail=_told(place))
    for line in words:
        hint = matching(line, gpus=gpus)
        if hint is not None:
            if hint.words == _NO_SCRIPT and covered:
                return Explanation(hint=_COVERED, line=line, detail=_told(covered[0]))
            return Explanation(hint=hint, line=line, detail=_detail(hint, line))
    if exit_code == 135:  # SIGBUS: a page of shared memory that could not be had
        return Explanation(hint=matching("Bus error") or HINTS[0], line="")
    return None


def _told(place: Covered) -> str:
    return f": {place.files} in {place.folder}, such as {printable(place.example)[:_SHOWN]}"


def _detail(hint: Hint, line: str) -> str:
    """What of the line is worth saying: a name of harmless letters, or a path made printable."""
    match hint.check:
        case "python-package":
            match = _NAMED.search(line)
        case "writes-outside" | "unprivileged-user":
            match = _QUOTED.search(line)
        case _:
            match = _LIBRARY.search(line)
    return f" ({printable(match[1])})" if match else ""
