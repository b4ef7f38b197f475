"""CVPR 2025's interactive track: imgs/NAME.npz, and gts/NAME.npz for the reference."""

from pathlib import Path

from data_manifest.making.source_layouts.source import Source, SourceCase, left_over, problem
from data_manifest.naming import parse_case_name


def find_cvpr(folder: Path) -> Source:
    """The cases of imgs/ and gts/."""
    images, references = (
        {file.name: file for file in sorted((folder / part).glob("*.npz"))}
        for part in ("imgs", "gts")
    )
    findings = [
        problem(file, "an image without a reference", f"one of its name in {folder / 'gts'}")
        for name, file in images.items()
        if name not in references
    ]
    findings += [
        left_over(file, "a reference of no image")
        for name, file in references.items()
        if name not in images
    ]
    if not images:
        findings.append(problem(folder / "imgs", "no npz", "the cases"))
    cases = [
        SourceCase(
            identifier=file.stem,
            images=(file,),
            reference=references[name],
            modality=parse_case_name(name).modality,
        )
        for name, file in images.items()
        if name in references
    ]
    return Source(cases=tuple(cases), findings=tuple(findings))
