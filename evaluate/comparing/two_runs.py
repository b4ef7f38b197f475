"""Two runs, or two teams of one, to differences."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_manifest.manifest import Manifest, load_manifest
from evaluate.comparing import Pairs, calibration_ratio, check_comparable, compare, pair_scores
from evaluate.documents.team_comparison import Side, TeamComparison
from evaluate.facts.errors import RunDirectoryError, UsageError
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.pairing import draw_counts
from evaluate.ranking.bootstrap import case_count_warnings
from evaluate.store import RunDirectory
from evaluate.store.origin import data_of, protocol_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadRun:
    """One of the two run directories, read."""

    run: RunDirectory
    manifest: Manifest
    data_root: Path
    protocol: Rules
    scores: dict[str, list[CaseScore]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What `segjudge compare` found, and where it read."""

    comparisons: list[TeamComparison]
    calibration: float | None
    runs: tuple[_ReadRun, _ReadRun]


def compare_runs(
    root_a: Path,
    root_b: Path,
    *,
    team: str | None = None,
    other: str | None = None,
    replicates: int = 2000,
    seed: int = 0,
    manifest_path: Path | None = None,
) -> Compared:
    """Compare a submission with its successor, two teams, or two machines; writes nothing.

    The other run may be the same one. Without a team, all that both hold are compared.

    Raises:
        UsageError: the teams that are named do not make a pair.
        RunDirectoryError: the runs' numbers do not mean the same.
    """
    same = root_a.resolve() == root_b.resolve()
    runs = _read(root_a, manifest_path), _read(root_b, manifest_path)
    if manifest_path is not None and all(r.data_root != manifest_path.parent for r in runs):
        data_of(runs[0].run, manifest_path)  # says that it is of other data
    teams = _teams(runs, team, other, same=same)
    names = _names(root_a, root_b)
    documents = runs[0].run.document(), runs[1].run.document()
    notes = check_comparable(
        names, documents, (runs[0].protocol, runs[1].protocol), (runs[0].manifest, runs[1].manifest)
    )
    calibration = None if same else calibration_ratio(documents)
    common = frozenset.intersection(*(frozenset(c.id for c in r.manifest.cases) for r in runs))
    grouped = runs[0].protocol.ranking.resample == "group"
    comparisons = []
    for first, second in teams:
        label_a, label_b = (first, second)
        if first == second:
            label_a, label_b = (f"{first} in {name}" for name in names)
        pairs = pair_scores(
            runs[0].scores[first],
            runs[1].scores[second],
            cases=common,
            label=f"{label_a} and {label_b}",
        )
        comparisons.append(
            compare(
                Side(team=first, run=names[0], label=label_a),
                Side(team=second, run=names[1], label=label_b),
                pairs,
                counts=draw_counts(
                    list(pairs.modalities.values()),
                    replicates,
                    np.random.default_rng(seed),
                    groups=[score.group for score in pairs.scores_a] if grouped else (),
                ),
                seed=seed,
                calibration=calibration,
                notes=[*notes, *_few(pairs)],
            )
        )
    return Compared(comparisons=comparisons, calibration=calibration, runs=runs)


def _few(pairs: Pairs) -> list[str]:
    return case_count_warnings({m: s.stop - s.start for m, s in pairs.modalities.items()})


def _read(root: Path, manifest_path: Path | None) -> _ReadRun:
    run = RunDirectory.open(root)
    manifest, data_root = data_of(run, None)
    if manifest_path is not None and load_manifest(manifest_path).digest() == manifest.digest():
        data_root = manifest_path.parent
    if run.document().scored_from not in (None, run.journal_sha256()):
        raise RunDirectoryError(
            where=str(root),
            found="cases that were run since it was scored",
            expected="scores of all that was run",
            mend=f"`segjudge score {root}`",
        )
    scores: dict[str, list[CaseScore]] = {}
    for row in run.read_rows(CaseScore):
        scores.setdefault(row.team, []).append(row)
    return _ReadRun(
        run=run, manifest=manifest, data_root=data_root, protocol=protocol_of(run), scores=scores
    )


def _names(root_a: Path, root_b: Path) -> tuple[str, str]:
    """What the runs are called: their folders' names, or as they were given where those are one."""
    a, b = root_a.resolve().name, root_b.resolve().name
    return (a, b) if a != b or root_a.resolve() == root_b.resolve() else (str(root_a), str(root_b))


def _teams(
    runs: tuple[_ReadRun, _ReadRun], team: str | None, other: str | None, *, same: bool
) -> list[tuple[str, str]]:
    """The pairs to compare."""
    if other is not None and team is None:
        raise UsageError(
            where="--with", found="no --team", expected="--team X --with Y, or neither"
        )
    if team is not None:
        other = team if other is None else other
        for run, name in zip(runs, (team, other), strict=True):
            if name not in run.scores:
                raise UsageError(
                    where=f"{run.run.root}: team {name}",
                    found="no such team",
                    expected=f"one of {', '.join(sorted(run.scores))}",
                )
        pairs = [(team, other)]
    else:
        pairs = [(name, name) for name in sorted(runs[0].scores.keys() & runs[1].scores.keys())]
        alone = [sorted(run.scores) for run in runs]
        if not pairs and all(len(names) == 1 for names in alone):
            pairs = [(alone[0][0], alone[1][0])]
    if not pairs:
        raise UsageError(
            where=f"{runs[0].run.root} and {runs[1].run.root}",
            found="no team of the same name in both",
            expected="two teams to compare",
            mend="name them: --team X --with Y",
        )
    if same and any(first == second for first, second in pairs):
        raise UsageError(
            where=str(runs[0].run.root),
            found="a run and itself",
            expected="two teams of the run, or two runs",
            mend="name two teams: --team X --with Y",
        )
    return pairs
