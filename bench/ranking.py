"""Ranking speed beside a plain pandas loop: 20 teams, 1,000 cases, 3 metrics, 1,000 resamples.

    python -m bench.ranking [REPLICATES OF THE LOOP]

The loop does what a script would: draw the cases of each modality again, rank within each case,
average over cases, modalities and metrics, rank the averages. It does the protocol's own scheme
alone; segjudge does that and four methods for every metric and modality, with tests, intervals and
sensitivity. Both get the same draws, and how often each team takes each place must be equal. By
default the loop does only 30 replicates and is extrapolated: it is that slow. One core, in one
run: on a busy machine a ratio says more than a time.
"""

import base64
import os
import sys
import time
import zlib
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore
from evaluate.ranking import METHODS, rank

TEAMS, CASES, MODALITIES, REPLICATES = 20, 1000, 9, 1000
HIGHER = {"dsc": True, "nsd": True, "wall_s": False}


def _scores() -> list[CaseScore]:
    rng = np.random.default_rng(2024)
    skill = np.linspace(0.05, -0.05, TEAMS)[:, np.newaxis]
    dsc = np.clip(rng.normal(0.8, 0.1, (TEAMS, CASES)) + skill, 0, 1)
    nsd = np.clip(dsc + rng.normal(0, 0.03, dsc.shape), 0, 1)
    wall_s = np.exp(rng.normal(1, 0.4, dsc.shape))
    return [
        CaseScore(
            team=f"team-{team:02d}", case=f"case-{case:04d}", modality=f"m{case % MODALITIES}",
            dimension="2D", outcome=Outcome.OK, reason="", values={"dsc": float(dsc[team, case]),
            "nsd": float(nsd[team, case]), "wall_s": float(wall_s[team, case])},
        )
        for team in range(TEAMS)
        for case in range(CASES)
    ]  # fmt: skip


def _timed_ranking(
    scores: list[CaseScore], *, with_tests: bool, replicates: int = REPLICATES
) -> tuple[float, dict[str, Any]]:
    methods = [method for method in METHODS if with_tests or method != "test_then_rank"]
    started = time.perf_counter()
    result = rank(scores, load_protocol("segjudge"), bootstrap=replicates, resampled=methods)
    return time.perf_counter() - started, result.to_json()


def _drawn(document: dict[str, Any]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The cases, and how often each was drawn, (replicates, cases), as ranking.json keeps them."""
    draws = document["bootstrap"]["draws"]
    data = zlib.decompress(base64.b64decode(draws["counts"]))
    counts = np.frombuffer(data, dtype="<u2").reshape(-1, len(draws["cases"]))
    return draws["cases"], counts.astype(np.int64)


def _looped(
    table: pd.DataFrame, cases: list[str], counts: npt.NDArray[np.int64]
) -> list[dict[str, int]]:
    """By replicate, the place of each team: rank in the cases, average, rank, in pandas."""
    by_case = table.set_index("case")
    ranked = []
    for row in counts:
        copies = np.repeat(cases, row)
        drawn = by_case.loc[copies].reset_index()
        # A case drawn twice is two cases.
        drawn["copy"] = np.repeat(np.arange(len(copies)), TEAMS)
        means = []
        for metric, higher in HIGHER.items():
            ranks = drawn.groupby("copy")[metric].rank(method="min", ascending=not higher)
            named = pd.DataFrame({k: drawn[k] for k in ("team", "modality")} | {"rank": ranks})
            of_modality = named.groupby(["team", "modality"])["rank"].mean()
            means.append(of_modality.groupby("team").mean())
        mean = sum(means[1:], means[0]) / len(means)
        places = mean.round(9).rank(method="min")
        ranked.append({str(team): int(place) for team, place in places.items()})
    return ranked


def _agree(places: list[dict[str, int]], document: dict[str, Any]) -> bool:
    """Whether both put each team in each place equally often."""
    counted = {
        team: {str(at): n for at, n in Counter(row[team] for row in places).items()}
        for team in places[0]
    }
    return counted == document["bootstrap"]["rank_counts"]


def main() -> None:
    """Rank, loop, compare, and print."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # it counts only if it is set before numpy is
        one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        again = [sys.executable, "-m", "bench.ranking", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | one_core)  # noqa: S606  # ourselves
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    scores = _scores()
    # First what the loop is compared with; it also loads what is loaded on first use.
    _, small = _timed_ranking(scores, with_tests=False, replicates=replicates)
    fast_s, _ = _timed_ranking(scores, with_tests=False)
    whole_s, _ = _timed_ranking(scores, with_tests=True)
    table = pd.DataFrame(
        {
            name: [s.values.get(name, getattr(s, name, None)) for s in scores]
            for name in ("team", "case", "modality", *HIGHER)
        }
    )
    cases, counts = _drawn(small)
    started = time.perf_counter()
    places = _looped(table, cases, counts)
    loop_s = (time.perf_counter() - started) * REPLICATES / replicates
    if not _agree(places, small):
        raise SystemExit("the loop and segjudge do not agree on the places")
    print(f"{TEAMS} teams, {CASES} cases, {len(HIGHER)} metrics, {REPLICATES} resamples, one core")
    print(f"{'segjudge, all but test-then-rank':44}{fast_s:8.2f} s   (at most 2 s)")
    print(f"{'segjudge, all':44}{whole_s:8.2f} s   (at most 60 s)")
    how = f"(from {replicates} resamples)"
    print(f"{'pandas loop, the protocol scheme alone':44}{loop_s:8.2f} s   {how}")
    print(f"{'ratio':44}{loop_s / fast_s:8.0f}")


if __name__ == "__main__":
    main()
