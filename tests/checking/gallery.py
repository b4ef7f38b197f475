"""A gallery of broken submissions, one defect each, and of good ones.

Most are folders with recorded answers, which a shell copies: fast, and run without an engine.
Archives are written by hand and looked at without being run. A few are real containers.
"""

import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from tests.sandbox.archive_writer import HandmadeImage, tar_of, write_archive

COPY = (
    'for f in "${SEGJUDGE_INPUTS:-/workspace/inputs}"/*.npz; do\n'
    '  cp "answers/${f##*/}" "${SEGJUDGE_OUTPUTS:-/workspace/outputs}/"\n'
    "done\n"
)
PYTHON = (
    "import os, pathlib, sys\nimport numpy as np\n"
    "inputs = pathlib.Path(os.environ['SEGJUDGE_INPUTS'])\n"
    "outputs = pathlib.Path(os.environ['SEGJUDGE_OUTPUTS'])\n"
    "case = next(inputs.glob('*.npz'))\n"
)
SQUARE, VOLUME, NARROW = "2DBox_MR_sanity", "3DBox_MR_sanity", "2DBox_X-Ray_sanity"
ONE_OBJECT, ONE_SLICE = "2DBox_MR_odd-flat", "3DBox_MR_odd-one-slice"
_Mask = np.ndarray
Change = Callable[[_Mask], Any]


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One broken submission.

    Attributes:
        check: the finding that must name it.
        says: words that the finding must hold.
        also: further findings that are true of it.
        build: makes the folder of a submission whose answers are the references; changes it.
        cases: identifiers of the sanity cases that it is tried on.
        limits: changes to the protocol's text.
    """

    check: str
    says: str = ""
    also: tuple[str, ...] = ()
    build: Callable[[Path], None]
    cases: tuple[str, ...] = (SQUARE, VOLUME)
    limits: tuple[tuple[str, str], ...] = ()


def save(path: Path, **arrays: Any) -> None:
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def answers(change: Change) -> Callable[[Path], None]:
    """Every answer is the reference, changed."""

    def build(folder: Path) -> None:
        for path in sorted((folder / "answers").iterdir()):
            with np.load(path) as stored:
                mask = stored["segs"]
            save(path, segs=change(mask))

    return build


def script(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "predict.sh").write_text(text, "utf-8", newline="") and None


def python(text: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / "predict.py").write_text(PYTHON + text, "utf-8")
        (folder / "predict.sh").write_text("exec python3 -B predict.py\n", "utf-8")

    return build


def with_file(name: str, content: str = "x", times: int = 1) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        for number in range(times):
            path = folder / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")

    return build


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def one_layer_each(mask: _Mask) -> _Mask:
    return np.stack([mask == k for k in range(1, int(mask.max()) + 1)]).astype(np.uint8)


def rename_key(folder: Path) -> None:
    for path in (folder / "answers").iterdir():
        with np.load(path) as stored:
            mask = stored["segs"]
        save(path, masks=mask)


def cut_short(folder: Path) -> None:
    for path in (folder / "answers").iterdir():
        path.write_bytes(path.read_bytes()[:-60])


def pickled(folder: Path) -> None:
    for path in (folder / "answers").iterdir():
        save(path, segs=np.array([{"mask": 1}], dtype=object))


def small_nifti(folder: Path) -> None:
    """Every answer as NIfTI, in the model's own grid."""
    for path in sorted((folder / "answers").iterdir()):
        image = nibabel.Nifti1Image(np.ones((16, 16, 16), np.uint8), np.eye(4))
        nibabel.save(image, path.with_suffix(".nii.gz"))
    copy = COPY.replace('answers/${f##*/}"', 'answers/$(basename "$f" .npz).nii.gz"')
    (folder / "predict.sh").write_text(copy, "utf-8")


def dots(mask: _Mask) -> _Mask:
    small = np.zeros_like(mask)
    for label in range(1, int(mask.max()) + 1):
        places = np.argwhere(mask == label)
        small[tuple(places[len(places) // 2])] = label
    return small


def corner(mask: _Mask) -> _Mask:
    moved = np.zeros_like(mask)
    moved[..., -12:, :12] = 1
    moved[..., -12:-6, :12] = 2
    return moved


def misread_boxes(mask: _Mask) -> _Mask:
    """Every box filled, with x taken for y."""
    filled = np.zeros_like(mask)
    for label in range(1, int(mask.max()) + 1):
        rows, columns = np.nonzero(mask == label)
        filled[columns.min() : columns.max() + 1, rows.min() : rows.max() + 1] = label
    return filled


def not_brought_back(mask: _Mask) -> _Mask:
    """The mask of the image scaled to 256 pixels, cut to the image."""
    scale = 256 / max(mask.shape)
    places = [(np.arange(size) / scale).astype(int) for size in mask.shape]
    return mask[np.ix_(*places)]


def shifted(mask: _Mask) -> _Mask:
    """Down and to the left; what leaves the image is lost."""
    moved = np.zeros_like(mask)
    moved[..., 14:, :-18] = mask[..., :-14, 18:]
    return moved


def swapped(mask: _Mask) -> _Mask:
    other = mask.copy()
    other[mask == 1], other[mask == 2] = 2, 1
    return other


_SHORT = (("timeout_s = 600.0", "timeout_s = 1.0"),)
_NARROW = (("memory_mib = 8192", "memory_mib = 256"),)

FOLDERS: dict[str, Defect] = {
    # geometry
    "x and y are swapped": Defect(
        check="mask-variant", says="swapping x and y", build=answers(np.transpose), cases=(SQUARE,)
    ),
    "upside down": Defect(
        check="mask-variant", says="flipping y", build=answers(lambda m: np.flip(m, -2))
    ),
    "left is right": Defect(
        check="mask-variant", says="flipping x", build=answers(lambda m: np.flip(m, -1))
    ),
    "turned by a right angle": Defect(
        check="mask-variant",
        says="swapping x and y and flipping",
        build=answers(np.rot90),
        cases=(SQUARE,),
    ),
    "shifted by the crop's corner": Defect(
        check="mask-variant", says="shifting", build=answers(shifted)
    ),
    "x and y are swapped in an oblong image": Defect(
        check="output-shape", says="(96, 192)", build=answers(np.transpose), cases=(NARROW,)
    ),
    "far from the boxes": Defect(check="mask-at-prompts", build=answers(corner)),
    "boxes read as y, x": Defect(
        check="mask-at-prompts",
        says="if the boxes were y, x",
        build=answers(misread_boxes),
        cases=(NARROW,),
    ),
    "a mask in the scaled image": Defect(
        check="mask-at-prompts",
        says="scaled to 256 pixels",
        build=answers(not_brought_back),
        cases=(ONE_OBJECT,),
    ),
    # labels
    "object and background are exchanged": Defect(
        check="mask-fills-image", build=answers(lambda m: (m == 0).astype(np.uint8))
    ),
    "labels in another order": Defect(
        check="labels-order", says="label 1 in box 2", build=answers(swapped)
    ),
    "one label for all objects": Defect(
        check="labels-missing", says="label 2", build=answers(lambda m: (m > 0).astype(np.uint8))
    ),
    "255 for foreground": Defect(
        check="labels-surplus",
        says="255",
        also=("labels-missing",),
        build=answers(lambda m: (m > 0).astype(np.uint8) * 255),
    ),
    "labels begin at 0": Defect(
        check="labels-missing",
        says="label 2",
        also=("labels-order",),
        build=answers(lambda m: np.where(m > 0, m - 1, 0).astype(np.uint8)),
    ),
    "an empty mask": Defect(check="mask-empty", build=answers(np.zeros_like)),
    "dots for objects": Defect(check="accuracy", says="prompts alone", build=answers(dots)),
    # files
    "another array name": Defect(check="output-key", says="masks", build=rename_key),
    "the model's size, not the image's": Defect(
        check="output-shape",
        says="(256, 256)",
        build=answers(lambda m: np.ones((256, 256), np.uint8)),
    ),
    "a NIfTI of the model's size": Defect(
        check="output-shape",
        says="(16, 16, 16)",
        build=small_nifti,
        cases=(VOLUME,),
        limits=(
            (
                'path = "{case}.npz"\nformat = "npz-numpy"\nkey = "segs"',
                'path = "{case}.nii.gz"\nformat = "nii.gz"',
            ),
        ),
    ),
    "one layer for each object": Defect(check="output-shape", build=answers(one_layer_each)),
    "probabilities": Defect(
        check="output-dtype", says="float32", build=answers(lambda m: m.astype(np.float32) * 0.45)
    ),
    "a pickled object": Defect(check="output-dtype", build=pickled),
    "a file cut short": Defect(check="output-readable", build=cut_short),
    "another file name": Defect(
        check="output-name",
        says="_seg.npz",
        build=script(COPY.replace('/"\n', '/$(basename "$f" .npz)_seg.npz"\n')),
    ),
    "written next to the script": Defect(
        check="output-missing", build=script("mkdir -p outputs && cp answers/* outputs/\n")
    ),
    "a link for a mask": Defect(
        check="output-readable",
        build=script(COPY.replace('cp "', 'ln -s "$PWD/')),
    ),
    "a file too many": Defect(
        check="leftover-files",
        says="debug.txt",
        build=script(COPY + 'echo hello > "$SEGJUDGE_OUTPUTS/debug.txt"\n'),
    ),
    # running
    "a crash": Defect(check="starts", says="exit code 3", build=script(COPY + "exit 3\n")),
    "a missing package": Defect(
        check="python-package",
        says="monai_of_nobody",
        also=("starts",),
        build=python("import monai_of_nobody\n"),
    ),
    "too slow": Defect(
        check="time", build=script(COPY + "sleep 20\n"), cases=(SQUARE,), limits=_SHORT
    ),
    "too much memory": Defect(
        check="memory",
        build=python("wide = np.ones(50_000_000)\nimport time\ntime.sleep(5)\n"),
        cases=(SQUARE,),
        limits=_NARROW,
    ),
    "weights from the network": Defect(
        check="network",
        says="weights.invalid",
        also=("starts",),
        build=python(
            "from urllib.request import urlopen\nurlopen('https://weights.invalid/model.pt')\n"
        ),
    ),
    "pip at run time": Defect(
        check="network",
        says="pip install",
        build=script("pip() { :; }\npip install torch\n" + COPY),
    ),
    "a GPU that is not there": Defect(
        check="gpu",
        also=("starts",),
        build=script('echo "RuntimeError: Found no NVIDIA driver on your system." >&2; exit 1\n'),
    ),
    "changed inputs": Defect(
        check="inputs-unchanged",
        build=script(COPY + 'rm -f "$SEGJUDGE_INPUTS"/*\n'),
    ),
    "a process left behind": Defect(
        check="leftover-processes", build=script("sleep 30 &\n" + COPY)
    ),
    "a talkative log": Defect(
        check="log-noise",
        build=script(COPY + 'i=0; while [ $i -lt 3000 ]; do echo "step $i"; i=$((i+1)); done\n'),
    ),
    "another mask every time": Defect(
        check="repeatable",
        says="DSC between them",
        build=python(
            "mask = np.load(f'answers/{case.name}')['segs']\n"
            "mask[np.random.default_rng().random(mask.shape) < 0.1] = 0\n"
            "np.savez_compressed(outputs / case.name, segs=mask)\n"
        ),
        cases=(SQUARE,),
    ),
    "volumes of one slice": Defect(
        check="odd-input",
        says="exit code",
        build=script(f'case "$(ls "$SEGJUDGE_INPUTS")" in *one-slice*) exit 1;; esac\n{COPY}'),
        cases=(SQUARE, ONE_SLICE),
    ),
    # what lies in the folder
    "Windows line ends": Defect(
        check="entry-point",
        says="Windows",
        also=("starts",),
        build=script(COPY.replace("\n", "\r\n")),
    ),
    "no predict.sh": Defect(check="entry-point", also=("starts",), build=without("predict.sh")),
    "no Dockerfile": Defect(check="dockerfile", build=without("Dockerfile")),
    "a key in .env": Defect(check="secrets", says=".env", build=with_file(".env", "TOKEN=1")),
    "a token in the Dockerfile": Defect(
        check="secrets",
        says="HF_TOKEN",
        build=with_file("Dockerfile", "FROM python:3.11-slim\nENV HF_TOKEN=hf_abcdef\n"),
    ),
    "the training data": Defect(
        check="data-set", says="30 files .nii.gz", build=with_file("data/case-{}.nii.gz", times=30)
    ),
    "an editor's folder": Defect(check="stray-files", build=with_file(".idea/workspace.xml")),
}

GOOD_FOLDERS: dict[str, Callable[[Path], None]] = {
    "the references as answers": lambda folder: None,
    "wide integers": answers(lambda m: m.astype(np.int32)),
    "eroded by a pixel": answers(lambda m: np.where(np.roll(m, 1, -1) == m, m, 0)),
    "a few lines of log, and a certificate": lambda folder: (
        script(COPY + "echo done\n")(folder),
        with_file("venv/lib/python3.11/site-packages/certifi/cacert.pem")(folder),
        with_file("docs/{}.png", times=5)(folder),
    )[0],
}


def programs(*paths: str) -> dict[str, bytes]:
    """Programs of this machine, with the libraries that they load."""
    import subprocess

    files: dict[str, bytes] = {}
    for path in paths:
        listed = subprocess.run(["ldd", path], capture_output=True, encoding="utf-8", check=True)
        found = [path, *(word for word in listed.stdout.split() if word.startswith("/"))]
        files |= {name.lstrip("/"): Path(name).read_bytes() for name in found}
    return files


def stub_system() -> dict[str, bytes]:
    """What must be in an image, for a look at names alone."""
    return {"bin/bash": b"#!", "bin/sh": b"#!", "workspace/predict.sh": COPY.encode()}


def _image(
    extra: dict[str, bytes] | None = None,
    *,
    layers: tuple[bytes, ...] = (),
    without: str = "",
    machine: str = "amd64",
    created: str = "2026-08-01T00:00:00Z",
    folder: str = "/workspace",
    **settings: Any,
) -> HandmadeImage:
    files = {k: v for k, v in (stub_system() | (extra or {})).items() if k != without}
    return _Dated(
        layers=[tar_of(files, folders={"workspace": 0o755}), *layers],
        settings={"WorkingDir": folder, "User": "1000", **settings},
        tags=["team:latest"],
        machine=machine,
        created=created,
    )


@dataclass
class _Dated(HandmadeImage):
    """An image with a history."""

    created: str = ""

    @property
    def config(self) -> bytes:
        import json

        data = json.loads(super().config)
        data |= {"created": self.created, "history": [{"created": self.created}]}
        return json.dumps(data).encode()


@dataclass(frozen=True, kw_only=True)
class ArchiveDefect:
    """One broken archive: the finding that must name it, and how it is made."""

    check: str
    says: str = ""
    build: Callable[[Path], Path]
    limits: tuple[tuple[str, str], ...] = ()


def archive(image: HandmadeImage, name: str = "team.tar.gz") -> Callable[[Path], Path]:
    return lambda folder: write_archive(folder / name, image.members("docker25"))


def _cut(folder: Path) -> Path:
    path = archive(_image({"workspace/weights": os.urandom(100_000)}))(folder)
    path.write_bytes(path.read_bytes()[:60_000])
    return path


def _exported(folder: Path) -> Path:
    path = folder / "team.tar.gz"
    path.write_bytes(gzip.compress(tar_of(stub_system())))
    return path


def _two(folder: Path) -> Path:
    first, second = _image(), _image({"workspace/b": b"b"})
    import json

    members = first.members("docker25") | second.members("docker25")
    lists = [json.loads(image.members("docker25")["manifest.json"])[0] for image in (first, second)]
    members["manifest.json"] = json.dumps(lists).encode()
    return write_archive(folder / "team.tar.gz", members)


def _closed(folder: Path) -> Path:
    layer = tar_of(stub_system(), folders={"workspace": 0o700})
    image = HandmadeImage([layer], {"WorkingDir": "/workspace"}, ["team:latest"], "amd64")
    return archive(image)(folder)


def _large(folder: Path) -> Path:
    model = tar_of({"workspace/model.zip": bytes(201 * 2**20)})
    gone = tar_of({"workspace/.wh.model.zip": b""})
    return archive(_image(layers=(model, gone)))(folder)


_KEY = tar_of({"root/.ssh/id_rsa": b"key"})
_GONE = tar_of({"root/.ssh/.wh.id_rsa": b""})

ARCHIVES: dict[str, ArchiveDefect] = {
    "an archive cut short": ArchiveDefect(check="archive-readable", says="cut short", build=_cut),
    "docker export": ArchiveDefect(check="archive-readable", says="docker export", build=_exported),
    "two images in one archive": ArchiveDefect(
        check="archive-readable", says="2 images", build=_two
    ),
    "for another processor": ArchiveDefect(
        check="architecture", says="arm64", build=archive(_image(machine="arm64"))
    ),
    "no bash": ArchiveDefect(
        check="shell", says="/bin/bash", build=archive(_image(without="bin/bash"))
    ),
    "another working directory": ArchiveDefect(
        check="entry-point", says="/workspace", build=archive(_image(folder="/app"))
    ),
    "a folder for root alone": ArchiveDefect(check="file-modes", build=_closed),
    "a key that a later layer deletes": ArchiveDefect(
        check="secrets", says="id_rsa", build=archive(_image(layers=(_KEY, _GONE)))
    ),
    "a token in the environment": ArchiveDefect(
        check="secrets", says="WANDB_API_KEY", build=archive(_image(Env=["WANDB_API_KEY=abc"]))
    ),
    "the repository in the image": ArchiveDefect(
        check="stray-files",
        says=".git",
        build=archive(_image({"workspace/.git/HEAD": b"ref: refs/heads/main"})),
    ),
    "the test set in the image": ArchiveDefect(
        check="data-set",
        says="40 files .npz",
        build=archive(_image({f"workspace/data/{n}.npz": b"PK" for n in range(40)})),
    ),
    "a base of long ago": ArchiveDefect(
        check="image-age", says="2019", build=archive(_image(created="2019-03-01T00:00:00.5Z"))
    ),
    "a large file deleted later": ArchiveDefect(
        check="layer-waste",
        says="/workspace/model.zip",
        build=_large,
    ),
    "a file name with a version": ArchiveDefect(
        check="archive-name", says="team.v2.tar", build=archive(_image(), "team.v2.tar")
    ),
    "another tag": ArchiveDefect(
        check="image-tag", says="team:latest", build=archive(_image(), "others.tar.gz")
    ),
    "too large an archive": ArchiveDefect(
        check="archive-size",
        says="the limit is 1 MiB",
        build=archive(_image({"workspace/weights": os.urandom(1_500_000)})),
        limits=(('tag = "{team}:latest"', 'archive_mib = 1\ntag = "{team}:latest"'),),
    ),
}

GOOD_ARCHIVE = archive(
    _image(
        {
            "etc/ssl/certs/ca.pem": b"x",
            "usr/lib/python3.11/site-packages/x/test.key": b"x",
            "root/.ssh/known_hosts": b"x",
        }
    )
)

_SHELL = programs("/bin/sh", "/bin/bash", "/bin/cp", "/bin/cat") if shutil.which("ldd") else {}
"""One layer that all real containers share."""

CONTAINERS: dict[str, tuple[str, str, str]] = {
    "a cache beside the script": (
        "writes-outside",
        "Read-only file system",
        "echo cached > /workspace/cache.txt\n" + COPY,
    ),
    "weights among the system's files": (
        "unprivileged-user",
        "/var/lib/weights",
        "cat /var/lib/weights || exit 1\n" + COPY,
    ),
    "a download in the container": (
        "network",
        "huggingface.co",
        "/bin/bash -c 'exec 3<>/dev/tcp/huggingface.co/443'\n" + COPY,
    ),
}


def real_image(script_text: str, folder: Path, recorded: dict[str, bytes]) -> Path:
    """An archive of a real, small image with these answers."""
    own = {"workspace/predict.sh": script_text.encode(), "var/lib/weights": b"w"} | {
        f"workspace/answers/{name}": data for name, data in recorded.items()
    }
    layers = [
        tar_of(_SHELL, folders={"workspace": 0o755, "tmp": 0o1777}),
        tar_of(own, folders={"var": 0o755, "var/lib": 0o700, "workspace/answers": 0o755}),
    ]
    image = HandmadeImage(layers, {"WorkingDir": "/workspace"}, ["team:latest"])
    return archive(image)(folder)
