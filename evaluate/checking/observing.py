"""A sandbox that looks on: it runs nothing itself, and notes what the run's record does not keep.

What a container leaves beside its answer is gone with its folders; a team wants to know of it.
"""

import hashlib
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from data_manifest.layouts import open_regular_file
from data_manifest.layouts.npz import NpzError, array_headers
from evaluate.facts.rules import Limits
from evaluate.sandbox import Execution, Image, Job, Sandbox

__all__ = ["ArrayFacts", "Observation", "ObservingSandbox"]

_MOST_NAMES = 50
_CHUNK = 2**20
_LARGEST_SEEN = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFacts:
    """Name, shape and type of an array in an output, by its header."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One execution, seen from outside.

    Attributes:
        case: the case's identifier.
        execution: what the sandbox reported.
        files: names in the outputs folder afterwards, sorted.
        arrays: of an npz of the case's name, by headers alone; None if there is no such file.
        inputs_changed: whether the inputs folder is not what it was.
    """

    case: str
    execution: Execution
    files: tuple[str, ...]
    arrays: tuple[ArrayFacts, ...] | None
    inputs_changed: bool


class ObservingSandbox:
    """Hands everything to another sandbox; see `evaluate.sandbox.Sandbox`.

    Args:
        sandbox: the one that runs.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.observations: list[Observation] = []
        self.image: Image | None = None

    @property
    def name(self) -> str:
        """Of the sandbox that runs."""
        return self._sandbox.name

    @property
    def isolated(self) -> bool:
        """Of the sandbox that runs."""
        return self._sandbox.isolated

    def describe(self) -> dict[str, Any]:
        """See `Sandbox.describe`."""
        return self._sandbox.describe()

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        """See `Sandbox.prepare`."""
        self.image = self._sandbox.prepare(reference, limits=limits)
        return self.image

    def run(self, image: Image, job: Job) -> Execution:
        """See `Sandbox.run`."""
        before = _digest(job.inputs)
        execution = self._sandbox.run(image, job)
        (case,) = (name.removesuffix(".npz") for name, _ in before)
        self.observations.append(
            Observation(
                case=case,
                execution=execution,
                files=_names(job.outputs),
                arrays=_arrays(job.outputs / f"{case}.npz"),
                inputs_changed=_digest(job.inputs) != before,
            )
        )
        return execution

    def release(self, image: Image) -> None:
        """See `Sandbox.release`."""
        self._sandbox.release(image)

    def close(self) -> None:
        """Nothing: the sandbox belongs to who opened it."""


def _digest(folder: Path) -> list[tuple[str, str]]:
    """Names and SHA-256 of a folder's ordinary files; nothing is followed."""
    found = []
    for name in _names(folder):
        stream = open_regular_file(folder / name)
        if stream is None:
            found.append((name, ""))
            continue
        with stream:
            digest = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
            found.append((name, digest.hexdigest()))
    return found


def _arrays(path: Path) -> tuple[ArrayFacts, ...] | None:
    """What an npz says it holds; None if it is none, or not to be opened."""
    stream = open_regular_file(path)
    if stream is None:
        return None
    with stream:
        if os.fstat(stream.fileno()).st_size > _LARGEST_SEEN:
            return None
        try:
            headers = array_headers(stream)
        except NpzError:
            return None
    return tuple(
        ArrayFacts(name=name, shape=header.shape, dtype=str(header.dtype))
        for name, header in sorted(headers.items())[:_MOST_NAMES]
    )


def _names(folder: Path) -> tuple[str, ...]:
    """Names in a folder, sorted, so many at most as the system gives first."""
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(entry.name for entry in islice(entries, _MOST_NAMES)))
    except OSError:
        return ()  # the participant may have closed the folder even to us
