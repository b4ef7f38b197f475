"""`segjudge export codabench`: a bundle to upload, and the image that it names."""

import io
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageDraw

from data_manifest.layouts.blank_masks import write_blank_mask
from evaluate.exporting.board_columns import board_columns
from evaluate.exporting.exported_files import (
    as_yaml,
    filled,
    references_of,
    start_export,
    write_image,
    write_zip,
)
from evaluate.facts.rules import Rules

_TIME_LIMIT_S = 3600


def export_codabench(
    out: Path, *, protocol: Rules, references: Path, image: str, now: datetime
) -> None:
    """Write bundle.zip, the image's folder and a README into a new folder.

    The image is named as in a registry that Codabench reaches; the phase opens now, in UTC.

    Raises:
        UsageError: the folder exists, there are no references, or segjudge can't be packed.
    """
    known = references_of(references, protocol)
    start_export(out)
    write_image(out / "image", protocol=protocol, user="root", entry="")
    bundle = out / "bundle"
    bundle.mkdir()
    stored = ((path.relative_to(references).as_posix(), path) for path in known.values())
    write_zip(bundle / "reference_data.zip", stored)
    for case, path in known.items():
        mask = out / "empty-masks" / protocol.output.name(case)
        write_blank_mask(mask, path, protocol.output)
    _zip_folder(out / "empty-masks", bundle / "solution.zip")
    program: dict[str, Path | str] = {
        "metadata.yaml": "command: python3 /app/program/score.py /app/input /app/output\n",
        "score.py": filled("score.py.txt", {}),
        "protocol.json": out / "image" / "protocol.json",
    }
    write_zip(bundle / "scoring_program.zip", program.items())
    for name, text in _pages(protocol, len(known)).items():
        (bundle / name).write_text(text, encoding="utf-8")
    (bundle / "logo.png").write_bytes(_logo(protocol.name))
    competition = as_yaml(_competition(protocol, image=image, now=now))
    (bundle / "competition.yaml").write_text(competition, encoding="utf-8")
    _zip_folder(bundle, out / "bundle.zip")
    values = {"IMAGE": image, "TITLE": protocol.title, "NAME": protocol.name}
    (out / "README.md").write_text(filled("codabench.md", values), encoding="utf-8")


def _zip_folder(folder: Path, path: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    write_zip(path, ((file.relative_to(folder).as_posix(), file) for file in files))


def _competition(protocol: Rules, *, image: str, now: datetime) -> dict[str, object]:
    """competition.yaml, of Codabench's version 2."""
    columns = [
        {
            "title": column.title,
            "key": column.key,
            "index": index,
            "sorting": column.sorting,
            "precision": column.digits,
        }
        for index, column in enumerate(board_columns(protocol))
    ]
    task = {
        "index": 0,
        "name": protocol.title,
        "description": "Masks are scored by segjudge",
        "scoring_program": "scoring_program.zip",
        "reference_data": "reference_data.zip",
    }
    phase = {
        "index": 0,
        "name": "Test",
        "description": "Hand in masks of all cases",
        "start": now.strftime("%Y-%m-%d %H:%M:%S"),
        "tasks": [0],
        "execution_time_limit": _TIME_LIMIT_S,
        "max_submissions_per_day": 5,
        "max_submissions": 100,
        "accepts_only_result_submissions": True,
    }
    board = {
        "title": "Results",
        "key": "main",
        "submission_rule": "Add_And_Delete",
        "columns": columns,
    }
    return {
        "version": 2,
        "title": protocol.title,
        "description": " ".join(protocol.description.split()),
        "image": "logo.png",
        "terms": "terms.md",
        "docker_image": image,
        "enable_detailed_results": True,
        "registration_auto_approve": False,
        "pages": [
            {"title": "Overview", "file": "overview.md"},
            {"title": "Evaluation", "file": "evaluation.md"},
        ],
        "tasks": [task],
        "solutions": [{"index": 0, "tasks": [0], "path": "solution.zip", "name": "Empty masks"}],
        "phases": [phase],
        "leaderboards": [board],
    }


def _pages(protocol: Rules, cases: int) -> dict[str, str]:
    metrics = [protocol.scoring.definition(name) for name in protocol.scoring.case_names]
    rows = "".join(
        f"| {m.title} | {m.definition} | {m.direction} values are better |\n" for m in metrics if m
    )
    traps = "".join(f"- {trap}\n" for trap in protocol.traps)
    values = {
        "TITLE": protocol.title,
        "DESCRIPTION": " ".join(protocol.description.split()),
        "CASES": str(cases),
        "FILE": protocol.output.path,
        "FORMAT": protocol.output.format,
        "KEY": f", the mask under the key `{protocol.output.key}`" if protocol.output.key else "",
        "METRICS": rows,
        "TRAPS": f"\nWhat these rules repeat of a published script:\n\n{traps}" if traps else "",
    }
    return {name: filled(name, values) for name in ("overview.md", "evaluation.md", "terms.md")}


def _logo(name: str) -> bytes:
    """The challenge's name on a plain square; an organiser will want another."""
    picture = Image.new("RGB", (300, 300), "#1f4e79")
    ImageDraw.Draw(picture).text((20, 135), name[:24], fill="white", font_size=24)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
