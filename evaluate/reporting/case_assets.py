"""One case as small image files: slices, thumbnail, the reference, and each team's differences.

Masks are images with one colour channel a meaning (red: agreement, green: false positives, blue:
false negatives; a voxel with another label than the reference's is both of the last two). The page
paints them with filters, so one file a team gives its prediction, its errors and the outlines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_manifest.layouts import BadPrediction, OutputFile, read_prediction
from data_manifest.manifest import Case
from data_manifest.prompts import Prompts
from evaluate.facts.rules import Rules
from evaluate.reporting.case_files import Unreadable, read_case_files, row_height, window_around
from evaluate.reporting.case_views import (
    AGREE,
    LONGEST,
    CaseView,
    Labels,
    as_png,
    differences,
    file_number,
    mask_of_each,
    shown_slices,
)
from evaluate.reporting.case_volumes import VolumeView
from evaluate.reporting.told_pictures import dotted_slices, told_picture
from evaluate.running.conversation import Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseJob:
    """What one case's files are made from; plain data, for another process.

    Attributes:
        case: its entry in the manifest.
        data_root: folder of the data set.
        predictions: by the team's number, the file that it left; teams without one are not in it.
        output: the protocol's, which says what a prediction file is.
        max_bytes: the largest prediction that is read.
        most_slices: of a volume.
        regions: that can be looked at alone, by their labels; all labels together always can.
        rounds: of a protocol with rounds, by the team's number, the files of all its rounds.
        rules: of such a protocol, by which prompts are made again as they were.
        has_volumes: whether a volume's files for three planes are made too.
    """

    case: Case
    data_root: Path
    predictions: Mapping[int, Path]
    output: OutputFile
    max_bytes: int
    most_slices: int
    regions: tuple[tuple[int, ...], ...] = ()
    rounds: Mapping[int, Mapping[int, Path]] = field(default_factory=dict)
    rules: Rules | None = None
    has_volumes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAssets:
    """One case's files, and what a page must know of them.

    Attributes:
        files: by name; empty where there is no picture.
        problem: why there is no picture; empty if there is one.
        slices: which of a volume's are in the files, from 0; a single 0 for a 2D image.
        depth: how many the volume has; 1 for a 2D image.
        columns: of one slice in the files.
        rows: of one slice in the files.
        aspect: width over height as it is to be shown.
        is_cut: whether only the part around the objects is shown.
        outside: by the team's number, the share of its prediction that is not in the files.
        problems: by the team's number, why its mask can't be shown.
        is_told: whether `told.svg` shows the prompts that all teams got.
        rounds: by the team's number, the rounds of which `TEAM.rK.png` is the mask; of a protocol
            with rounds there is `TEAM.rK.svg` too, of what the container was told.
        told: by the team's number and the round, where there is that: the slices with dots.
        steps: in `volume.js`, `volume-reference.js` and `volume-N.js`, every so manieth slice, row
            and column; None where there are none.
    """

    files: Mapping[str, bytes]
    problem: str
    slices: tuple[int, ...] = (0,)
    depth: int = 1
    columns: int = 0
    rows: int = 0
    aspect: float = 1.0
    is_cut: bool = False
    outside: Mapping[int, float]
    problems: Mapping[int, str]
    is_told: bool = False
    rounds: Mapping[int, Sequence[int]] = field(default_factory=dict)
    told: Mapping[int, Mapping[int, Sequence[int]]] = field(default_factory=dict)
    steps: tuple[int, int, int] | None = None


def undrawn(problem: str) -> CaseAssets:
    """A case without a picture."""
    return CaseAssets(files={}, problem=problem, outside={}, problems={})


def draw_assets(job: CaseJob) -> CaseAssets:
    """Make one case's files; the same files in give the same bytes out.

    Slices lie below one another in one image a kind: `image.webp` and, of further channels,
    `image-1.webp` and so on, `reference.png`, and `N.png` for team number N; of the Kth region
    alone, `reference-K.png` and `N-K.png`. `thumbnail.webp` is the slice with the largest reference
    area.
    """
    case_files = read_case_files(job.data_root, job.case)
    if isinstance(case_files, Unreadable):
        return undrawn(case_files.reason)
    image, labels, prompts = (
        case_files.inputs.image,
        case_files.reference.labels,
        case_files.inputs.prompts,
    )
    shape = labels.shape
    images = [image, *case_files.inputs.further]
    if labels.ndim == 2:
        images, labels = [image[np.newaxis] for image in images], labels[np.newaxis]
    asked = [shape for kind in prompts for shape in kind.shapes()]
    view = CaseView(
        window=window_around(labels.max(axis=0) > 0, asked),
        slices=shown_slices(
            labels, [i for kind in prompts for i in kind.slices()], job.most_slices
        ),
        longest=LONGEST[len(shape)],
    )
    reference = view.mask(labels)
    files = {
        f"image{file_number(channel)}.webp": view.picture(image)
        for channel, image in enumerate(images)
    }
    files["thumbnail.webp"] = view.thumbnail(images[0], labels)
    wanted = mask_of_each(reference, job.regions)
    for region, there in enumerate(wanted):
        files[f"reference{file_number(region)}.png"] = as_png(np.where(there > 0, AGREE, 0))
    volumes = None
    if job.has_volumes and len(shape) == 3:
        volumes = VolumeView(
            window=view.window,
            first=view.slices[0],
            last=view.slices[-1],
            spacing_mm=job.case.spacing_mm,
            affine=case_files.reference.affine,
        )
        files["volume.js"] = volumes.script(image)
        files["volume-reference.js"] = volumes.script(labels)
    outside, problems = {}, {}
    for number, path in job.predictions.items():
        prediction = _read(job, path)
        if isinstance(prediction, BadPrediction):
            problems[number] = prediction.reason
            continue
        prediction = prediction.reshape(labels.shape)
        given = mask_of_each(view.mask(prediction), job.regions)
        for region, pair in enumerate(zip(wanted, given, strict=True)):
            files[f"{number}{file_number(region)}.png"] = as_png(differences(*pair))
        if volumes:
            files[f"volume-{number}.js"] = volumes.script(prediction)
        outside[number] = view.share_outside(prediction)
    is_told = not job.rounds and bool(prompts)
    if is_told:
        files["told.svg"] = told_picture(prompts, view.window, view.slices)
    by_team = {
        team: _rounds_of(job, paths, prompts, view, wanted) for team, paths in job.rounds.items()
    }
    files |= {name: data for team, of in by_team.items() for name, data in _files_of(team, of)}
    rows, columns = view.size
    window = view.window
    return CaseAssets(
        files=files,
        problem="",
        slices=view.slices,
        depth=len(labels),
        columns=columns,
        rows=rows,
        aspect=window.columns / (window.rows * row_height(case_files.inputs.spacing_mm)),
        is_cut=(window.rows, window.columns) != labels.shape[1:],
        outside=outside,
        problems=problems,
        is_told=is_told,
        rounds={t: [n for n, one in of.items() if one.masks] for t, of in by_team.items()},
        told={t: {n: one.dotted for n, one in of.items()} for t, of in by_team.items()},
        steps=volumes.steps if volumes else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What a container was told, and its masks, none if it left none; the slices with dots."""

    told: bytes
    masks: Sequence[bytes]
    dotted: Sequence[int]


def _files_of(team: int, rounds: Mapping[int, _Round]) -> Iterator[tuple[str, bytes]]:
    for number, one in rounds.items():
        yield f"{team}.r{number}.svg", one.told
        for region, mask in enumerate(one.masks):
            yield f"{team}.r{number}{file_number(region)}.png", mask


def _rounds_of(
    job: CaseJob,
    paths: Mapping[int, Path],
    stored: Sequence[Prompts],
    view: "CaseView",
    wanted: Sequence[Labels],
) -> dict[int, _Round]:
    if job.rules is None:
        return {}
    drawn: dict[int, _Round] = {}
    talk = Conversation(job.rules, job.case, job.data_root)
    for number in job.rules.rounds.of(job.case):
        prompts = talk.prompts_of(number, stored)
        masks, path = [], paths.get(number)
        labels = None if path is None else _read(job, path)
        if labels is not None and not isinstance(labels, BadPrediction):
            talk.answered(labels)
            volume = labels.reshape((1,) * (3 - labels.ndim) + labels.shape)
            given = mask_of_each(view.mask(volume), job.regions)
            masks = [as_png(differences(*pair)) for pair in zip(wanted, given, strict=True)]
        drawn[number] = _Round(
            told=told_picture(prompts, view.window, view.slices),
            masks=masks,
            dotted=dotted_slices(prompts),
        )
        if not masks and job.rules.rounds.after_failure == "stop":
            break
    return drawn


def _read(job: CaseJob, path: Path) -> Labels | BadPrediction:
    return read_prediction(
        path,
        output=job.output,
        shape=job.case.shape,
        spacing_mm=job.case.spacing_mm,
        directions=job.case.directions,
        max_bytes=job.max_bytes,
    )
