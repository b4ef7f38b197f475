"""Chooses the adapter: containers where an engine answers, otherwise a plain subprocess."""

from collections.abc import Mapping
from pathlib import Path

from evaluate.facts.errors import EngineMissingError, Finding, UsageError
from evaluate.sandbox.port import Sandbox
from evaluate.sandbox.registry import foreign_sandbox

__all__ = ["open_sandbox"]


def open_sandbox(
    name: str,
    *,
    scratch: Path,
    build_arguments: Mapping[str, str] | None = None,
    runtime: str | None = None,
) -> Sandbox:
    """Open a sandbox; the caller closes it.

    Args:
        name: `docker`, `local`, or that of another package's sandbox; `auto` takes docker if an
            engine answers, and local otherwise.
        scratch: folder for temporary files, made if it is missing.
        build_arguments: for the ARGs of Dockerfiles, where a submission is a folder to build.
        runtime: the engine's runtime for the containers; None for its own choice.

    Raises:
        EngineMissingError: `docker` or a runtime was asked for and no engine answers.
        UsageError: there is no such sandbox, the engine has no such runtime, or the sandbox takes
            none.
    """
    if name not in ("auto", "docker", "local"):
        opened = foreign_sandbox(name)
        return opened(scratch=scratch, build_arguments=build_arguments or {}, runtime=runtime)
    # Imported here: the SDK takes longer to import than many commands take to run.
    if name != "local":
        try:
            return _open_docker(build_arguments, runtime)
        except EngineMissingError:
            # Who asked for a runtime wants more isolation than the engine's, not less.
            if name == "docker" or runtime is not None:
                raise
    elif runtime is not None:
        found = "a runtime for the local sandbox, which has no containers"
        raise UsageError(Finding(where=f"--runtime {runtime}", found=found))
    from evaluate.sandbox.local import LocalSandbox

    return LocalSandbox(scratch=scratch)


def _open_docker(build_arguments: Mapping[str, str] | None, runtime: str | None) -> Sandbox:
    try:
        from evaluate.sandbox.docker import DockerSandbox
    except ModuleNotFoundError as error:
        if error.name != "docker":
            raise
        raise EngineMissingError(
            Finding(
                where="container engine",
                found="this installation has no client for one",
                expected="the Python package `docker`",
                mend="use segjudge outside of the evaluator image",
            )
        ) from error
    return DockerSandbox(build_arguments=build_arguments, runtime=runtime)
