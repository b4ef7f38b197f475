"""Gives the folders of a job to the container's user."""

import os

from evaluate.sandbox.policy import EngineFacts, container_user
from evaluate.sandbox.port import Job, SandboxError


def hand_over(job: Job, engine: EngineFacts) -> None:
    """Let the container's user read its inputs and write its outputs, and nobody else."""
    if not job.inputs.is_dir():  # Podman would make it
        raise FileNotFoundError(f"there is no {job.inputs}")
    uid, gid = container_user(engine)
    if engine.uid != 0 or engine.rootless:
        return  # it is our own user
    os.chown(job.outputs, uid, gid)
    os.chown(job.inputs, uid, gid)
    for path in sorted(job.inputs.rglob("*")):
        status = path.lstat()
        if status.st_nlink == 1 or path.is_dir():
            os.chown(path, uid, gid, follow_symlinks=False)
        elif not status.st_mode & 0o004:
            raise SandboxError(
                where=str(path),
                found="can't be read by the container's user, and is linked elsewhere",
                expected="a copy made for this job",
            )
