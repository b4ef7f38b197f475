"""Writes image archives by hand, in the layouts that Docker and other tools save, honest or not.

From the OCI image specification and from what `docker save` of versions 20 and 25 was seen to
write; none of segjudge's own code is used.
"""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def architecture() -> str:
    """This machine's, as images name it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def shell_files() -> dict[str, bytes]:
    """This machine's /bin/sh with the libraries that it loads: a whole image of two megabytes."""
    listed = subprocess.run(
        ["ldd", "/bin/sh"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    return {path.lstrip("/"): Path(path).read_bytes() for path in ["/bin/sh", *libraries]}


def tar_of(files: dict[str, bytes], *, folders: dict[str, int] | None = None) -> bytes:
    """A tar file of folders (with their modes) and of executable files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, mode in (folders or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            archive.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class HandmadeImage:
    """One image: its layers as tar files, and what its Dockerfile would set."""

    layers: list[bytes]
    settings: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    machine: str = field(default_factory=architecture)

    @property
    def config(self) -> bytes:
        """The configuration, whose digest is the image's id."""
        diff_ids = [f"sha256:{_sha256(layer)}" for layer in self.layers]
        return json.dumps(
            {
                "architecture": self.machine,
                "os": "linux",
                "config": {"Env": ["PATH=/bin:/usr/bin"], **self.settings},
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        ).encode()

    @property
    def id(self) -> str:
        """The image's id in an engine."""
        return f"sha256:{_sha256(self.config)}"

    def members(self, layout: str) -> dict[str, bytes | str]:
        """What an archive of this layout holds: file contents, or `-> target` of a link."""
        return {"docker": self._docker, "docker25": self._docker25, "oci": self._oci}[layout]()

    def _docker(self) -> dict[str, bytes | str]:
        """Before version 25: a folder a layer; a layer that comes again is a link."""
        members: dict[str, bytes | str] = {}
        names, first = [], {}
        for number, layer in enumerate(self.layers):
            name = f"{number:064x}/layer.tar"
            members[name] = f"-> ../{first[layer]}" if layer in first else layer
            first.setdefault(layer, name)
            names.append(name)
        config = f"{_sha256(self.config)}.json"
        members[config] = self.config
        members["manifest.json"] = _manifest(config, self.tags, names)
        members["repositories"] = json.dumps(
            {tag.split(":")[0]: {tag.split(":")[1]: f"{0:064x}"} for tag in self.tags}
        ).encode()
        return members

    def _oci(self) -> dict[str, bytes | str]:
        """The OCI layout alone, with layers compressed, as tools other than Docker save."""
        blobs = [gzip.compress(layer, 1, mtime=0) for layer in self.layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor(self.config),
            "layers": [_descriptor(blob) for blob in blobs],
        }
        document = json.dumps(manifest).encode()
        entry = _descriptor(document)
        if self.tags:
            entry["annotations"] = {
                "io.containerd.image.name": f"docker.io/library/{self.tags[0]}",
                "org.opencontainers.image.ref.name": self.tags[0].split(":")[1],
            }
        index = {"schemaVersion": 2, "manifests": [entry]}
        members: dict[str, bytes | str] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
        members |= {_blob(data): data for data in (*blobs, self.config, document)}
        return members | {"index.json": json.dumps(index).encode()}

    def _docker25(self) -> dict[str, bytes | str]:
        """Since version 25: the OCI layout with plain layers, and a manifest.json beside it."""
        members = self._oci()
        members |= {_blob(layer): layer for layer in self.layers}
        layers = [_blob(layer) for layer in self.layers]
        return members | {"manifest.json": _manifest(_blob(self.config), self.tags, layers)}


def write_archive(path: Path, members: dict[str, bytes | str]) -> Path:
    """Write members as they come; compressed if the name ends in .gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    data = buffer.getvalue()
    path.write_bytes(gzip.compress(data, 1) if path.suffix in {".gz", ".tgz"} else data)
    return path


def _manifest(config: str, tags: list[str], layers: list[str]) -> bytes:
    return json.dumps([{"Config": config, "RepoTags": tags or None, "Layers": layers}]).encode()


def _descriptor(data: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{_sha256(data)}", "size": len(data)}


def _blob(data: bytes) -> str:
    return f"blobs/sha256/{_sha256(data)}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
