"""The benchmark set with twenty teams, whose masks get worse and worse: one command for all.

    python -m bench.teams [FOLDER]

writes docs/bench/teams.md. The set is that of `bench.scoring`, and so is the reference. It takes
nearly a minute for each team; every seventh is scored with it, and the page says so.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from bench.cases import KINDS, make_cases, predicted
from bench.peers import REFERENCE
from bench.scoring import OUT, ROOT, run_command
from data_manifest.layouts.npz_writing import write_npz
from data_manifest.manifest import Case, FileEntry, Label, Manifest, save_manifest, sha256_of
from evaluate.facts.attempts import Attempt
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.turns import Turn

TEAMS = 20
EVERY = 7


def _cases(folder: Path) -> Iterator[Case]:
    """The set, each case with its reference in `folder`."""
    for kind in KINDS:
        for path in make_cases(kind, folder):
            labels = np.load(path)["gts"]
            image = FileEntry(path=f"inputs/{path.name}", sha256="0" * 64)  # nobody opens it
            yield Case(
                id=path.stem,
                modality=kind.modality,
                dimension="3D" if labels.ndim == 3 else "2D",
                shape=labels.shape,
                spacing_mm=kind.spacing_xyz[::-1] or None,
                labels=tuple(Label(label=int(n), name="") for n in np.unique(labels) if n),
                prompts=("boxes",),
                image=image,
                reference=FileEntry(path=f"gts/{path.name}", sha256=sha256_of(path)),
                source="made by bench.cases",
                licence="CC0-1.0",
                origin="simulated",
            )


def make(folder: Path) -> None:
    """A finished run of all teams, as the store keeps it."""
    sys.path.insert(0, str(ROOT / "tests" / "reporting"))
    from synthetic_run import Scale, _Builder

    names = tuple(f"team-{number:02d}" for number in range(TEAMS))
    builder = _Builder(folder, Scale(teams=names))
    builder.protocol = load_protocol("cvpr24")
    data, run = builder.data_root, builder.run
    manifest = Manifest(
        schema=1, name="bench", cases=tuple(sorted(_cases(data), key=lambda case: case.id))
    )
    save_manifest(manifest, data / "manifest.json")
    run.write_run_document(builder._document(manifest))
    save_manifest(manifest, run.root / "manifest.json")
    mask = folder / "mask.npz"
    for case in manifest.cases:
        labels = np.load(data / case.reference.path)["gts"]
        for number, team in enumerate(names):
            rng = np.random.default_rng([number, *case.id.encode()])
            worse = 1 + 0.25 * number
            write_npz(mask, {"segs": predicted(rng, labels, worse=worse)})
            turn = Turn(team=team, case=case.id)
            run.keep(
                Attempt(
                    team=team, case=case.id, round=0, outcome=Outcome.OK, reason="", exit_code=0,
                    wall_s=1.0, cpu_s=1.0, peak_memory_mib=1.0, measured_by="cgroup",
                    started_at="2025-03-01T12:00:00Z", machine="0" * 12,
                    rules_sha256=builder.protocol.run_sha256,
                ),
                number=run.begin(turn, job_sha256="0" * 64), job_sha256="0" * 64, options={},
                prediction=mask.read_bytes(), log=b"",
            )  # fmt: skip


def page(slow: Sequence[float], ours: Sequence[float], peak_mib: float) -> str:
    """What was measured, in seconds of CPU: the reference on some teams, segjudge on all."""
    ratio, each = TEAMS * mean(slow) / min(ours), ", ".join(f"{seconds:.0f}" for seconds in slow)
    return (
        "# Twenty teams in one command\n\n"
        "Made by `python -m bench.teams`, a part of `make bench`: the cases of"
        f" [scoring.md](scoring.md) with the masks of {TEAMS} teams, each worse than the one"
        " before (outlines are moved by 1.2 voxels with the first, by"
        f" {1.2 * (1 + 0.25 * (TEAMS - 1)):.1f} with the last, as the standard deviation).\n\n"
        f"**`segjudge score --jobs 1` is {ratio:.0f} times as fast as the reference** a team's"
        f" case, start-up, digests, reading and tables included, in {peak_mib:.0f} MiB at most."
        " A reference is read, counted and surfaced once for all teams of its case. The"
        f" reference's time is the mean of {len(slow)} teams' ({each} s), measured between as many"
        " runs of segjudge, whose fastest counts; nothing was kept of earlier scores. Times are"
        " those of the processor, on one core.\n"
    )


def main(kept: Path | None = None) -> None:
    """Measure, print and write the page.

    Args:
        kept: where to keep the run for another time; None for a folder that is removed.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="segjudge-teams-") as scratch:
        folder = kept or Path(scratch)
        if not (folder / "run" / "manifest.json").exists():
            # In a process of its own: a process begins with the peak memory of who started it.
            made = "import sys; from pathlib import Path; from bench import teams; "
            run_command([sys.executable, "-c", made + f"teams.make(Path({str(folder)!r}))"])
        run, references = folder / "run", folder / "data" / "gts"
        score = [sys.executable, "-m", "segjudge", "score", "--jobs", "1", str(run)]
        score += ["--manifest", str(folder / "data" / "manifest.json")]
        slow, ours, peaks = [], [], []
        for team in sorted((run / "predictions").iterdir())[::EVERY]:
            (run / "scores.sqlite").unlink(missing_ok=True)
            seconds, peak, _ = run_command(score)
            ours.append(seconds)
            peaks.append(peak)
            peer = [sys.executable, "-m", "bench.peers", REFERENCE, str(references), str(team)]
            slow.append(run_command(peer)[0])
        if kept is None:
            shutil.rmtree(run)
    text = page(slow, ours, max(peaks))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "teams.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
