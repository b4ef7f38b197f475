"""Checking: a submission before it is handed in."""

from evaluate.checking.accuracy import accuracy_finding
from evaluate.checking.archive_checks import archive_findings
from evaluate.checking.catalogue import CATALOGUE
from evaluate.checking.catalogue_of_answers import Check
from evaluate.checking.causes import without_consequences
from evaluate.checking.check_findings import gravest_first, make_finding
from evaluate.checking.estimates import estimate_findings
from evaluate.checking.folder_checks import folder_findings
from evaluate.checking.mask_checks import mask_hits
from evaluate.checking.observing import ObservingSandbox
from evaluate.checking.repeats import Repeat, one_slice_finding, repeat_findings
from evaluate.checking.round_checks import case_in_rounds, round_findings
from evaluate.checking.run_checks import run_findings
from evaluate.checking.sanity import ONE_SLICE_PAIR, build_sanity_cases, is_odd
from evaluate.checking.trials import Trial, gathered
from evaluate.checking.variants import VariantScores, score_variants, variant_findings

__all__ = [
    "CATALOGUE",
    "ONE_SLICE_PAIR",
    "Check",
    "ObservingSandbox",
    "Repeat",
    "Trial",
    "VariantScores",
    "accuracy_finding",
    "archive_findings",
    "build_sanity_cases",
    "case_in_rounds",
    "estimate_findings",
    "folder_findings",
    "gathered",
    "gravest_first",
    "is_odd",
    "make_finding",
    "mask_hits",
    "one_slice_finding",
    "repeat_findings",
    "round_findings",
    "run_findings",
    "score_variants",
    "variant_findings",
    "without_consequences",
]
