"""Scores two folders and ranks a table with an installed segjudge, on any system and Python.

On Windows a submission is not run, and segjudge says so in one line.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import segjudge


def command(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "segjudge", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    for name in ("gts", "segs"):
        (folder / name).mkdir()
    for case in range(3):
        labels = np.zeros((6, 20, 30), np.uint8)
        labels[1:5, 4:12, 5 : 15 + case] = 1
        np.savez(folder / "gts" / f"3DBox_CT_{case}.npz", gts=labels, spacing=np.ones(3))
        np.savez(folder / "segs" / f"3DBox_CT_{case}.npz", segs=np.roll(labels, case, axis=2))
    out = ("--protocol", "cvpr24", "--out", folder / "out")
    folders = ("--references", folder / "gts", "--predictions", folder / "segs")
    done = command("score", *folders, *out)
    assert done.returncode == 0, done.stderr
    made = segjudge.score_folder(folder / "gts", folder / "segs", "cvpr24", jobs=1)
    assert made.case_scores["dsc"].iloc[0] == 1.0
    worse = made.case_scores.assign(team="worse", dsc=made.case_scores["dsc"] / 2)
    table = pd.concat([made.case_scores, worse])[["team", "case", "modality", "dsc"]]
    for name, write in (("xlsx", table.to_excel), ("parquet", table.to_parquet)):
        write(folder / f"table.{name}", index=False)
        ranked = segjudge.rank(folder / f"table.{name}", "cvpr24", metrics={"dsc": "higher"})
        assert list(ranked.leaderboard["team"])[-1] == "worse"
    assert command("--version").returncode == 0
    assert command("protocol", "list").returncode == 0
    if sys.platform == "win32":
        (folder / "team").mkdir()
        done = command("check", folder / "team", "--protocol", "cvpr24")
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
    print("segjudge works on", sys.platform, sys.version.split()[0])


if __name__ == "__main__":
    main()
