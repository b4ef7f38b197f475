"""One mistake, one finding: what follows from a finding that names the cause is left out."""

from collections.abc import Sequence

from data_manifest.findings import Finding, Severity
from evaluate.checking.variants import RENUMBERING

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
