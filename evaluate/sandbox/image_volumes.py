"""An image's VOLUMEs, and the places in them that something of ours is mounted at.

They are mounted read-only, so the engine can't make a mount point in one when the container starts:
it is made beforehand, in a container that is never started.
"""

import contextlib
import io
import tarfile
from typing import Any

import docker

from evaluate.sandbox.containers import refusals
from evaluate.sandbox.policy import OWNER_LABEL, image_volumes, mounted
from evaluate.sandbox.port import Image, Job
from evaluate.sandbox.surroundings import SCRATCH

# The engine's, and ours.
_FILES = ("/etc/group", "/etc/hostname", "/etc/hosts", "/etc/passwd", "/etc/resolv.conf")


def misplaced_volume(image: Image, job: Job) -> str:
    """Why no container of this image can be run, where a VOLUME is why; empty otherwise."""
    for path in image_volumes(image, job):
        for folder in mounted(job):
            if folder != SCRATCH and path.startswith(f"{folder}/"):
                return (
                    f"the image has a VOLUME {path}, inside of {folder}, which is mounted for every"
                    " case; remove the VOLUME from the Dockerfile"
                )
    return ""


class Volumes:
    """A context manager around a container's life: makes what lies in its volumes."""

    def __init__(
        self, engine: docker.APIClient, image: Image, job: Job, *, name: str, owner: str
    ) -> None:
        self._engine = engine
        self._image = image
        self._name = name
        self._owner = owner
        self._volumes = image_volumes(image, job)
        home = [image.around.home] if image.around.home_is_bare else []
        folders = (*mounted(job), *home, *self._volumes)  # of which one may lie in another
        places = [*((path, True) for path in folders), *((f, False) for f in _FILES)]
        self._places = [
            (path, folder)
            for path, folder in places
            if any(path.startswith(f"{volume}/") for volume in self._volumes)
        ]

    def __enter__(self) -> None:
        if not self._places:
            return
        seed = f"{self._name}_seed"
        labels = {OWNER_LABEL: self._owner}
        options = {
            "Image": self._image.handle,
            "Entrypoint": ["/"],
            "Cmd": [],
            "Labels": labels,
            "WorkingDir": "/",
            "HostConfig": {
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": f"{self._name}_{number}",
                        "Target": path,
                        "VolumeOptions": {"Labels": labels},
                    }
                    for number, path in enumerate(self._volumes)
                ]
            },
        }
        try:
            with refusals(options):
                self._engine.create_container_from_config(options, seed)
                self._engine.put_archive(seed, "/", _places(self._places))
        finally:
            with contextlib.suppress(docker.errors.NotFound):
                self._engine.remove_container(seed, v=True, force=True)

    def __exit__(self, *_: object) -> None:
        for number in range(len(self._volumes)):
            with contextlib.suppress(docker.errors.NotFound):
                self._engine.remove_volume(f"{self._name}_{number}")


def _places(places: list[tuple[str, bool]]) -> bytes:
    """A tar file of empty folders and files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, folder in places:
            info: Any = tarfile.TarInfo(path[1:])
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if folder else (tarfile.REGTYPE, 0o644)
            archive.addfile(info)
    return buffer.getvalue()
