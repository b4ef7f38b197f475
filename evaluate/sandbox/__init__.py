"""Runs strangers' code: one port, two adapters (Docker or Podman hold it, `local` does not)."""

from evaluate.sandbox.choice import open_sandbox
from evaluate.sandbox.measurement import Sample
from evaluate.sandbox.port import (
    Ending,
    Execution,
    Image,
    ImageProblem,
    Job,
    Sandbox,
    SandboxError,
    lacking,
)
from evaluate.sandbox.surroundings import Covered

__all__ = [
    "Covered",
    "Ending",
    "Execution",
    "Image",
    "ImageProblem",
    "Job",
    "Sample",
    "Sandbox",
    "SandboxError",
    "lacking",
    "open_sandbox",
]
