"""`segjudge export grand-challenge`: an evaluation image, its ground truth, and a test of both."""

import json
import tarfile
from pathlib import Path

import msgspec

from data_manifest.layouts import PLATFORM_MASK
from data_manifest.layouts.blank_masks import write_blank_mask
from evaluate.exporting.board_columns import board_columns
from evaluate.exporting.exported_files import (
    copy_references,
    filled,
    references_of,
    start_export,
    write_image,
    write_script,
)
from evaluate.facts.rules import Rules

_TRIED = 3
"""Cases of the test; the others of the ground truth fail in it."""


def export_grand_challenge(
    out: Path, *, protocol: Rules, references: Path, socket_in: str, socket_out: str
) -> None:
    """Write the evaluation's image, tarball, scripts and README into a new folder.

    Args:
        out: the folder.
        protocol: the rules; masks are MetaImage files there, whatever its output says.
        references: folder of references.
        socket_in: slug of the algorithm's input whose image's name is the case's.
        socket_out: slug of the output with the mask.

    Raises:
        UsageError: the folder exists, there are no references, or segjudge can't be packed.
    """
    known = references_of(references, protocol)
    masks = msgspec.structs.replace(
        PLATFORM_MASK, grid=protocol.output.grid, fractions=protocol.output.fractions
    )
    rules = msgspec.structs.replace(protocol, output=masks)
    start_export(out)
    write_image(out, protocol=rules, user="10001", entry="grand_challenge")
    sockets = {"input": socket_in, "output": socket_out}
    (out / "sockets.json").write_text(json.dumps(sockets) + "\n", encoding="utf-8")
    with (out / "Dockerfile").open("a", encoding="utf-8") as stream:
        stream.write("COPY sockets.json /opt/app/sockets.json\n")
    copy_references(known, references, out / "ground_truth")
    with tarfile.open(out / "ground_truth.tar.gz", "w:gz") as archive:
        archive.add(out / "ground_truth", arcname=".")
    (out / ".dockerignore").write_text("ground_truth*\ntest\n", encoding="utf-8")
    _write_test(out / "test" / "input", known, rules, socket_in=socket_in, socket_out=socket_out)
    image = f"segjudge-{protocol.name}"
    values = {
        "IMAGE": image,
        "TITLE": protocol.title,
        "PATHS": "".join(
            f"| `aggregates.{column.key}` | {column.title} | {column.sorting} |\n"
            for column in board_columns(rules)
        ),
        "IN": socket_in,
        "OUT": socket_out,
    }
    for script in ("do_build.sh", "do_test_run.sh", "do_save.sh"):
        write_script(out / script, filled(script, values))
    (out / "README.md").write_text(filled("grand_challenge.md", values), encoding="utf-8")


def _write_test(
    folder: Path, known: dict[str, Path], rules: Rules, *, socket_in: str, socket_out: str
) -> None:
    """What the platform would mount: some jobs with empty masks."""
    jobs = []
    for number, (case, reference) in enumerate(sorted(known.items())[:_TRIED]):
        pk = f"job-{number}"
        place = f"images/{socket_out}"
        mask = folder / pk / "output" / place / f"mask-{number}{rules.output.suffix}"
        write_blank_mask(mask, reference, rules.output)
        jobs.append(
            {
                "pk": pk,
                "status": "Succeeded",
                "inputs": [
                    {
                        "interface": {"slug": socket_in, "relative_path": f"images/{socket_in}"},
                        "image": {"name": f"{case}{rules.output.suffix}"},
                    }
                ],
                "outputs": [
                    {
                        "interface": {"slug": socket_out, "relative_path": place},
                        "image": {"name": mask.name},
                    }
                ],
            }
        )
    (folder / "predictions.json").write_text(json.dumps(jobs, indent=1) + "\n", encoding="utf-8")
