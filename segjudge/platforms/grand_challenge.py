"""Grand Challenge's evaluation: /input/predictions.json to /output/metrics.json.

A job is matched with its case by the name of its input image; the files have random names.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from evaluate.documents.tables import write_json
from evaluate.facts.errors import UsageError
from segjudge.platforms.handed_in import aggregates, rules_in, score_handed_in, told


class _Lenient(msgspec.Struct, frozen=True, kw_only=True):
    """A part of predictions.json, which says more than is needed here."""


class _Socket(_Lenient, frozen=True, kw_only=True):
    slug: str
    relative_path: str = ""


class _NamedImage(_Lenient, frozen=True, kw_only=True):
    name: str


class _Value(_Lenient, frozen=True, kw_only=True):
    interface: _Socket | None = None
    socket: _Socket | None = None
    image: _NamedImage | None = None


class _Job(_Lenient, frozen=True, kw_only=True):
    pk: str
    status: str = "Succeeded"
    inputs: tuple[_Value, ...]
    outputs: tuple[_Value, ...]


def _value_of(values: tuple[_Value, ...], slug: str) -> tuple[_Socket, str] | None:
    for value in values:
        socket = value.socket or value.interface
        if socket is not None and socket.slug == slug:
            return socket, value.image.name if value.image else ""
    return None


def _bad(where: str, found: str, expected: str) -> UsageError:
    return UsageError(where=where, found=found, expected=expected)


def masks_of_jobs(given: Path, sockets: Mapping[str, str]) -> dict[str, Path]:
    """The mask of each job that has one, by case.

    Args:
        given: the folder with predictions.json and a folder a job.
        sockets: slugs of the `input` and the `output`.

    Raises:
        UsageError: predictions.json is not of the platform's form, or two jobs are of one case.
    """
    listed = given / "predictions.json"
    try:
        jobs = msgspec.json.decode(listed.read_bytes(), type=tuple[_Job, ...])
    except (OSError, msgspec.MsgspecError) as error:
        raise _bad(str(listed), f"can't be read: {error}", "a list of jobs") from error
    masks: dict[str, Path] = {}
    seen: set[str] = set()
    for job in jobs:
        source, target = (
            _value_of(values, sockets[name])
            for name, values in (("input", job.inputs), ("output", job.outputs))
        )
        if source is None:
            raise _bad(f"job {job.pk}", "no such input", f"an image in {sockets['input']}")
        case = PurePosixPath(source[1]).name.partition(".")[0]
        if case in seen:
            raise _bad(f"case {case}", "two jobs", "one job a case")
        seen.add(case)
        if job.status != "Succeeded" or target is None:
            continue
        folder = given / job.pk / "output" / target[0].relative_path
        if not folder.resolve().is_relative_to(given.resolve() / PurePosixPath(job.pk).name):
            raise _bad(f"job {job.pk}", target[0].relative_path, "a path in the job's own folder")
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        if len(files) == 1:
            masks[case] = files[0]
    return masks


def evaluate(given: Path, truth: Path, app: Path, out: Path, *, jobs: int | None) -> None:
    """Score all jobs and write metrics.json.

    Args:
        given: see `masks_of_jobs`.
        truth: folder of references.
        app: folder with the rules and the sockets.
        out: of metrics.json.
        jobs: processes at most.
    """
    rules = rules_in(app / "protocol.json")
    masks = masks_of_jobs(given, json.loads((app / "sockets.json").read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as scratch:
        for case, mask in masks.items():
            shutil.copyfile(mask, Path(scratch, rules.output.name(case)))
        made = score_handed_in(truth, Path(scratch), rules, jobs=jobs)
    results = [
        {"case": case.case, "outcome": str(case.outcome), "reason": case.reason}
        | {name: value for name, value in case.values.items() if value is not None}
        for case in made.scores.cases
    ]
    write_json(out / "metrics.json", {"results": results, "aggregates": aggregates(made)})


def main() -> int:
    """Evaluate at the platform's own paths."""
    most = os.environ.get("GRAND_CHALLENGE_MAX_WORKERS", "")
    truth = Path("/opt/ml/input/data/ground_truth")
    return told(
        lambda: evaluate(
            Path("/input"),
            truth,
            Path("/opt/app"),
            Path("/output"),
            jobs=int(most) if most.isdecimal() else None,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
