"""The masks of a check's run, one case at a time: what is wrong with them, how good they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference
from data_manifest.findings import Finding, Severity
from data_manifest.layouts import BadPrediction, read_case, read_reference
from data_manifest.layouts.text_prompts import read_text_prompts
from data_manifest.manifest import Case
from evaluate.checking.check_findings import make_finding
from evaluate.checking.mask_checks import mask_hits
from evaluate.checking.trials import Trial, gathered
from evaluate.checking.variants import RENUMBERING, VariantScores, score_variants, variant_findings
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.running.log_tail import log_tail
from evaluate.scoring.case_scores import PreparedCase
from evaluate.store import RunDirectory

Picture = TypeVar("Picture")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedCase(Generic[Picture]):
    """One case of a check.

    Attributes:
        score: as the run was scored.
        time_share, memory_share: of the protocol's limits; None if not measured.
        baseline_dsc, baseline_nsd: of the answer that never looks at the image; None without
            prompts.
        picture: of the image with the outlines, of the drawer's own kind; None if none was asked
            for.
        log: the last lines of a failed case's log, safe to print; empty for others.
    """

    score: CaseScore
    time_share: float | None
    memory_share: float | None
    baseline_dsc: float | None
    baseline_nsd: float | None
    picture: Picture | None = None
    log: str = ""

    @property
    def has_mask(self) -> bool:
        """Whether the scores are of a mask, and not of a failure."""
        return self.score.outcome is Outcome.OK


_LABELS = {"labels-missing", "labels-surplus", "labels-order", "labels-unknown"}
_PLACES = {"labels-order", "mask-at-prompts", "mask-fills-image"}
_WORSE = {"mask-variant", "mask-empty", "mask-fills-image", "mask-at-prompts", *_LABELS}


def without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out what another finding explains.

    A flipped mask also lies beside its prompts, its labels seem exchanged, and its DSC is low: the
    flip is what there is to mend.
    """
    grave = {f.code: f for f in findings if f.severity in (Severity.PROBLEM, Severity.WARNING)}
    explained: set[str] = set()
    variant = grave.get("mask-variant")
    if variant is not None and RENUMBERING in variant.found and grave.keys() & _LABELS:
        explained.add("mask-variant")  # the labels' own findings say more
    elif variant is not None:
        explained |= _PLACES
    if grave.keys() & _WORSE:
        explained.add("accuracy")
    return [f for f in findings if f.code not in explained]


_MUCH_WORSE = 0.5


def accuracy_finding(pairs: Sequence[tuple[float, float]]) -> list[Finding]:
    """Compare with the answer of a participant who never looks at the image.

    Of each case with a mask: its DSC and the baseline's.
    """
    if not pairs:
        return []
    mean = sum(own for own, _ in pairs) / len(pairs)
    floor = sum(other for _, other in pairs) / len(pairs)
    better = sum(own > other for own, other in pairs)
    severity = Severity.OK
    if mean < _MUCH_WORSE * floor:
        severity = Severity.WARNING
    elif mean < floor:
        severity = Severity.NOTE
    words = f"mean DSC {mean:.3f}, of the prompts alone {floor:.3f}; better on {better} of"
    subject = f"{len(pairs)} cases with a mask"
    return [make_finding("accuracy", severity, subject=subject, found=f"{words} {len(pairs)}")]


TEAM = "submission"
"""The name that a checked submission runs under."""

_MOST_PICTURES = 60
_MOST_VARIED = 30  # masks that do not fit: more would tell the same mistake again
_LabelMap = npt.NDArray[np.integer]

Drawer = Callable[[CaseInputs, Reference, _LabelMap | None, Case, int], Picture]
"""Draws a case: inputs, reference, prediction or None, the case, and how many came before it."""


class Examination(Generic[Picture]):
    """Reads each mask once; what is noticed on one case is gathered over all."""

    def __init__(
        self, protocol: Rules, data_root: Path, run: RunDirectory, draw: Drawer[Picture] | None
    ) -> None:
        self._protocol = protocol
        self._data_root = data_root
        self._run = run
        self._draw_case = draw
        self._drawn = 0
        self._hits: list[Finding] = []
        self._variants: list[VariantScores] = []
        self._pairs: list[tuple[float, float]] = []

    def prediction(self, case: Case, run: RunDirectory | None = None) -> _LabelMap | None:
        """A case's mask in this run, or in another; None if there is none."""
        path = (run or self._run).prediction_path(TEAM, case.id)
        if not path.is_file():
            return None
        mask = self._protocol.read_mask(path, case)
        return None if isinstance(mask, BadPrediction) else mask

    def examine(self, trial: Trial, score: CaseScore) -> ExaminedCase[Picture]:
        """Look at one case's mask."""
        case, limits = trial.case, self._protocol.limits
        inputs = read_case(self._data_root, case)
        reference = read_reference(self._data_root / case.reference.path)
        prediction = self.prediction(case) if trial.answered else None
        # All kinds of prompts of a case ask for the same objects.
        prompts = inputs.prompts[0] if inputs.prompts else None
        floor: Mapping[str, float | None] = {}
        if prompts:
            mask, scoring = prompts.baseline(case.shape), self._protocol.scoring
            image = self._data_root / case.image.path
            asked = read_text_prompts(image) if scoring.needs_prompts else None
            floor = PreparedCase(reference, scoring, asked).measures(mask).values
        if prediction is not None:
            known = self._protocol.scoring.known_labels
            self._hits += mask_hits(case.id, prompts, prediction, known=known)
            if sum(bool(score.variants) for score in self._variants) < _MOST_VARIED:
                self._variants.append(score_variants(case.id, reference.labels, prediction))
            own, least = score.value("dsc"), floor.get("dsc")
            if own is not None and least is not None:
                self._pairs.append((own, least))
        return ExaminedCase(
            score=score,
            time_share=_share(trial.record.wall_s, limits.timeout_s),
            memory_share=_share(trial.record.peak_memory_mib, limits.memory_mib),
            baseline_dsc=floor.get("dsc"),
            baseline_nsd=floor.get("nsd"),
            picture=self._draw(case, inputs, reference, prediction),
            log="" if trial.answered else log_tail(self._run, TEAM, case.id),
        )

    def _draw(
        self, case: Case, inputs: CaseInputs, reference: Reference, prediction: _LabelMap | None
    ) -> Picture | None:
        if self._draw_case is None or self._drawn >= _MOST_PICTURES:
            return None
        self._drawn += 1
        return self._draw_case(inputs, reference, prediction, case, self._drawn)

    def findings(self, cases: Sequence[str]) -> list[Finding]:
        """Of all cases that were examined."""
        if not self._variants:
            return []
        return without_consequences(
            [
                *gathered(self._hits, cases),
                *variant_findings(self._variants),
                *accuracy_finding(self._pairs),
            ]
        )


def _share(value: float | None, limit: float) -> float | None:
    return None if value is None else value / limit
