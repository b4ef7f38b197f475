"""The masks of a check's run, one case at a time: what is wrong with them, how good they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs, Reference, read_inputs, read_reference
from data_manifest.manifest import Case
from evaluate.checking import (
    CheckFinding,
    Hit,
    Trial,
    VariantScores,
    accuracy_finding,
    filled_boxes,
    gathered,
    mask_hits,
    score_variants,
    variant_findings,
    without_consequences,
)
from evaluate.predictions import BadPrediction, read_prediction
from evaluate.protocol import Protocol
from evaluate.records import CaseScore
from evaluate.reporting.check_page import ExaminedCase
from evaluate.reporting.failures import log_tail
from evaluate.reporting.pictures import CasePicture, draw_case
from evaluate.scoring.case_scores import score_case
from evaluate.store import RunDirectory

__all__ = ["TEAM", "Examination"]

TEAM = "submission"
"""The name that a checked submission runs under."""

_MOST_PICTURES = 60
_MOST_VARIED = 30  # masks that do not fit: more would tell the same mistake again
_LabelMap = npt.NDArray[np.integer]


class Examination:
    """Reads each mask once; what is noticed on one case is gathered over all.

    Args:
        protocol: the rules.
        data_root: folder of the data set.
        run: the run directory.
        pictures: whether the cases are drawn.
    """

    def __init__(
        self, protocol: Protocol, data_root: Path, run: RunDirectory, pictures: bool
    ) -> None:
        self._protocol = protocol
        self._data_root = data_root
        self._run = run
        self._pictures = pictures
        self._drawn = 0
        self._hits: list[Hit] = []
        self._variants: list[VariantScores] = []
        self._pairs: list[tuple[float, float]] = []

    def prediction(self, case: Case, run: RunDirectory | None = None) -> _LabelMap | None:
        """A case's mask in this run, or in another; None if there is none."""
        path = (run or self._run).prediction_path(TEAM, case.id)
        if not path.is_file():
            return None
        found = read_prediction(
            path,
            container=self._protocol.container,
            shape=case.shape,
            spacing_mm=case.spacing_mm,
            max_bytes=self._protocol.limits.output_mib << 20,
        )
        return None if isinstance(found, BadPrediction) else found

    def examine(self, trial: Trial, score: CaseScore) -> ExaminedCase:
        """Look at one case's mask."""
        case, limits = trial.case, self._protocol.limits
        inputs = read_inputs(self._data_root / case.image.path)
        reference = read_reference(self._data_root / case.reference.path)
        prediction = self.prediction(case) if trial.answered else None
        floor = score_case(
            reference, filled_boxes(inputs.boxes, case.shape), self._protocol.scoring
        )
        if prediction is not None:
            self._hits += mask_hits(case.id, inputs.boxes, prediction)
            if sum(bool(score.variants) for score in self._variants) < _MOST_VARIED:
                self._variants.append(score_variants(case.id, reference.labels, prediction))
            if score.dsc is not None and floor.dsc is not None:
                self._pairs.append((score.dsc, floor.dsc))
        return ExaminedCase(
            score=score,
            time_share=_share(trial.record.wall_s, limits.timeout_s),
            memory_share=_share(trial.record.peak_memory_mib, limits.memory_mib),
            baseline_dsc=floor.dsc,
            baseline_nsd=floor.nsd,
            picture=self._draw(case, inputs, reference, prediction) if self._pictures else None,
            log="" if trial.answered else log_tail(self._run, TEAM, case.id),
        )

    def _draw(
        self, case: Case, inputs: CaseInputs, reference: Reference, prediction: _LabelMap | None
    ) -> CasePicture | None:
        if self._drawn >= _MOST_PICTURES:
            return None
        self._drawn += 1
        return draw_case(
            inputs,
            reference,
            prediction,
            name=f"case-{self._drawn}",
            title=case.id,
            description=f"{case.modality} image with the outlines of the reference and the"
            " prediction, and the prompt boxes",
        )

    def findings(self, cases: Sequence[str]) -> list[CheckFinding]:
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
