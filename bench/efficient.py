"""What each step of participants/litemedsam_fast brings, beside the challenge's baseline.

    python -m bench.efficient [FOLDER]

Runs the baseline, the fast participant, and the fast one with one switch turned at a time
(participants/litemedsam_fast/switches.toml) in one run directory a set of cases, in turns, and
prints docs/efficient.md's table: seconds and memory a case, the ratio of times, DSC and NSD less
the baseline's. The sets: every third of the demo's 2D cases, and a volume of twelve slices with one
object and with six. Without a container: start-up of an engine is the same for all.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import nibabel
import numpy as np

import segjudge
from data_manifest.making.build import build_demo
from data_manifest.manifest import save_manifest
from evaluate.checking.starter_kit import ready_participants

BASELINE, FAST = "litemedsam", "litemedsam_fast"
_ROOT = Path(__file__).parents[1]
_SETS = {"2D": "images", "one": "3D, one object", "six": "3D, six objects"}
_TURNED = {
    "onnxruntime": {"engine": '"onnxruntime"'},
    "plain_decoder": {"lean_decoder": "false"},
    "embedded_per_box": {"share_embeddings": "false"},
    "no_strips": {"strips": "false"},
    "no_kept_graphs": {"kept_graphs": "false"},
    "bf16": {"precision": '"bf16"'},
    "int8": {"int8": "true"},
}


def _volume(folder: Path, objects: int) -> None:
    """Twelve slices of 320 by 320 with ellipsoids on all but the outer ones, as NIfTI."""
    random = np.random.default_rng(objects)
    x, y, z = np.ogrid[:320, :320, :12]
    image, labels = random.normal(70, 9, (320, 320, 12)), np.zeros((320, 320, 12), np.uint8)
    for label in range(1, objects + 1):
        angle = 2 * np.pi * label / max(objects, 2)
        centre = 160 + 95 * np.cos(angle), 160 + 95 * np.sin(angle), 5.5
        reach = *random.uniform(24, 40, 2), 5.6
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
            "case,image,reference,modality\n"
            f"3DBox_MR_{kind},{objects}-image.nii.gz,{objects}-reference.nii.gz,MR\n"
        )
        _segjudge("manifest", "build", "--pairs", folder / "pairs.csv", root / kind)
        manifests[kind] = root / kind / "manifest.json"
    return manifests


def _variants(root: Path) -> dict[str, Path]:
    """The two participants, and the fast one once for each turned switch, with its graphs."""
    ready = ready_participants(root)
    folders = {BASELINE: ready[BASELINE], FAST: ready[FAST]}
    for name, switches in _TURNED.items():
        folders[name] = root / name
        shutil.copytree(ready[FAST], folders[name])
        path = folders[name] / "switches.toml"
        text = path.read_text("utf-8")
        for switch, value in switches.items():
            text, turned = re.subn(rf"^{switch} = \S+", f"{switch} = {value}", text, flags=re.M)
            assert turned == 1, switch  # noqa: S101  # our own file has each switch once
        path.write_text(text, "utf-8")
    for name, folder in folders.items():
        if name != BASELINE:
            command = [sys.executable, "-BW", "ignore", "export.py", "graphs"]
            subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
    return folders


def main() -> None:
    """Make everything, run everything, and print the table."""
    root = Path(sys.argv[1]) if sys.argv[1:] else Path(tempfile.mkdtemp(prefix="efficient-"))
    root.mkdir(exist_ok=True)
    folders, manifests = _variants(root / "participants"), _data(root)
    for kind, manifest in manifests.items():
        run = root / f"run-{kind}"
        submissions = [f"--submission={name}={folder}" for name, folder in folders.items()]
        _segjudge(
            "run", run, "--manifest", manifest, "--protocol", "cvpr24", "--sandbox", "local",
            *submissions,
        )  # fmt: skip
        _segjudge("score", run)
        scores = segjudge.open_run(run).case_scores
        mean = scores.groupby("team")[["wall_s", "cpu_s", "peak_memory_mib", "dsc", "nsd"]].mean()
        paired = scores.pivot(index="case", columns="team", values="wall_s")
        print(f"\n**{_SETS[kind]}** ({scores['case'].nunique()} cases)\n")
        print("| | s | CPU s | MiB | times as fast | DSC less baseline's | NSD less baseline's |")
        print("|---|---|---|---|---|---|---|")
        for name in folders:
            row, base = mean.loc[name], mean.loc[BASELINE]
            faster = float(np.exp(np.log(paired[BASELINE] / paired[name]).mean()))
            print(
                f"| {name} | {row.wall_s:.2f} | {row.cpu_s:.2f} | {row.peak_memory_mib:.0f}"
                f" | {faster:.2f} | {row.dsc - base.dsc:+.4f} | {row.nsd - base.nsd:+.4f} |"
            )


if __name__ == "__main__":
    main()
