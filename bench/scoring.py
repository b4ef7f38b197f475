"""Scoring speed beside the peers: the same files, one core, one run, ratios.

    make bench

For the reference (surface-distance driven as the CVPR 2024 script drives it) and for segjudge the
times are of whole commands over all cases of a kind, start-up and reading included. The other peers
take minutes for a case; they score each kind's first case, and their start-up is left out.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.cases import KINDS, WORST, Kind
from bench.peers import PEERS, REFERENCE

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "bench"
PEERS_PYTHON = Path(os.environ.get("PEERS_PYTHON", ROOT / ".venv" / "peers" / "bin" / "python"))
_ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One program on the cases of one kind; `values` by case: DSC and NSD."""

    seconds: float
    peak_mib: float
    values: dict[str, tuple[float, float]]


def run_command(command: list[str]) -> tuple[float, float, str]:
    """Seconds of CPU, which other programs change least, peak memory in MiB, and the output."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, env=os.environ | _ONE_CORE, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        return seconds, usage.ru_maxrss / 1024, output.read()


def _peer(name: str, folder: Path, *, whole: bool) -> Measured:
    python = sys.executable if name == REFERENCE else str(PEERS_PYTHON)
    command = [python, "-m", "bench.peers", name, str(folder / "gts"), str(folder / "segs")]
    seconds, peak, printed = run_command(command)
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    values = {line["case"]: (line["dsc"], line["nsd"]) for line in lines}
    if not whole:
        seconds = sum(line["seconds"] for line in lines)
    return Measured(seconds=seconds, peak_mib=peak, values=values)


def _ours(folder: Path) -> Measured:
    out = folder / "out"
    command = [
        *(sys.executable, "-m", "segjudge", "score", "--jobs", "1", "--protocol", "cvpr24"),
        *("--references", str(folder / "gts"), "--predictions", str(folder / "segs")),
        *("--out", str(out)),
    ]
    seconds, peak, _ = run_command(command)
    with (out / "case_scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if any(row["outcome"] != "ok" for row in rows):
        raise SystemExit(f"{out}: a case was not scored")
    values = {row["case"]: (float(row["dsc"]), float(row["nsd"])) for row in rows}
    return Measured(seconds=seconds, peak_mib=peak, values=values)


def _difference(measured: Measured, expected: Measured) -> float:
    return max(
        abs(a - b)
        for case, values in measured.values.items()
        for a, b in zip(values, expected.values[case], strict=True)
    )


def _first_case(folder: Path) -> Path:
    """A folder with the first case alone."""
    name = min(path.name for path in (folder / "gts").glob("*.npz"))
    for part in ("gts", "segs"):
        (folder / "first" / part).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / part / name, folder / "first" / part / name)
    return folder / "first"


def _measure(kind: Kind, folder: Path, peers: list[str]) -> dict[str, object]:
    """One row of the table."""
    if not list((folder / "gts").glob("*.npz")):
        # In a process of its own: a process begins with the peak memory of who started it.
        run_command([sys.executable, "-m", "bench.cases", kind.name, str(folder)])
    ours, reference, again = _ours(folder), _peer(REFERENCE, folder, whole=True), _ours(folder)
    ours = min(ours, again, key=lambda measured: measured.seconds)
    first = _first_case(folder)
    cold, cold_reference = _ours(first), _peer(REFERENCE, first, whole=True)
    row: dict[str, object] = {
        "kind": kind.name,
        "cases": kind.count,
        "reference_s": reference.seconds,
        "segjudge_s": ours.seconds,
        "ratio": reference.seconds / ours.seconds,
        "difference": _difference(ours, reference),
        "segjudge_mib": ours.peak_mib,
        "reference_mib": reference.peak_mib,
        "one_case_ratio": cold_reference.seconds / cold.seconds,
        "peers": {},
    }
    alone = _peer(REFERENCE, first, whole=False)
    for name in peers:
        peer = _peer(name, first, whole=False)
        row["peers"][name] = {  # type: ignore[index]
            "ratio": alone.seconds / peer.seconds,
            "difference": _difference(peer, alone),
            "mib": peer.peak_mib,
        }
    reference_file = str(next((first / "gts").iterdir()))
    stages = [sys.executable, "-m", "bench.stages", reference_file, str(first / "segs")]
    row["stages"] = json.loads(run_command(stages)[2])
    spent_ms = sum(row["stages"][name] for name in ("read", "count", "surfaces"))
    row["warm_ratio"] = 1000 * alone.seconds / spent_ms
    return row


def _whole_set(folder: Path) -> float:
    """The ratio of two commands over all cases of all kinds."""
    together = folder / "together"
    for part in ("gts", "segs"):
        (together / part).mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            for path in (folder / kind.modality / part).glob("*.npz"):
                shutil.copy(path, together / part / path.name)
    ours, reference = _ours(together), _peer(REFERENCE, together, whole=True)
    ours = min(ours, _ours(together), key=lambda measured: measured.seconds)
    return reference.seconds / ours.seconds


def _table(rows: list[dict], peers: list[str]) -> str:
    """The table as Markdown."""
    heads = ["cases", "n", "segjudge", "largest difference", "memory, MiB (ours / reference)"]
    lines = [
        "| " + " | ".join([*heads, *peers]) + " |",
        "|" + "---|" * (len(heads) + len(peers)),
    ]
    for row in rows:
        cells = [
            row["kind"],
            str(row["cases"]),
            f"**{row['ratio']:.0f}**",
            f"{row['difference']:.0e}",
            f"{row['segjudge_mib']:.0f} / {row['reference_mib']:.0f}",
        ]
        for name in peers:
            peer = row["peers"].get(name)
            cells.append(f"{peer['ratio']:.2g} ({peer['difference']:.0e})" if peer else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _stages_table(rows: list[dict]) -> str:
    lines = [
        "| first case of | read | count | surfaces | limit | the reference takes |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        stages = row["stages"]
        cells = [f"{stages[name]:.1f}" for name in ("read", "count", "surfaces", "limit")]
        longer = f"{row['warm_ratio']:.0f} times as long"
        lines.append("| " + " | ".join([row["kind"], *cells, longer]) + " |")
    return "\n".join(lines)


def _picture(rows: list[dict]) -> str:
    """Bars of the ratios on a log axis, as SVG."""
    from math import log10

    height, left, width = 26 * len(rows) + 50, 240, 420
    longest = max(2.0, max(log10(row["ratio"]) for row in rows))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 80} {height}"'
        ' font-family="sans-serif" font-size="13" role="img"'
        ' aria-label="How many times faster than the reference segjudge scores">',
        f'<rect width="100%" height="{height}" fill="white"/>',
    ]
    for power in range(int(longest) + 1):
        x = left + width * power / longest
        parts.append(
            f'<path d="M{x:.0f} 10V{height - 34}" stroke="#ccc"/>'
            f'<text x="{x:.0f}" y="{height - 18}" text-anchor="middle">{10**power}×</text>'
        )
    for index, row in enumerate(rows):
        y, length = 14 + 26 * index, width * log10(row["ratio"]) / longest
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{row["kind"]}</text>'
            f'<rect x="{left}" y="{y}" width="{length:.0f}" height="18" fill="#0072b2"/>'
            f'<text x="{left + length + 6:.0f}" y="{y + 13}">{row["ratio"]:.0f}</text>'
        )
    parts.append(
        f'<text x="{left}" y="{height - 3}" fill="#555">times faster than the reference,'
        " whole command, one core (log scale)</text></svg>"
    )
    return "\n".join(parts) + "\n"


def main(cases: Path | None = None) -> None:
    """Measure, print the table, and write it with its picture into docs/bench.

    Args:
        cases: where to keep the cases for another run; None for a folder that is removed.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    peers = [name for name in PEERS if name != REFERENCE] if PEERS_PYTHON.exists() else []
    with tempfile.TemporaryDirectory(prefix="segjudge-bench-") as scratch:
        folder = cases or Path(scratch)
        rows = []
        for kind in (*KINDS, WORST):
            at = folder / ("worst" if kind.far else kind.modality)
            print(f"{kind.name} ...", file=sys.stderr, flush=True)
            rows.append(_measure(kind, at, [] if kind.far else peers))
        ratio = _whole_set(folder)
    text = (
        "# Scoring speed\n\n"
        "Made by `make bench`. How many times faster than the reference; in brackets the largest"
        " difference of a DSC or NSD from the reference's.\n\n"
        f"{_table(rows, peers)}\n\n"
        f"**The whole set in one command: {ratio:.0f} times**, the worst case not counted. segjudge"
        " and the reference: whole commands, start-up and reading included, seconds of CPU on one"
        " core; in the table"
        " one for each kind, which weighs the start-up more. Other"
        " peers: the first case of each kind, their start-up left out; theirs are other"
        " definitions where the difference is not one of rounding. A cold start on one 2D case"
        f" takes {1 / rows[3]['one_case_ratio']:.2f} of the reference's time.\n\n"
        "![times faster than the reference](scoring.svg)\n\n"
        "## Where the time goes\n\n"
        "Milliseconds in a warm process, start-up left out on both sides; the limit is to inflate"
        " both files, check their sums and look at each voxel once.\n\n"
        f"{_stages_table(rows)}\n"
    )
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "scoring.md").write_text(text, encoding="utf-8")
    (OUT / "scoring.svg").write_text(_picture(rows), encoding="utf-8")
    (OUT / "scoring.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
