"""Whether the masks are better than their own prompts."""

from collections.abc import Sequence

from data_manifest.findings import Finding, Severity
from evaluate.checking.check_findings import make_finding

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
