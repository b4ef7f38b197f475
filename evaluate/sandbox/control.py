"""Whose fault it is that the engine refuses a container: an experiment, not a reading of words.

The same container is made of an image with nothing in it. If the engine takes that one, the
team's image is why it has refused the other.
"""

import contextlib
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping

import docker
import requests

from evaluate.sandbox.containers import start_container
from evaluate.sandbox.policy import OWNER_LABEL, mounts_of
from evaluate.sandbox.surroundings import SCRATCH

_REPOSITORY = "segjudge/empty"
# What an engine says when its machine lacks something: never an image's fault.
_EXHAUSTED = (
    "no space left on device",
    "disk quota exceeded",
    "cannot allocate memory",
    "too many open files",
    "input/output error",
)


def is_exhausted(text: str) -> bool:
    """Whether an engine's message says that its own machine has run out of something."""
    return any(words in text.lower() for words in _EXHAUSTED)


class Control:
    """An empty image in the engine, made at the first need and removed by `close`."""

    def __init__(self, engine: docker.APIClient, *, owner: str, machine: tuple[str, str]) -> None:
        self._engine = engine
        self._owner = owner
        self._machine = machine
        self._tag = f"{_REPOSITORY}:{owner}"
        self._made = False
        self._lock = threading.Lock()

    def serves(self, options: Mapping[str, object], name: str) -> bool:
        """Whether the engine makes and starts such a container of the empty image.

        What comes of the image itself is left out of the options.
        """
        given = options.get("HostConfig")
        host: dict[str, object] = dict(given) if isinstance(given, dict) else {}
        host["Mounts"] = [mount for mount in mounts_of(options) if mount["Type"] == "bind"]
        pieces = host.get("Tmpfs")  # at the image's home as well
        host["Tmpfs"] = {SCRATCH: pieces[SCRATCH]} if isinstance(pieces, dict) else {}
        trial = {
            **options,
            "Image": self._tag,
            "Entrypoint": ["/nothing"],
            "Cmd": [],
            "WorkingDir": "/",
            "HostConfig": host,
            "Labels": {OWNER_LABEL: self._owner},
        }
        try:
            with self._lock:
                self._make()
            self._engine.create_container_from_config(trial, name)
            start_container(self._engine, name)
        except docker.errors.APIError as error:
            # There is no program in it to start: to be told so is to be served.
            text = str(error.explanation or error).lower()
            return "/nothing" in text and ("no such file" in text or "not found" in text)
        except (docker.errors.DockerException, requests.exceptions.RequestException):
            return False
        finally:
            with contextlib.suppress(
                docker.errors.DockerException, requests.exceptions.RequestException
            ):
                self._engine.remove_container(name, v=True, force=True)
        return True

    def has_init(self, name: str) -> bool:
        """Whether the engine has an init process for containers, of which Podman says nothing."""
        options = {"Image": self._tag, "Cmd": ["/nothing"], "Labels": {OWNER_LABEL: self._owner}}
        try:
            with self._lock:
                self._make()
            self._engine.create_container_from_config(
                {**options, "HostConfig": {"Init": True}}, name
            )
        except docker.errors.APIError:
            return False
        self._engine.remove_container(name, force=True)
        return True

    def close(self) -> None:
        """Remove the empty image."""
        if self._made:
            with contextlib.suppress(docker.errors.DockerException):
                self._engine.remove_image(self._tag)

    def _make(self) -> None:
        if not self._made:
            empty = image_archive(tar_of({}), self._machine, tag=self._tag)
            for _ in self._engine.load_image(empty):
                pass
            self._made = True


def image_archive(layer: bytes, machine: tuple[str, str], *, tag: str | None = None) -> bytes:
    """An archive of an image of one layer, as `docker save` writes it."""
    config = json.dumps(
        {
            "os": machine[0],
            "architecture": machine[1],
            "config": {},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
            },
        }
    )
    tags = [tag] if tag else None
    manifest = json.dumps([{"Config": "config.json", "RepoTags": tags, "Layers": ["layer.tar"]}])
    return tar_of(
        {"config.json": config.encode(), "layer.tar": layer, "manifest.json": manifest.encode()}
    )


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar file of files that everyone may read and execute."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
