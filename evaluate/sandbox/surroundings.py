"""What a program finds around it in an image: its home, its name, its caches, its threads.

A container is to be as the image's maker knows it, minus what security needs: the home is where the
image says, caches go to a writable folder unless the image keeps something in them, and the user
has a name. Pure functions of what a survey of the image has found.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

SCRATCH = "/tmp"  # noqa: S108 - a path in the container
# Folders that a protocol may mount something over.
COVERABLE = (SCRATCH, "/workspace/inputs", "/workspace/outputs", "/input", "/output")

# The variable by which a library's cache is moved, and its place in the home without it.
CACHES = (
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_DATA_HOME", ".local/share"),
    ("MPLCONFIGDIR", ".config/matplotlib"),
    ("NUMBA_CACHE_DIR", ".cache/numba"),
    ("TORCH_HOME", ".cache/torch"),
    ("TORCH_EXTENSIONS_DIR", ".cache/torch_extensions"),
    ("TRITON_CACHE_DIR", ".triton/cache"),
    ("HF_HOME", ".cache/huggingface"),
    ("KERAS_HOME", ".keras"),
    ("CUPY_CACHE_DIR", ".cupy/kernel_cache"),
    ("CUDA_CACHE_PATH", ".nv/ComputeCache"),
    ("YOLO_CONFIG_DIR", ".config/Ultralytics"),
    ("IPYTHONDIR", ".ipython"),
)
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "PYTHON_CPU_COUNT",  # what `os.cpu_count()` says, from Python 3.13 on
)
# An image may name a folder of its own for what is temporary; only one can be written.
_TEMPORARY = ("TMPDIR", "TMP", "TEMP")
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PLAIN_PATH = re.compile(r"/|(?!.{1001})(/[A-Za-z0-9_.@+-]{1,255})+")
_NOBODY = "participant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What an image keeps where something is mounted at run time, and can't be seen then."""

    folder: str
    files: int
    size_bytes: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an image's maker counts on.

    Attributes:
        home: the home folder of the image's user.
        user: the name of the image's user; `participant` where that is root or has no name.
        home_is_bare: nothing is in the home but what every distribution puts there.
        kept: places of `CACHES` in the home that hold something.
        variables: names that the image's environment sets.
        volumes: the image's VOLUMEs as the image spells them.
        working_directory: where the command starts.
        covered: what lies in folders of `COVERABLE`.
        accounts: the image's /etc/passwd; None where it is none that can be covered.
        groups: the same of its /etc/group.
        closed: how many files and folders not all can use, the system's own apart.
    """

    home: str = "/"
    user: str = _NOBODY
    home_is_bare: bool = False
    kept: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_directory: str = "/"
    covered: tuple[Covered, ...] = ()
    accounts: str | None = None
    groups: str | None = None
    closed: int = 0


def normalised(path: str) -> str:
    """A path of an image as the engine takes it: absolute, and each folder once."""
    return posixpath.normpath("/" + path).replace("//", "/")


def volume_paths(around: Surroundings) -> set[str]:
    """Where the image's VOLUMEs are, each once; an engine takes none that is everything."""
    return {normalised(path) for path in around.volumes} - {"/"}


def account(user: str, variables: Sequence[str], accounts: str) -> tuple[str, str]:
    """Home and name of the image's user, found as an engine finds them."""
    name, home = _NOBODY, "/"
    wanted = user.partition(":")[0] or "root"
    if wanted in ("root", "0"):
        home = "/root"
    for line in accounts.splitlines():
        fields = line.split(":")
        if len(fields) >= 6 and wanted in (fields[0], fields[2]):
            home = fields[5] or "/"
            if fields[2] != "0" and _NAME.fullmatch(fields[0]):
                name = fields[0]
            break
    said = [text[5:] for text in variables if text.startswith("HOME=/")]
    home = normalised(said[-1] if said else home)
    return (home if _PLAIN_PATH.fullmatch(home) else "/"), name


def passwd(around: Surroundings, *, uid: int, gid: int) -> str:
    """The image's /etc/passwd with the container's user in front, so that it has a name."""
    own = f"{around.user}:x:{uid}:{gid}:{around.user}:{around.home}:/bin/sh\n"
    return own + (around.accounts or "")


def groups(around: Surroundings, *, gid: int) -> str:
    """The image's /etc/group with the container's group in front, which is called as its user."""
    return f"{around.user}:x:{gid}:\n" + (around.groups or "")


def environment(around: Surroundings, cpus: float | None) -> dict[str, str]:
    """The variables that a container gets beside the image's own."""
    added = threads(cpus)
    for variable, place in CACHES:
        if place not in around.kept:
            added[variable] = f"{SCRATCH}/{place}"
        elif any(place.startswith(f"{outer}/") for _, outer in CACHES if outer not in around.kept):
            added[variable] = f"{around.home}/{place}"
    own = {"HOME": around.home, "USER": around.user, "LOGNAME": around.user}
    own |= {name: SCRATCH for name in _TEMPORARY if name in around.variables}
    return own | {name: value for name, value in added.items() if name not in around.variables}


def threads(cpus: float | None) -> dict[str, str]:
    """Variables by which libraries start as many threads as there are processors to use."""
    return {} if cpus is None else dict.fromkeys(_THREADS, str(max(1, ceil(cpus))))
