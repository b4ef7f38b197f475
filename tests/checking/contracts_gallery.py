"""Broken submissions of the documentation's three contracts: each is `segjudge init`'s, changed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"
CONTRACTS = dict(
    zip(
        ("NIfTI", "own entry point", "Grand Challenge"),
        (
            text
            for text in re.findall(r"```toml\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
            if "[container]" in text
        ),
        strict=True,
    )
)
"""The protocols of docs/protocols.md."""

_PREDICT, _FILES = "predict.py", "volume_files.py"
_WRITTEN = "    mask = sitk.GetImageFromArray(segment(case))\n    mask.CopyInformation(first)"
_LEFT = "    target = outputs / OUTPUT"
Build = Callable[[Path], None]


def changed(name: str, old: str, new: str) -> Build:
    def build(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text, (name, old)
        (folder / name).write_text(text.replace(old, new), "utf-8", newline="")

    return build


def written(code: str) -> Build:
    """The image is made of `labels` by other lines."""
    return changed(_FILES, _WRITTEN, f"    labels = segment(case)\n{code}\n    first")


def left_at(path: str) -> Build:
    """The mask has another path."""
    return changed(_FILES, _LEFT, f"    OUTPUT = {path!r}\n{_LEFT}")


def beside(code: str) -> Build:
    """Something is done before the image is read."""
    return changed(_FILES, "    found = {", f"    {code}\n    found = {{")


def stub(code: str) -> Build:
    """The stub returns something else, of `marked`, its own mask."""
    return lambda folder: (
        changed(_PREDICT, "    return ", "    marked = ")(folder)
        or changed(_PREDICT, "\n\n\nif __name__", f"\n    return {code}\n\n\nif __name__")(folder)
    )


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One defect.

    Attributes:
        contract: whose starter it is made of.
        check: the finding that names it.
        says: words that the finding must hold.
        also: further findings that are true of it.
        build: changes the starter.
    """

    contract: str
    check: str
    says: str = ""
    also: tuple[str, ...] = ()
    build: Build


def _of_all(contract: str) -> dict[str, Broken]:
    """What is wrong in every contract."""
    defects = {
        "probabilities": ("output-dtype", "float", stub("(marked > 0).astype(np.float32) * 0.4")),
        "one map a class": (
            "output-shape",
            "one map",
            written("    mask = sitk.JoinSeries([sitk.GetImageFromArray(labels)] * 2)"),
        ),
        "axes turned round": (
            "output-shape",
            "transpose",
            written("    mask = sitk.GetImageFromArray(labels.T)"),
        ),
        "labels of another numbering": (
            "labels-unknown",
            "77",
            stub("(marked > 0) * np.uint8(77)"),
        ),
        "an empty mask": ("mask-empty", "", stub("marked * 0")),
        "a name that is looked for in vain": (
            "inputs-read",
            "the inputs folder has",
            beside("sitk.ReadImage(str(inputs / 'image_of_old.nii.gz'))"),
        ),
    }
    also = {"inputs-read": ("starts",)}
    return {
        f"{contract}: {name}": Broken(
            contract=contract, check=check, says=says, build=build, also=also.get(check, ())
        )
        for name, (check, says, build) in defects.items()
    }


def _nifti(check: str, build: Build, says: str = "", also: tuple[str, ...] = ()) -> Broken:
    return Broken(contract="NIfTI", check=check, build=build, says=says, also=also)


def _own(check: str, build: Build, says: str = "", also: tuple[str, ...] = ()) -> Broken:
    return Broken(contract="own entry point", check=check, build=build, says=says, also=also)


def _algorithm(check: str, build: Build, says: str = "", also: tuple[str, ...] = ()) -> Broken:
    return Broken(contract="Grand Challenge", check=check, build=build, says=says, also=also)


def windows(folder: Path) -> None:
    script = folder / "predict.sh"
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))


DEFECTS: dict[str, Broken] = {
    **_of_all("NIfTI"),
    "NIfTI: another file name": _nifti("output-name", left_at("{case}_seg.nii.gz"), "_seg.nii.gz"),
    "NIfTI: a folder too deep": _nifti(
        "output-name", left_at("masks/{case}.nii.gz"), "in no folder below"
    ),
    "NIfTI: the header is lost": _nifti(
        "output-grid", written("    mask = sitk.GetImageFromArray(labels)"), "spacing (1, 1, 1)"
    ),
    "NIfTI: the axes point elsewhere": _nifti(
        "output-grid",
        written(
            "    mask = sitk.GetImageFromArray(labels)\n    mask.CopyInformation(first)\n"
            "    mask.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, 1))"
        ),
        "permuted",
    ),
    "NIfTI: a file cut short": _nifti(
        "output-readable",
        changed(
            _FILES,
            "    print(",
            "    target.write_bytes(target.read_bytes()[:200])\n    print(",
        ),
    ),
    "NIfTI: a cache among the inputs": _nifti(
        "inputs-unchanged", beside("(inputs / 'cache').write_text('x')")
    ),
    **_of_all("own entry point"),
    "own entry point: nothing is started": _own(
        "entry-point",
        changed("Dockerfile", 'ENTRYPOINT ["sh", "predict.sh"]', ""),
        "neither ENTRYPOINT nor CMD",
        ("starts",),
    ),
    "own entry point: a script that is not there": _own(
        "entry-point",
        changed("Dockerfile", '["sh", "predict.sh"]', '["python", "process.py"]'),
        "no process.py",
        ("starts",),
    ),
    "own entry point: Windows line ends": _own("entry-point", windows, "Windows", ("starts",)),
    "own entry point: in the subject's folder": _own(
        "output-name", left_at("{case}/{case}.nii.gz"), "in no folder below"
    ),
    "own entry point: another file name": _own("output-name", left_at("{case}-seg.nii.gz"), "-seg"),
    **_of_all("Grand Challenge"),
    "Grand Challenge: beside the socket's folder": _algorithm(
        "output-name", left_at("{case}.mha"), "images/pancreatic-tumor-segmentation"
    ),
    "Grand Challenge: another socket": _algorithm(
        "output-name", left_at("images/tumor/{case}.mha"), "images/tumor/"
    ),
    "Grand Challenge: another format": _algorithm(
        "output-name",
        left_at("images/pancreatic-tumor-segmentation/{case}.nii.gz"),
        ".nii.gz",
    ),
    "Grand Challenge: two masks": _algorithm(
        "output-name",
        changed(
            _FILES,
            "    print(",
            "    sitk.WriteImage(mask, str(target)[:-4] + '-2.mha')\n    print(",
        ),
        "2 files where one is to be",
    ),
    "Grand Challenge: another input socket": _algorithm(
        "inputs-read",
        beside("import glob; sitk.ReadImage(glob.glob(f'{inputs}/images/ct/*.mha')[0])"),
        "images/abdominal-t1-mri",
        ("starts",),
    ),
    "Grand Challenge: a link for a mask": _algorithm(
        "output-readable",
        changed(
            _FILES,
            "    print(",
            "    target.rename(outputs / 'x.json'); target.symlink_to(outputs / 'x.json')\n"
            "    print(",
        ),
        "link",
    ),
    "Grand Challenge: a link for the socket's folder": _algorithm(
        "output-name",
        changed(
            _FILES,
            "    print(",
            "    target.parent.rename(outputs / 'a')\n"
            "    target.parent.symlink_to(outputs / 'a')\n    print(",
        ),
        "a/",
    ),
    "Grand Challenge: a file that nobody asked for": _algorithm(
        "leftover-files", beside("(outputs / 'debug.txt').write_text('x')"), "debug.txt"
    ),
}

GOOD: dict[str, tuple[str, Build]] = {
    "the header is not asked for": (
        "own entry point",
        written("    mask = sitk.GetImageFromArray(labels)"),
    ),
    "a cache among inputs that may be written": (
        "own entry point",
        beside("(inputs / 'cache').write_text('x')"),
    ),
    "a results.json, the sockets read, and CMD for ENTRYPOINT": (
        "Grand Challenge",
        lambda folder: (
            beside(
                "import json; (outputs / 'results.json').write_text(json.dumps("
                "[i['interface']['slug'] for i in json.loads((inputs / 'inputs.json').read_text())]"
                " + [json.loads((inputs / 'age-in-months.json').read_text()) / 12]))"
            )(folder)
            or changed("Dockerfile", "ENTRYPOINT", "CMD")(folder)
        ),
    ),
}
