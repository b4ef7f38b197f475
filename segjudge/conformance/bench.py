"""A bench for the sandbox's tests: runs a few lines of code under chosen limits."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Execution, Image, Job, Sandbox

# Where the command finds its folders: by the protocol's paths, or by the local sandbox's variables.
_PREAMBLE = """
import os, signal, subprocess, sys, time
inputs = os.environ.get("SEGJUDGE_INPUTS", "/workspace/inputs")
outputs = os.environ.get("SEGJUDGE_OUTPUTS", "/workspace/outputs")
"""


@dataclass
class Bench:
    """A sandbox with one image of it, and folders for jobs.

    Attributes:
        sandbox: the adapter.
        image: what its jobs run in; has /bin/sh and python3.
        folder: for the jobs' folders.
        give_up: called with the reason where this machine can't measure closely enough.
        jobs: folders of the jobs so far.
    """

    sandbox: Sandbox
    image: Image
    folder: Path
    give_up: Callable[[str], object] = pytest.skip
    jobs: list[Path] = field(default_factory=list)

    def job(self, command: tuple[str, ...], **limits: Any) -> Job:
        """A job with an input file `case.npz` and fresh folders."""
        folder = self.folder / f"job{len(self.jobs)}"
        self.jobs.append(folder)
        inputs, outputs = folder / "inputs", folder / "outputs"
        inputs.mkdir(parents=True)
        outputs.mkdir()
        (inputs / "case.npz").write_bytes(b"the case")
        return Job(
            command=command,
            inputs=inputs,
            outputs=outputs,
            container_inputs="/workspace/inputs",
            container_outputs="/workspace/outputs",
            limits=Limits(**{"timeout_s": 20.0, "memory_mib": 512, **limits}),
        )

    def run(self, *command: str, image: Image | None = None, **limits: Any) -> Execution:
        """Run an argument vector."""
        return self.sandbox.run(image or self.image, self.job(command, **limits))

    def python(self, code: str, **limits: Any) -> Execution:
        """Run Python code, in which `inputs`, `outputs` and the usual modules are there."""
        return self.run("python3", "-c", _PREAMBLE + textwrap.dedent(code), **limits)

    def need_exact(self, ended: Execution) -> None:
        """The engine's own statistics come once a second: too seldom for these short commands."""
        if ended.measured_by == "stats":
            self.give_up("the engine's samples remain")

    @property
    def outputs(self) -> Path:
        """Outputs of the last job."""
        return self.jobs[-1] / "outputs"
