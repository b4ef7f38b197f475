"""Turns what a team hands in into an image of the engine: an archive, a reference, or a folder."""

import dataclasses
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import requests

from evaluate.facts.errors import Finding, SubmissionError
from evaluate.sandbox.archives import ArchivedImage, load_stream, read_archive, refuse_excess
from evaluate.sandbox.case_folders import classify, folder_digest
from evaluate.sandbox.control import Control, is_exhausted
from evaluate.sandbox.dockerfiles import entry_point
from evaluate.sandbox.opening import look_and_open
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.policy import OWNER_LABEL
from evaluate.sandbox.port import Image, ImageProblem, SandboxError, one_line
from evaluate.sandbox.surroundings import Surroundings

_LOADED = "segjudge/loaded"
_BUILT = "segjudge/built"
_BUILT_LABEL = "org.segjudge.built"  # to find and remove them by
_OPEN = "open"  # ends the tags of images that are others opened
_LOG_LINES = 15


class ImageStore:
    """The images of one harness in one engine; knows which of them it brought in."""

    def __init__(
        self,
        engine: docker.APIClient,
        *,
        owner: str,
        machine: tuple[str, str],
        control: Control,
        build_arguments: Mapping[str, str],
        cache: Path,
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._machine = machine
        self._control = control
        self._cache = cache
        self._build_arguments = dict(build_arguments)
        self._users: Counter[str] = Counter()
        self._loaded: set[str] = set()
        self._around: dict[str, Surroundings] = {}
        self._lock = threading.Lock()

    def prepare(self, reference: str) -> Image:
        """Find, load or build the image; see `Sandbox.prepare`."""
        kinds = {"archive": self._load, "folder": self._build, "reference": self._look_up}
        make = kinds[classify(reference)]
        with self._lock:  # two teams may hand in the same image
            image = make(reference)
            self._users[image.handle] += 1
            return self._readable(image)

    def release(self, image: Image) -> None:
        """Remove an image that `prepare` loaded or opened, with its last user."""
        with self._lock:
            image_id = image.digest
            self._users[image_id] -= 1
            if self._users[image_id] > 0:
                return
            del self._users[image_id]
            self._drop(image_id)

    def close(self) -> None:
        """Remove every image that is still loaded."""
        with self._lock:
            for image_id in sorted(self._around.keys() | self._loaded):
                self._drop(image_id)
            self._users.clear()

    def _drop(self, image_id: str) -> None:
        around = self._around.pop(image_id, None)
        if around is not None and around.closed:
            self._remove(self._tag_of(image_id, opened=True))
        if image_id in self._loaded:
            self._loaded.discard(image_id)
            self._remove(self._tag_of(image_id))

    def remove_stale(self) -> None:
        """Remove what harnesses that are gone have loaded."""
        for image in self._engine.images(name=_LOADED):
            for tag in image.get("RepoTags") or []:
                owner = Owner.parse(tag.removeprefix(f"{_LOADED}:").rpartition("-")[0])
                if owner is not None and owner.is_gone():
                    self._remove(tag)

    def _readable(self, image: Image) -> Image:
        """The same image with what is around a program in it, all files open to its user."""
        image_id = image.digest
        tag = self._tag_of(image_id, opened=True)
        around = self._around.get(image_id)
        if around is None:
            name = f"segjudge_{self._owner}_{tag.rpartition('-')[2]}"
            labels = {OWNER_LABEL: self._owner}
            try:
                around = look_and_open(
                    *(self._engine, image_id), name=name, labels=labels, tag=tag, cache=self._cache
                )
            except (docker.errors.APIError, requests.exceptions.ReadTimeout) as error:
                text = str(getattr(error, "explanation", None) or error)
                if is_exhausted(text) or not self._control.serves({}, f"{name}-control"):
                    raise
                raise ImageProblem(f"the engine makes no container of the image: {text}") from error
            self._around[image_id] = around
        details = image.details
        handle = image.handle
        if around.closed:
            made = self._inspect(tag)
            if made is None:
                raise SandboxError(_gone(image.reference, "was opened, and is gone"))
            handle, details = made["Id"], details | {"opened_files": around.closed}
        return dataclasses.replace(image, handle=handle, details=details, around=around)

    def _load(self, reference: str) -> Image:
        path = Path(reference)
        archived = read_archive(path)
        self._check_machine(archived.system, archived.architecture)
        image_id = f"sha256:{archived.config_sha256}"
        present = self._inspect(image_id)
        if present is None:
            image_id = self._send(path, archived)
        # An image of the user's without a name would go with the only name it has, ours.
        if present is None or present.get("RepoTags"):
            self._hold(image_id)
        return self._image(
            reference,
            "archive",
            image_id,
            {"archive_sha256": archived.archive_sha256, "tags": json.dumps(archived.tags)},
        )

    def _check_machine(self, system: str, architecture: str) -> None:
        """Refuse an image of another machine, before it is tried and says `exec format error`."""
        built_for, needed = f"{system}/{architecture}", "/".join(self._machine)
        if built_for != needed:
            raise ImageProblem(
                f"the image is for {built_for}, this engine runs {needed}; "
                f"build it with `docker build --platform {needed}`"
            )

    def _hold(self, image_id: str) -> None:
        """Keep an image by a tag of ours, so that no other harness's end takes it away."""
        repository, _, tag = self._tag_of(image_id).partition(":")
        self._engine.tag(image_id, repository, tag)
        self._loaded.add(image_id)

    def _send(self, path: Path, archived: ArchivedImage) -> str:
        """Load the archive, untagged; returns the engine's id for the image."""
        answers = []
        try:
            answers = list(self._engine.load_image(load_stream(path, archived)))
        except docker.errors.APIError as error:
            raise _refused(f"the engine can't load the archive: {error.explanation}") from error
        except requests.exceptions.ConnectionError as error:
            self._engine.ping()  # gone: that is the failure. Still there: it refused the archive.
            raise ImageProblem(f"the engine refused the archive: {error}") from error
        text = "".join(str(a.get("stream", "")) + str(a.get("error", "")) for a in answers)
        # An engine that keeps images by their manifest gives another id than the configuration's.
        named = text.rpartition("Loaded image ID: ")[2].strip()
        for image_id in (f"sha256:{archived.config_sha256}", named):
            if image_id.startswith("sha256:") and self._inspect(image_id) is not None:
                return image_id
        raise _refused(f"the engine can't load the archive: {text.strip() or 'no reason given'}")

    def _look_up(self, reference: str) -> Image:
        try:
            image = self._inspect(reference)
        except docker.errors.APIError as error:
            image, reason = None, f" ({error.explanation})"
        else:
            reason = ""
        if image is None:
            raise SubmissionError(
                where=reference,
                found=f"no such file, no such folder, and no such image in the engine{reason}",
                mend=f"fetch it first, with `docker pull {reference}`, or give its archive",
            )
        self._check_machine(str(image.get("Os", "")), str(image.get("Architecture", "")))
        return self._image(reference, "reference", image["Id"], {})

    def _build(self, reference: str) -> Image:
        """Build the folder, or take what was built from the very same files.

        A built image stays: building it again would give it another digest, and a run that is
        resumed would no longer be of the same image.
        """
        folder = Path(reference)
        for needed in ("Dockerfile", "predict.sh"):
            if not (folder / needed).is_file() and not entry_point(folder).starts_itself:
                raise ImageProblem(
                    f"{folder} has no {needed}; a folder needs a Dockerfile, and a predict.sh that "
                    "the Dockerfile copies into the working directory"
                )
        digest = folder_digest(folder)
        made_of = json.dumps([digest, sorted(self._build_arguments.items())])
        tag = f"{_BUILT}:{hashlib.sha256(made_of.encode()).hexdigest()[:40]}"
        if self._inspect(tag) is None:
            try:
                answers = self._engine.build(
                    path=str(folder),
                    tag=tag,
                    rm=True,
                    forcerm=True,
                    decode=True,
                    labels={_BUILT_LABEL: "1"},
                    buildargs=self._build_arguments,
                )
                self._check_build(folder, answers)
            except (docker.errors.APIError, docker.errors.DockerException) as error:
                raise _refused(f"{folder} can't be built: {error}") from error
        image = self._inspect(tag)
        if image is None:
            raise SandboxError(_gone(str(folder), "was built, and is not there"))
        self._check_machine(str(image.get("Os", "")), str(image.get("Architecture", "")))
        return self._image(str(folder), "folder", image["Id"], {"folder_sha256": digest})

    def _check_build(self, folder: Path, answers: Any) -> None:
        lines: list[str] = []
        for answer in answers:
            lines += str(answer.get("stream", "")).splitlines()
            del lines[:-_LOG_LINES]
            if "error" in answer:
                log = "\n".join(line for line in lines if line.strip())
                raise _refused(f"{folder} can't be built: {answer['error']}\n{log}")

    def _image(
        self, reference: str, kind: str, image_id: str, facts: dict[str, str | int]
    ) -> Image:
        about = self._inspect(image_id) or {}
        config = about.get("Config") or {}
        refuse_excess(config)
        details = {
            **facts,
            "architecture": one_line(str(about.get("Architecture", ""))),
            "size_bytes": int(about.get("Size", 0)),
            "user": one_line(str(config.get("User") or "")),
            "entrypoint": one_line(json.dumps(config.get("Entrypoint") or [])),
            "volumes": one_line(json.dumps(sorted(config.get("Volumes") or {}))),
        }
        return Image(
            reference=reference, digest=image_id, kind=kind, handle=image_id, details=details
        )

    def _inspect(self, reference: str) -> dict[str, Any] | None:
        try:
            about: dict[str, Any] = self._engine.inspect_image(reference)
        except docker.errors.NotFound:
            return None
        return about

    def _tag_of(self, image_id: str, *, opened: bool = False) -> str:
        name = image_id.removeprefix("sha256:")[:24]
        return f"{_LOADED}:{self._owner}-{name}{_OPEN if opened else ''}"

    def _remove(self, tag: str) -> None:
        try:
            # Not what it was made of: that is the team's image, and may have no name of its own.
            self._engine.remove_image(tag, noprune=tag.endswith(_OPEN))
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as error:
            # In use by a container of someone else: then it is theirs to remove.
            if error.status_code != requests.codes.conflict:
                raise


def _gone(where: str, found: str) -> Finding:
    mend = "keep others from removing images, and run again"
    return Finding(where=where, found=found, mend=mend)


def _refused(text: str) -> ImageProblem | SandboxError:
    """Whose failure it is that the engine does not take an image: a full disk is ours."""
    if is_exhausted(text):
        mend = "`docker system df` shows what fills the engine's disk"
        return SandboxError(where="container engine", found=text, mend=mend)
    return ImageProblem(text)
