"""What each step of participants/litemedsam_fast brings, beside the challenge's baseline.

    python -m bench.efficient [FOLDER]

Runs the baseline, the fast participant, and the fast one with one switch turned at a time
(participants/litemedsam_fast/switches.toml) in one run directory a set of cases, in turns, and
writes build/efficient.md, from which docs/efficient.md is told: seconds and memory a case, and what
`segjudge compare` says against the baseline. The sets: every third of the demo's 2D cases, and a
volume of six slices with one object and with six; the last with the challenge's own way, too, which
embeds a slice again for each object. Without a container, whose start is the same for all.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import nibabel
import numpy as np

import segjudge
from data_manifest.making.build import build_demo
from data_manifest.manifest import save_manifest
from evaluate.checking.starter import ready_participants
from evaluate.comparing.two_runs import compare_runs

BASELINE, FAST, PUBLISHED = "litemedsam", "litemedsam_fast", "published_way"
_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "build" / "efficient.md"
_SETS = {"2D": "Images", "one": "A volume with one object", "six": "A volume with six objects"}
_TURNED = {
    "python_package": {"engine": '"openvino"'},
    "onnxruntime": {"engine": '"onnxruntime"'},
    "plain_decoder": {"lean_decoder": "false"},
    "embedded_per_box": {"share_embeddings": "false"},
    "no_strips": {"strips": "false"},
    "snippets": {"snippets": "true"},
    "no_kept_graphs": {"kept_graphs": "false"},
    "float32": {"precision": '"f32"'},
    "int8": {"int8": "true"},
}
_ROWS = {
    PUBLISHED: "the challenge's own way: every object embeds its slices again",
    BASELINE: "**baseline**",
    FAST: "**fast**",
    "python_package": "OpenVINO by its Python package",
    "onnxruntime": "ONNX Runtime, float32",
    "plain_decoder": "the decoder as published",
    "embedded_per_box": "every object embeds its slices again",
    "no_strips": "the first stage at once",
    "snippets": "OpenVINO's code for chains of steps",
    "no_kept_graphs": "graphs compiled at every start",
    "float32": "float32",
    "int8": "the encoder in 8 bits",
}
_OWN_GRAPHS = {"plain_decoder", "no_strips", "int8"}
"""Whose graphs are others; what is turned elsewhere takes those of the fast participant."""


def _volume(folder: Path, objects: int) -> None:
    """Six slices of 320 by 320 with ellipsoids on all of them, as NIfTI."""
    random = np.random.default_rng(objects)
    x, y, z = np.ogrid[:320, :320, :6]
    image, labels = random.normal(70, 9, (320, 320, 6)), np.zeros((320, 320, 6), np.uint8)
    for label in range(1, objects + 1):
        angle = 2 * np.pi * label / max(objects, 2)
        centre = 160 + 95 * np.cos(angle), 160 + 95 * np.sin(angle), 2.5
        reach = *random.uniform(24, 40, 2), 2.6
        ball = sum(
            ((grid - middle) / length) ** 2
            for grid, middle, length in zip((x, y, z), centre, reach, strict=True)
        )
        image[ball <= 1] += random.uniform(40, 90)
        labels[ball <= 1] = label
    affine = np.diag([0.8, 0.8, 3.0, 1.0])
    for name, array in (("image", image.astype(np.float32)), ("reference", labels)):
        nibabel.save(nibabel.Nifti1Image(array, affine), folder / f"{objects}-{name}.nii.gz")


def _segjudge(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "segjudge", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def _data(root: Path) -> dict[str, Path]:
    """A manifest for each set."""
    demo = build_demo(root / "demo")
    flat = [case for case in demo.cases if case.dimension == "2D"][::3]
    manifests = {"2D": root / "demo" / "flat.json"}
    save_manifest(msgspec.structs.replace(demo, cases=tuple(flat)), manifests["2D"])
    for kind, objects in (("one", 1), ("six", 6)):
        folder = root / f"{kind}-source"
        folder.mkdir()
        _volume(folder, objects)
        (folder / "pairs.csv").write_text(
            "id,image,reference,modality\n"
            f"3DBox_MR_{kind},{objects}-image.nii.gz,{objects}-reference.nii.gz,MR\n"
        )
        _segjudge("manifest", "build", "--pairs", folder / "pairs.csv", root / kind)
        manifests[kind] = root / kind / "manifest.json"
    return manifests


def _turn(path: Path, switches: dict[str, str]) -> None:
    text = path.read_text("utf-8")
    for switch, value in switches.items():
        text, turned = re.subn(rf"^{switch} = \S+", f"{switch} = {value}", text, flags=re.M)
        assert turned == 1, switch  # noqa: S101  # our own file has each switch once
    path.write_text(text, "utf-8")


def _variants(root: Path) -> dict[str, Path]:
    """The participants, and the fast one once for each turned switch, with its graphs."""
    ready = ready_participants(root)
    folders = {PUBLISHED: root / PUBLISHED, BASELINE: ready[BASELINE], FAST: ready[FAST]}
    shutil.copytree(ready[BASELINE], folders[PUBLISHED])
    _turn(folders[PUBLISHED] / "predict.py", {"KEPT": "0"})
    _in(ready[FAST], "export.py", "graphs")
    for name, switches in _TURNED.items():
        folders[name] = root / name
        shutil.copytree(ready[FAST], folders[name])
        _turn(folders[name] / "switches.toml", switches)
        if name in _OWN_GRAPHS:
            _in(folders[name], "export.py", "graphs")
        else:
            _in(folders[name], "-c", "import export; export.keep(export.Path('graphs'))")
    return folders


def _in(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-BW", "ignore", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


def _table(run: Path, names: list[str]) -> Iterator[str]:
    """A row a participant; what is compared is compared with the baseline, case by case."""
    scores = segjudge.open_run(run).case_scores
    mean = scores.groupby("team")[["wall_s", "cpu_s", "peak_memory_mib"]].mean()
    yield "| | s | CPU s | MiB | times as fast | less CPU time | DSC | NSD |"
    yield "|---|---|---|---|---|---|---|---|"
    base = mean.loc[BASELINE]
    for name in names:
        row, told = mean.loc[name], ["1"] * 2 + ["0"] * 2
        if name != BASELINE:
            (compared,) = compare_runs(run, run, team=BASELINE, other=name).comparisons
            dsc, nsd = (compared.difference(metric, "micro") for metric in ("dsc", "nsd"))
            told = [f"{base.wall_s / row.wall_s:.2f}", f"{base.cpu_s / row.cpu_s:.2f}"]
            told += [f"{d.mean:+.4f}" for d in (dsc, nsd) if d is not None]
        yield (
            f"| {_ROWS[name]} | {row.wall_s:.2f} | {row.cpu_s:.2f} | {row.peak_memory_mib:.0f} | "
            + " | ".join(told)
            + " |"
        )


def main() -> None:
    """Make everything, run everything, and write the page."""
    root = Path(sys.argv[1]) if sys.argv[1:] else Path(tempfile.mkdtemp(prefix="efficient-"))
    root.mkdir(exist_ok=True)
    _PAGE.parent.mkdir(exist_ok=True)
    folders, manifests = _variants(root / "participants"), _data(root)
    lines = [
        "# What each step of the efficient participant brings",
        "",
        "Made by `python -m bench.efficient`, part of `make bench`: means of seconds, CPU time and"
        " peak memory of a case, in turns on one machine, without a container. Below **fast** one"
        " step each is taken back, or another one taken. Times and scores are compared with the"
        " baseline's by `segjudge compare`: DSC and NSD are differences over the same cases.",
    ]
    for kind, manifest in manifests.items():
        run = root / f"run-{kind}"
        names = [name for name in folders if name != PUBLISHED or kind == "six"]
        submissions = [f"--submission={name}={folders[name]}" for name in names]
        _segjudge(
            "run", run, "--manifest", manifest, "--protocol", "cvpr24", "--sandbox", "local",
            *submissions,
        )  # fmt: skip
        _segjudge("score", run)
        cases = segjudge.open_run(run).case_scores["case"].nunique()
        lines += ["", f"## {_SETS[kind]} ({cases})", "", *_table(run, names)]
        _PAGE.write_text("\n".join(lines) + "\n", "utf-8")
    print(_PAGE.read_text("utf-8"))


if __name__ == "__main__":
    main()
