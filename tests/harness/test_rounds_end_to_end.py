"""An interactive challenge from the published layout to an audited ranking, with real processes."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from evaluate.checking.starter import ready_participants

Command = Callable[..., subprocess.CompletedProcess[str]]

LEARNS = """
for path in inputs.glob('*.npz'):
    case = np.load(path, allow_pickle=True)
    segs = case['prev_pred'] if 'prev_pred' in case else np.zeros(case['imgs'].shape, np.uint8)
    if 'clicks' not in case:
        for label, box in enumerate(case['boxes'], start=1):
            segs[box['z_mid'], box['z_mid_y_min']:, box['z_mid_x_min']:] = label
    else:
        for label, (clicks, order) in enumerate(zip(case['clicks'], case['clicks_order']), start=1):
            if order[-1] is None: continue
            grid = np.indices(segs.shape)
            near = sum((g - c) ** 2 for g, c in zip(grid, clicks[order[-1]][-1])) <= 16
            segs[near & ((order[-1] == 'fg') | (segs == label))] = label * (order[-1] == 'fg')
    np.savez(outputs / path.name, segs=segs)
"""
DIES = LEARNS + "    if 'clicks' in case and len(case['clicks_order'][0]) == 3: os._exit(7)\n"


def write_data(folder: Path) -> None:
    """Two volumes, one of them without a box."""
    for kind in ("imgs", "gts"):
        (folder / kind).mkdir(parents=True)
    spacing = np.array([0.8, 0.8, 2.5])
    for name, has_box in (("CT_a", True), ("US_b", False)):
        labels = np.zeros((12, 24, 26), np.uint8)
        labels[3:9, 5:17, 6:20] = 1
        box = {"z_min": 3, "z_max": 8, "z_mid": 6, "z_mid_x_min": 6, "z_mid_y_min": 5}
        box |= {"z_mid_x_max": 19, "z_mid_y_max": 16}
        boxes = {"boxes": np.array([box], dtype=object)} if has_box else {}
        np.savez(folder / "imgs" / f"{name}.npz", imgs=labels * 90, spacing=spacing, **boxes)
        np.savez(folder / "gts" / f"{name}.npz", gts=labels, spacing=spacing)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_run_in_rounds_is_scored_ranked_reported_and_audited(
    make_submission: Callable[[str, str], Path], segjudge: Command, tmp_path: Path
) -> None:
    write_data(tmp_path / "source")
    run = tmp_path / "run"
    teams = {"learns": make_submission("learns", LEARNS), "dies": make_submission("dies", DIES)}
    named = [f"--submission={team}={folder}" for team, folder in teams.items()]
    options = ("--protocol", "cvpr25-interactive", "--sandbox", "local")
    for command in (
        ("manifest", "build", "--layout", "cvpr", tmp_path / "source", tmp_path / "data"),
        ("run", "--manifest", tmp_path / "data/manifest.json", *options, *named, run),
        ("score", run),
        ("rank", run),
        ("report", run),
        ("audit", run),
    ):
        done = segjudge(*command)
        assert done.returncode == 0, done.stderr
    made = {(r["team"], r["case"], r["round"]): r["outcome"] for r in rows(run / "runs.csv")}
    assert len(made) == 2 * (6 + 5) and ("learns", "US_b", "0") not in made
    assert {key for key, outcome in made.items() if outcome != "ok"} == {
        ("dies", "CT_a", "3"),
        ("dies", "US_b", "3"),
    }
    scored = {
        (r["team"], r["case"], int(r["round"])): float(r["dsc"])
        for r in rows(run / "round_scores.csv")
    }
    for case in ("CT_a", "US_b"):
        learnt = [scored["learns", case, number] for number in range(1, 6)]
        assert learnt == sorted(learnt) and learnt[-1] > learnt[0] > 0
        assert scored["dies", case, 2] == scored["learns", case, 2]
        assert scored["dies", case, 3] == 0, "no older file's score"
        # It goes on from its answer of round 2.
        assert scored["dies", case, 4] == scored["learns", case, 3]
    assert "DSC by round" in (run / "report/figures/rounds-dsc.svg").read_text("utf-8")
    places = json.loads((run / "ranking.json").read_text("utf-8"))
    assert [metric["name"] for metric in places["settings"]["metrics"]][:2] == [
        "dsc_auc",
        "nsd_auc",
    ]
    before = (run / "predictions/learns/CT_a.round1.npz").read_bytes()
    (run / "predictions/learns/CT_a.round1.npz").write_bytes(before + b" ")
    done = segjudge("audit", run)
    assert done.returncode == 1 and "CT_a.round1.npz" in done.stdout


PROTOCOLS = {
    "autopet4-interactive": ("clicks", "dsc_auc", "clicks"),
    "autopet5-interactive": ("", "dsc_auc", "scribbles"),
    "cvpr24-scribble": ("scribbles", "dsc", "scribbles"),
    "cvpr25-interactive": ("middle_boxes", "dsc_auc", "clicks_order"),
    "cvpr25-text": ("text", "dsc", "text_prompts"),
    "flare25-recist": ("recist", "dsc", "recist"),
}
"""What a case has of prompts, a score, and what its container finds at last."""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_kind_of_prompts_from_images_to_scores(
    protocol: str, segjudge: Command, tmp_path: Path
) -> None:
    kind, score, given = PROTOCOLS[protocol]
    labels = np.zeros((10, 30, 34), np.uint8)
    labels[3:8, 6:18, 8:22] = 1
    image = (60 + 90 * labels + np.random.default_rng(1).integers(0, 9, labels.shape)).astype(float)
    for folder, volume in (("images", image), ("references", labels)):
        (tmp_path / folder).mkdir()
        if protocol == "cvpr24-scribble":
            picture = Image.fromarray(volume[5].astype(np.uint8))
            picture.save(tmp_path / folder / "a.png")
            continue
        nifti = nibabel.Nifti1Image(volume.transpose(2, 1, 0), np.diag([0.9, 0.9, 2.5, 1.0]))
        nibabel.save(nifti, tmp_path / folder / "a.nii.gz")
    team = ready_participants(tmp_path / "ready")["fromprompts"]
    (team / "predict.sh").write_text(
        'for file in "$SEGJUDGE_INPUTS"/*.npz; do python3 -m zipfile -l "$file"; done\n'
        + (team / "predict.sh").read_text("utf-8")
    )
    sources = ("--images", tmp_path / "images", "--references", tmp_path / "references")
    manifest = tmp_path / "data/manifest.json"
    # The challenge's own container gets no arrays: here it does.
    arrays = """[[input.files]]
        role = "image"
        path = "{case}.npz"
        format = "npz"
        [output]
        path = "{case}.npz"
        format = "npz"
        key = "segs"
        """
    (tmp_path / "mine.toml").write_text(f"base = {protocol!r}\nname = 'mine'\n{arrays}")
    own = protocol.startswith("autopet")
    of = ("--protocol", tmp_path / "mine.toml" if own else protocol)
    for command in (
        ("manifest", "build", *sources, "--modality", "CT", *of, tmp_path / "data"),
        ("manifest", "verify", manifest),
        ("run", "--manifest", manifest, *of, "--submission", f"a={team}", "--sandbox", "local",
         tmp_path / "run"),
        ("score", tmp_path / "run"),
    ):  # fmt: skip
        done = segjudge(*command)
        assert done.returncode == 0, done.stderr
    (case,) = json.loads(manifest.read_text("utf-8"))["cases"]
    assert case["prompts"] == ([kind] if kind else [])
    (row,) = rows(tmp_path / "run/case_scores.csv")
    assert row["outcome"] == "ok" and (float(row[score]) > 0.1) == (kind != "text")
    (log,) = (tmp_path / "run/logs/a").glob(f"{case['id']}.log")
    assert f"{given}.npy" in log.read_text("utf-8")
