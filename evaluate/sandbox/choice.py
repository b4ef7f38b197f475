"""Chooses the adapter: containers where an engine answers, otherwise a plain subprocess."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from evaluate.facts.errors import EngineMissingError, UsageError
from evaluate.sandbox.port import Sandbox
from evaluate.sandbox.sandbox_registry import foreign_sandbox

if TYPE_CHECKING:
    from evaluate.sandbox.docker import DockerSandbox

_OURS = ("auto", "docker", "podman", "local")


def open_sandbox(
    name: str,
    *,
    scratch: Path,
    environment: Mapping[str, str] = MappingProxyType({}),
    cache: Path | None = None,
    build_arguments: Mapping[str, str] | None = None,
    runtime: str | None = None,
) -> Sandbox:
    """Open a sandbox; the caller closes it.

    Args:
        name: `docker`, `podman`, `local`, or that of another package's sandbox; `auto` takes docker
            if an engine answers, and local otherwise.
        scratch: folder for temporary files, made if it is missing.
        environment: the command's variables, which may name an engine (`DOCKER_HOST`).
        cache: folder of what earlier looks at images have found; None for one in `scratch`.
        build_arguments: for the ARGs of Dockerfiles, where a submission is a folder to build.
        runtime: the engine's runtime for the containers; None for its own choice.

    Raises:
        EngineMissingError: an engine or a runtime was asked for and none answers.
        UsageError: this is Windows, there is no such sandbox, the engine has no such runtime, or
            the sandbox takes none.
    """
    refuse_on_windows(name)
    if name not in _OURS:
        opened = foreign_sandbox(name)
        return opened(scratch=scratch, build_arguments=build_arguments or {}, runtime=runtime)
    # Imported here: the SDK takes longer to import than many commands take to run.
    if name != "local":
        try:
            return _open_tried(
                scratch,
                cache or scratch / "cache",
                podman=name == "podman",
                environment=environment,
                build_arguments=build_arguments,
                runtime=runtime,
            )
        except EngineMissingError:
            # Who asked for a runtime wants more isolation than the engine's, not less.
            if name != "auto" or runtime is not None:
                raise
    elif runtime is not None:
        fault = "a runtime for the local sandbox, which has no containers"
        mend = "leave it out, or take `--sandbox docker`"
        raise UsageError(where=f"--runtime {runtime}", found=fault, mend=mend)
    from evaluate.sandbox.local import LocalSandbox

    return LocalSandbox(scratch=scratch, environment=environment)


def refuse_on_windows(name: str) -> None:
    """Before anything is made for a sandbox that can't be there.

    Raises:
        UsageError: this is Windows, and the sandbox is one of ours.
    """
    if sys.platform == "win32" and name in _OURS:
        raise UsageError(
            where="segjudge on Windows",
            found="a submission to run",
            expected="Linux or macOS",
            mend="run it in WSL 2; scoring, ranking, reports and comparisons work here",
        )


def open_docker(**options: Any) -> "DockerSandbox":
    """The engine's adapter by its own arguments, its limits untried.

    Raises:
        EngineMissingError: this installation has no client for an engine, or none answers.
        UsageError: the engine is not the one that was asked for.
    """
    try:
        from evaluate.sandbox.docker import DockerSandbox
    except ModuleNotFoundError as error:
        if error.name != "docker":
            raise
        raise EngineMissingError(
            where="container engine",
            found="this installation has no client for one",
            expected="the Python package `docker`",
            mend="use segjudge outside of the evaluator image",
        ) from error
    return DockerSandbox(**options)


def _open_tried(scratch: Path, cache: Path, **options: Any) -> Sandbox:
    sandbox = open_docker(cache=cache, **options)
    from evaluate.sandbox.trial import remembered_trial  # needs the engine's client, as above

    if sandbox.to_be_tried:
        try:
            sandbox.note(remembered_trial(sandbox, scratch / "trial", cache, sandbox.machine))
        except BaseException:
            sandbox.close()
            raise
    return sandbox
