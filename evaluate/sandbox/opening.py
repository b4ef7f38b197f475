"""Opens what an image keeps for root alone, so that it runs as an ordinary user.

Most images are built and tried as root: weights under /root, a virtual environment made with a
strict umask. A challenge's container runs as nobody in particular and could not read them. So such
an image gets one layer more, in which those files and folders can be read by all. Nothing of the
image runs for this: the engine lists the files of a container that is made and never started.
"""

import contextlib
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker

from evaluate.sandbox.port import ImageProblem
from evaluate.sandbox.surroundings import Surroundings, volume_paths
from evaluate.sandbox.survey import Members, members_of, needed_mode, recall, remember, survey

_CHUNK = 2**20


def _opened(members: Members, names: set[str]) -> Iterator[bytes]:
    """A tar file of the named members, opened.

    A file of several names comes whole under the first that is named, and as links to it after:
    the engine's layer would keep the others as they were.
    """
    written: dict[str, str] = {}  # by the name that the engine's links refer to
    for info, content in members:
        name = posixpath.normpath(info.name)
        if name not in names:
            continue
        if info.islnk():
            info.linkname = written.get(posixpath.normpath(info.linkname), info.linkname)
        info.mode = needed_mode(info)
        written[name] = info.name
        yield info.tobuf(tarfile.PAX_FORMAT)
        while content is not None and (chunk := content.read(_CHUNK)):
            yield chunk
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def look_and_open(
    engine: docker.APIClient,
    image_id: str,
    *,
    name: str,
    labels: dict[str, str],
    tag: str,
    cache: Path,
) -> Surroundings:
    """Look at an image, and make one that is this one with everything readable if it needs that.

    Returns:
        What is around a program in it; `tag` is there if something was closed.

    Raises:
        ImageProblem: too much of it is closed, or its files can't be listed.
    """
    known = recall(image_id, cache)
    if known is not None and not known.closed:
        return known
    about = engine.inspect_image(image_id)
    options = {"Image": image_id, "Entrypoint": ["/"], "Cmd": [], "Labels": labels}
    options["WorkingDir"] = "/"
    # Two: one that is being written to can't be read from.
    source, target = f"{name}-from", f"{name}-to"
    try:
        engine.create_container_from_config(options, source)
        around, names = survey(engine, source, about.get("Config") or {})
        if names:
            # What is written into a volume is in no layer: memory stands in for it, which the
            # engine mounts when a container starts, and this one never does.
            bare = [{"Type": "tmpfs", "Target": path} for path in volume_paths(around)]
            engine.create_container_from_config(options | {"HostConfig": {"Mounts": bare}}, target)
            engine.put_archive(target, "/", _opened(members_of(engine, source), names))
            repository, _, version = tag.partition(":")
            engine.commit(target, repository, version)
    except tarfile.TarError as error:
        raise ImageProblem(f"the image's files can't be listed: {error}") from error
    finally:
        for container in (source, target):
            with contextlib.suppress(docker.errors.NotFound):
                engine.remove_container(container, v=True, force=True)
    remember(image_id, around, cache)
    return around
