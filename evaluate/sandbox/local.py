"""Runs submissions as plain subprocesses: the default where there is no engine, and no isolation.

It keeps the contract (one case at a time, time, memory and size limits, nothing kept between runs)
for code that one trusts, such as the shipped participants. It contains nobody.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import psutil

from evaluate.facts.errors import SubmissionError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox.case_folders import copy_folder, folder_digest
from evaluate.sandbox.dockerfiles import entry_point
from evaluate.sandbox.local_run import _MIB, MARK, NOT_ENFORCED, LocalRun
from evaluate.sandbox.measurement import (
    Gpus,
    delegated,
    kill_marked,
)
from evaluate.sandbox.models import parted, with_model
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.port import Execution, Image, ImageProblem, Job, SandboxError, refused


class LocalSandbox:
    """The adapter without isolation: a submission is a folder with `predict.sh`."""

    name = "local"
    isolated = False

    def __init__(
        self, *, scratch: Path, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._environment = environment
        self._scratch = scratch
        self._owner = Owner.current().token
        self._delegation = delegated(self._owner)
        for left in scratch.glob("local_*"):
            owner = Owner.parse(left.name.removeprefix("local_").partition("-")[0])
            if owner is not None and owner.is_gone():
                kill_marked(f"{MARK}={left.name}")
                shutil.rmtree(left, ignore_errors=True)

    @cached_property
    def _gpus(self) -> Gpus:
        return Gpus.open(self._environment)

    def describe(self) -> dict[str, object]:
        """See `Sandbox.describe`."""
        return {
            "name": self.name,
            "isolated": self.isolated,
            "python": sys.version.split()[0],
            "cpus": os.cpu_count() or 1,
            "memory_mib": psutil.virtual_memory().total // _MIB,
            "not_enforced": list(NOT_ENFORCED),
        }

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        """See `Sandbox.prepare`. The folder is copied for each run, and left as it is."""
        folder = Path(parted(reference)[0])
        if folder.is_file():
            raise ImageProblem(
                f"{reference} is a file; an archive needs a container engine (`segjudge doctor`), "
                "the local sandbox runs a folder with predict.sh"
            )
        if not folder.is_dir():
            raise SubmissionError(
                where=reference,
                found="no such folder",
                expected="a folder with predict.sh; images need a container engine",
                mend="`segjudge doctor` says what is here",
            )
        if not (folder / "predict.sh").is_file() and not entry_point(folder).starts_itself:
            raise ImageProblem(f"{folder} has no predict.sh, which is what is run")
        digest = f"sha256:{folder_digest(folder)}"
        image = Image(
            reference=reference, digest=digest, kind="folder", handle=str(folder), details={}
        )
        return with_model(image, reference)

    def release(self, image: Image) -> None:
        """See `Sandbox.release`: the folder is the user's, and was never changed."""

    def close(self) -> None:
        """See `Sandbox.close`: every run has removed its own copy."""

    def run(self, image: Image, job: Job) -> Execution:
        """See `Sandbox.run`. An image's own entry point is what the Dockerfile says."""
        command = job.called(str(job.inputs), str(job.outputs))
        if job.own_entry:
            command = entry_point(Path(image.handle)).called(command)
        if not command:
            return refused("the Dockerfile has neither ENTRYPOINT nor CMD: nothing to start")
        try:
            for folder in (job.inputs, job.outputs):
                folder.stat()
            share = self._gpus.share(job.limits.gpus) if job.limits.gpus else nullcontext()
            with (
                share as gpu,
                tempfile.TemporaryDirectory(
                    prefix=f"local_{self._owner}-", dir=self._scratch, ignore_cleanup_errors=True
                ) as name,
            ):
                home = Path(name)
                (home / "tmp").mkdir()
                copy_folder(Path(image.handle), home / "work")
                run = LocalRun(job, home, _with_shell(command), image.model, gpu)
                with self._delegation.group() if self._delegation else nullcontext() as group:
                    return run.execute(group)
        except OSError as error:
            raise SandboxError(
                where=f"local sandbox in {self._scratch}",
                found=f"failed: {error}",
                mend="see that the disk has room, then run again: finished cases are kept",
            ) from error


def _with_shell(command: tuple[str, ...]) -> list[str]:
    """A command; where the host keeps its shell elsewhere, with that shell."""
    program, *arguments = command
    if program.startswith("/") and not Path(program).exists():
        program = shutil.which(Path(program).name) or program
    return [program, *arguments]
