"""Grand Challenge: images/SLUG/NAME.mha, or a folder a job with inputs.json; references by name."""

from collections import defaultdict
from pathlib import Path

import msgspec

from data_manifest.findings import Finding
from data_manifest.making.source_layouts.source import (
    Source,
    SourceCase,
    by_stem,
    files_below,
    left_over,
    modality_of,
    problem,
    read_json,
)
from data_manifest.making.volume_images import stem_of

_REFERENCES = ("ground_truth", "ground-truth", "labels", "references")


class _Interface(msgspec.Struct, frozen=True, kw_only=True):
    slug: str
    relative_path: str = ""


class _Image(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class _Input(msgspec.Struct, frozen=True, kw_only=True):
    interface: _Interface
    image: _Image | None = None


def find_grand_challenge(folder: Path) -> Source:
    """The cases of images/SLUG, a slug a channel, or of folders of jobs with their inputs.json.

    A job's images have made-up names; inputs.json tells their own, and names JSON files, which are
    the case's values. References lie in ground_truth,
    labels or references, under the images' names.

    Raises:
        ManifestError: an inputs.json can't be read.
    """
    findings: list[Finding] = []
    images: dict[str, dict[str, Path]] = defaultdict(dict)
    values: dict[str, dict[str, Path]] = defaultdict(dict)
    jobs = sorted(folder.glob("*/inputs.json"))
    for job in jobs:
        _of_job(job, images, values, findings)
    slugs = [] if jobs else sorted((folder / "images").glob("*/"))
    for slug in slugs:
        for stem, file in by_stem(files_below(slug), findings).items():
            images[stem][slug.name] = file
    tops = [folder / name for name in _REFERENCES if (folder / name).is_dir()]
    references = by_stem((file for top in tops for file in files_below(top)), findings)
    channels = tuple(sorted({slug for files in images.values() for slug in files}))
    cases = []
    for name, files in sorted(images.items()):
        missing = [slug for slug in channels if slug not in files]
        reference = references.pop(name, None)
        if missing:
            expected = "an image of each slug that others have"
            findings.append(problem(min(files.values()), f"no {missing[0]} of {name}", expected))
        elif reference is None:
            expected = f"{name} in {', '.join(_REFERENCES)}"
            findings.append(problem(min(files.values()), "an image without a reference", expected))
        else:
            cases.append(
                SourceCase(
                    identifier=name,
                    images=tuple(files[slug] for slug in channels),
                    reference=reference,
                    channels=channels,
                    values=values[name],
                    modality=modality_of(channels)
                    or modality_of(s.split("-")[0] for s in channels),
                )
            )
    findings += [left_over(file, "a reference of no image") for file in references.values()]
    if not cases and not findings:
        findings.append(problem(folder, "no cases", "images/SLUG, or folders with inputs.json"))
    return Source(cases=tuple(cases), findings=tuple(findings))


def _of_job(
    job: Path,
    images: dict[str, dict[str, Path]],
    values: dict[str, dict[str, Path]],
    findings: list[Finding],
) -> None:
    listed = read_json(job, tuple[_Input, ...], "a job's list of inputs")
    pictures = [entry for entry in listed if entry.image is not None]
    if not pictures or pictures[0].image is None:
        findings.append(left_over(job, "a job without an image"))
        return
    name = stem_of(Path(Path(pictures[0].image.name).name))
    for entry in listed:
        place = Path(entry.interface.relative_path)
        if entry.image is None and place.suffix == ".json":
            if place.name == str(place) and (job.parent / place).is_file():
                values[name][entry.interface.slug] = job.parent / place
            else:
                fault = f"no {place} beside it, which it names"
                findings.append(problem(job, fault, "the value's file"))
    for entry in pictures:
        slug = Path(entry.interface.relative_path or f"images/{entry.interface.slug}").name
        files = list(files_below(job.parent / "images" / slug))
        if len(files) != 1:
            fault = f"{len(files)} images in images/{slug}"
            findings.append(problem(job.parent, fault, "one a slug"))
        elif slug in images[name]:
            expected = f"names of their own; {images[name][slug]} has it too"
            findings.append(problem(files[0], f"a second {slug} of {name}", expected))
        else:
            images[name][slug] = files[0]
