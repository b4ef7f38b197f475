"""BraTS: a folder a subject, ID/ID-t1c.nii.gz and so on, ID-seg.nii.gz; ID ends in a time point."""

import re
from collections import defaultdict
from pathlib import Path

from data_manifest.findings import Finding
from data_manifest.making.source_layouts.source import (
    Source,
    SourceCase,
    files_below,
    left_over,
    problem,
)
from data_manifest.making.volume_images import SUFFIXES, stem_of

_NAME = re.compile(r"(.+?)[-_](t1c|t1n|t2f|t2w|t1ce|t1|t2|flair|seg|gtv)", re.IGNORECASE)
_REFERENCES = ("seg", "gtv")
_TIME_POINT = re.compile(r"-[0-9]{3}$")
_LABELS = {
    "PED": {1: "ET", 2: "NETC", 3: "CC", 4: "ED"},
    "RT": {1: "GTV"},
    "": {1: "NETC", 2: "SNFH", 3: "ET", 4: "RC"},
}
"""By the task in a subject's name; the last of all that are not named."""


def find_brats(folder: Path) -> Source:
    """The subjects of a BraTS folder, at any depth.

    All must have the same channels. Time points of one patient, `-000` and `-001`, are one group.
    """
    subjects: dict[str, dict[str, Path]] = defaultdict(dict)
    findings: list[Finding] = []
    for file in files_below(folder):
        match = _NAME.fullmatch(stem_of(file))
        if match is None or not file.name.lower().endswith(SUFFIXES):
            findings.append(left_over(file, "not named ID-CHANNEL, nor ID-seg"))
            continue
        subject, role = match[1], match[2].lower()
        role = "seg" if role in _REFERENCES else role
        if role in subjects[subject]:
            expected = f"one; {subjects[subject][role]} is there too"
            findings.append(problem(file, f"a second {role} of {subject}", expected))
        subjects[subject].setdefault(role, file)
    channels = tuple(sorted({role for files in subjects.values() for role in files} - {"seg"}))
    cases = []
    answered = any("seg" in files for files in subjects.values())
    for subject, files in sorted(subjects.items()):
        missing = [role for role in (*channels, "seg") if role not in files]
        if missing == ["seg"] and not answered:
            findings.append(left_over(min(files.values()), "no subject has a reference"))
        elif missing:
            expected = f"{', '.join(channels)} and seg, as others have"
            fault = f"no {', '.join(missing)} of {subject}"
            findings.append(problem(min(files.values()).parent, fault, expected))
        else:
            cases.append(
                SourceCase(
                    identifier=subject,
                    images=tuple(files[channel] for channel in channels),
                    reference=files["seg"],
                    channels=channels,
                    modality="MR",
                    label_names=next(n for task, n in _LABELS.items() if f"-{task}" in subject),
                    group=_TIME_POINT.sub("", subject),
                )
            )
    if not subjects:
        findings.append(
            problem(folder, "no subjects", "folders of ID-t1c.nii.gz and ID-seg.nii.gz")
        )
    return Source(cases=tuple(cases), findings=tuple(findings))
