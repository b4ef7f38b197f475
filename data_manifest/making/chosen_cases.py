"""Which of a layout's cases and channels are taken, and what a caller says of them himself."""

import re
from collections.abc import Sequence
from dataclasses import replace

from data_manifest.findings import Finding
from data_manifest.making.image_pairs import Pair
from data_manifest.making.source_layouts.source import Source, SourceCase, problem


def chosen(
    source: Source,
    *,
    channels: Sequence[str] = (),
    folds: Sequence[str] = (),
    modality: str = "",
    group: re.Pattern[str] | None = None,
) -> Source:
    """The same source with these channels, in this order, and the cases of these folds.

    Args:
        source: what was found.
        channels: by their names; none for all of them.
        folds: none for all of them.
        modality: of all cases, whatever their channels' names tell.
        group: what it finds at the start of a case's name is the case's group.
    """
    findings: list[Finding] = list(source.findings)
    cases = []
    for case in source.cases:
        if folds and case.fold not in folds:
            continue
        names = [name.casefold() for name in case.channels]
        missing = [name for name in channels if name.casefold() not in names]
        together = bool(channels) and len(case.images) < len(case.channels)
        if missing or together:
            has = ", ".join(case.channels) or "one without a name"
            fault = "channels that lie in one file" if together else f"no channel {missing[0]}"
            findings.append(problem(case.images[0], fault, f"some of {has}, a file each"))
            continue
        if channels:
            at = [names.index(name.casefold()) for name in channels]
            case = replace(
                case,
                images=tuple(case.images[index] for index in at),
                channels=tuple(case.channels[index] for index in at),
            )
        match = group.match(case.identifier) if group else None
        if group and not match:
            findings.append(
                problem(case.images[0], f"{case.identifier} has no group", f"`{group.pattern}`")
            )
        cases.append(
            replace(
                case,
                modality=modality or case.modality,
                group=match[match.re.groups and 1] if match else case.group,
            )
        )
    if folds and not cases:
        known = ", ".join(sorted({case.fold for case in source.cases} - {""})) or "no folds"
        findings.append(problem("--fold", ", ".join(folds), known))
    return replace(source, cases=tuple(cases), findings=tuple(findings))


def as_pairs(cases: Sequence[SourceCase]) -> tuple[list[Pair], list[Finding]]:
    """Cases of one image each as pairs, and what is wrong with the others."""
    several = [case for case in cases if len(case.images) > 1 or len(case.channels) > 1]
    return [
        Pair(
            image=case.images[0],
            reference=case.reference,
            modality=case.modality,
            identifier=None,
            label_names=case.label_names,
            licence=case.licence,
            source=case.reference.name,
            group=case.group,
            fold=case.fold,
        )
        for case in cases
    ], [
        problem(case.images[0], f"{len(case.channels)} channels", "one: `--channels NAME`")
        for case in several
    ]


def as_source(pairs: Sequence[Pair]) -> Source:
    """Pairs as the cases that they are; one without an identifier has its file's name."""
    cases = [
        SourceCase(
            identifier=pair.identifier or pair.name,
            images=(pair.image,),
            reference=pair.reference,
            modality=pair.modality,
            label_names=pair.label_names,
            licence=pair.licence,
            group=pair.group,
            fold=pair.fold,
        )
        for pair in pairs
    ]
    return Source(cases=tuple(cases))
