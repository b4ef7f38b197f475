"""Each team's new results beside the recorded ones: masks, scores, times, places."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from data_manifest.layouts import BadPrediction
from data_manifest.manifest import Case
from evaluate.auditing.rechecking.basis import Basis
from evaluate.auditing.reruns.changes import change_of, ratio_of
from evaluate.documents.audited_reruns import CaseAgain, Change, Ratio, TeamAgain
from evaluate.documents.journal import JournalEntry
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.pairing import Counts, draw_counts
from evaluate.ranking import RankSettings, places_of
from evaluate.ranking.label_columns import needs_labels
from evaluate.store import RunDirectory
from metrics import dice


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two masks agree.

    What can't be read has no value.
    """

    same: bool
    dsc: float | None
    voxels: int | None


def agreement(first: Path, second: Path, case: Case, protocol: Rules) -> Agreement:
    """Compare two predictions of a case; the files are a participant's."""
    masks = []
    for path in (first, second):
        mask = protocol.read_mask(path, case)
        if isinstance(mask, BadPrediction):
            return Agreement(same=False, dsc=None, voxels=None)
        masks.append(mask)
    old, new = masks
    differing = int(np.count_nonzero(old != new))
    if not differing:
        return Agreement(same=True, dsc=1.0, voxels=0)
    labels = sorted(set(np.unique(old)) | set(np.unique(new)) - {0})
    dsc = float(np.mean([dice(old == label, new == label) for label in labels if label]))
    return Agreement(same=False, dsc=dsc, voxels=differing)


_REPLICATES = 2000
_ENOUGH_TO_STRATIFY = 5
_MEASURED = ("wall_s", "cpu_s", "peak_memory_mib")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRuns:
    """The two runs of today."""

    cases: tuple[Case, ...]
    runs: tuple[RunDirectory, ...]
    journals: tuple[Mapping[tuple[str, str, int], JournalEntry], ...]
    scores: Mapping[tuple[str, str], CaseScore]
    calibration: tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is laid side by side.

    Attributes:
        run: the run directory that is audited.
        basis: what it says, as far as that can be believed.
        rules: of the new runs.
        recorded: the scores that are believed, by team and case.
        new: the two runs.
        counts: how often each case was drawn, (cases, replicates).
        generator: of the resamples of the calibration.
    """

    run: RunDirectory
    basis: Basis
    rules: Rules
    recorded: Mapping[tuple[str, str], CaseScore]
    new: NewRuns
    counts: Counts
    generator: np.random.Generator

    def team(self, team: str, place_then: float | None, place_now: float | None) -> TeamAgain:
        """One team, run again."""
        return TeamAgain(
            team=team,
            cases=tuple(self._compare(team, case) for case in self.new.cases),
            changes=self._changes(team),
            ratios=self._ratios(team),
            place_then=place_then,
            place_now=place_now,
        )

    def _compare(self, team: str, case: Case) -> CaseAgain:
        key = (team, case.id, self.rules.rounds.last)
        entries = [
            self.basis.journal.get(key),
            *(journal.get(key) for journal in self.new.journals),
        ]
        outcomes = [e.record.outcome.value if e else "not run" for e in entries]
        paths = [r.prediction_path(team, case.id) for r in (self.run, *self.new.runs)]
        hashes = [entry.prediction_sha256 if entry else None for entry in entries]

        def same(first: int, second: int) -> bool:
            if outcomes[first] != outcomes[second]:
                return False
            if hashes[first] == hashes[second]:
                return True
            return agreement(paths[first], paths[second], case, self.rules).same

        masks = None
        if outcomes[0] == outcomes[1] == Outcome.OK:
            masks = agreement(paths[0], paths[1], case, self.rules)
        old, new = self.recorded.get((team, case.id)), self.new.scores.get((team, case.id))
        return CaseAgain(
            case=case.id,
            modality=case.modality,
            outcomes=(outcomes[0], outcomes[1], outcomes[2]),
            is_same=same(0, 1),
            is_stable=same(1, 2),
            dsc_of_masks=masks.dsc if masks else None,
            voxels=masks.voxels if masks else None,
            changes={
                metric: _difference(_value(old, metric), _value(new, metric))
                for metric in self.rules.scoring.names
            },
        )

    def _changes(self, team: str) -> dict[str, Change]:
        rules = self.rules.reproduction
        margins = {"dsc": rules.dsc, "nsd": rules.nsd}
        changes = {}
        for metric in self.rules.scoring.names:
            old, new = (
                [_value(table.get((team, case.id)), metric) for case in self.new.cases]
                for table in (self.recorded, self.new.scores)
            )
            change = change_of(old, new, self.counts, margin=margins.get(metric), alpha=rules.alpha)
            if change is not None:
                changes[metric] = change
        return changes

    def _ratios(self, team: str) -> dict[str, Ratio]:
        ratios = {}
        for name in _MEASURED:
            old: list[float | None] = []
            new: list[float | None] = []
            for case in self.new.cases:
                turn = (team, case.id, self.rules.rounds.last)
                entries = [j.get(turn) for j in (self.basis.journal, *self.new.journals)]
                ok = all(e is not None and e.record.outcome is Outcome.OK for e in entries)
                values = [getattr(e.record, name) for e in entries if e] if ok else [None] * 3
                old.append(values[0])
                # Two new runs of one case are one new value: the cases are what varies.
                pair = [v for v in values[1:] if v]
                new.append(float(np.exp(np.mean(np.log(pair)))) if len(pair) == 2 else None)
            ratio = ratio_of(
                old,
                new,
                self.counts,
                calibration=None if name == "peak_memory_mib" else self.new.calibration,
                margin=self.rules.reproduction.wall_ratio if name == "wall_s" else None,
                generator=self.generator,
            )
            if ratio is not None:
                ratios[name] = ratio
        return ratios

    def places(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Places as recorded, and with the new masks' scores; times stay as they were."""
        then, metrics = list(self.recorded.values()), list(self.rules.scoring.names)
        now = [
            _with_masks_of(row, self.new.scores.get((row.team, row.case)), metrics) for row in then
        ]
        if any(row.outcome is Outcome.HARNESS_ERROR for row in (*then, *now)):
            return {}, {}
        if needs_labels(RankSettings.from_protocol(self.basis.protocol).columns):
            return {}, {}  # of the new masks only the cases' values are kept
        return places_of(then, self.basis.protocol), places_of(now, self.basis.protocol)


def draws_of(cases: Sequence[Case], seed: int) -> Counts:
    """Resamples of cases that are sorted by modality, within it where each has enough of them.

    A modality with one case would be drawn as it is every time, and hide how cases vary.
    """
    sizes = Counter(case.modality for case in cases)
    if min(sizes.values()) < _ENOUGH_TO_STRATIFY:
        sizes = Counter({"all": len(cases)})
    strata, start = [], 0
    for _, size in sorted(sizes.items()):
        strata.append(slice(start, start + size))
        start += size
    return draw_counts(strata, _REPLICATES, np.random.default_rng([seed, 0]))


def _value(score: CaseScore | None, metric: str) -> float | None:
    return None if score is None else score.value(metric)


def _difference(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old


def _with_masks_of(old: CaseScore, new: CaseScore | None, metrics: Sequence[str]) -> CaseScore:
    if new is None or new.outcome is Outcome.HARNESS_ERROR:
        return old
    times = {} if new.outcome is old.outcome else {name: new.value(name) for name in _MEASURED}
    values = {name: new.value(name) for name in metrics}
    return msgspec.structs.replace(
        old.with_values(**(values | times)), outcome=new.outcome, reason=new.reason
    )
