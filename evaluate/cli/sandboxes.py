"""Opens the sandbox that the options name, says so when it isolates nothing, and closes it."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from evaluate.cli.terminal import warn
from evaluate.facts.errors import Finding, UsageError

if TYPE_CHECKING:
    from evaluate.sandbox import Sandbox

NOT_ISOLATED = Finding(
    where="the local sandbox",
    found="it is not isolated: a submission can read and change this machine's files; its results"
    " are not valid for official scoring",
    mend="with a container engine, `--sandbox docker`",
)


def add_sandbox_arguments(command: argparse.ArgumentParser) -> None:
    """`--sandbox`, `--build-arg` and `--runtime`."""
    command.add_argument(
        "--sandbox",
        metavar="NAME",
        default="auto",
        help="docker; podman (by a service of its own, or that of DOCKER_HOST); local (a"
        " subprocess, not isolated, not for official scores);"
        " auto: docker where an engine answers; or another package's",
    )
    command.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for the ARGs of a Dockerfile, where a submission is a folder to build; repeatable",
    )
    command.add_argument(
        "--runtime",
        help="of the engine, for the containers, such as gVisor's runsc or Kata's kata-runtime"
        " (default: the engine's own)",
    )


@contextmanager
def sandbox_of(options: argparse.Namespace) -> "Iterator[Sandbox]":
    """The sandbox of `--sandbox`, `--build-arg` and `--runtime`.

    Raises:
        UsageError: a build argument that is not NAME=VALUE, or a runtime without an engine that
            has it.
        EngineMissingError: an engine was asked for and none answers.
    """
    from evaluate.sandbox import open_sandbox
    from evaluate.sandbox.scratch import scratch_folder

    build_arguments = build_arguments_of(options.build_arg)
    with (
        scratch_folder() as scratch,
        closing(
            open_sandbox(
                options.sandbox,
                scratch=scratch,
                environment=options.environment,
                cache=options.cache,
                build_arguments=build_arguments,
                runtime=options.runtime,
            )
        ) as sandbox,
    ):
        if not sandbox.isolated:
            warn(NOT_ISOLATED)
        yield sandbox


def build_arguments_of(texts: Sequence[str]) -> dict[str, str]:
    """The values of `--build-arg` by name.

    Raises:
        UsageError: one that is not NAME=VALUE.
    """
    pairs = {text: text.partition("=") for text in texts}
    wrong = [text for text, (name, equals, _) in pairs.items() if not (name and equals)]
    if wrong:
        raise UsageError(
            *(
                Finding(where=f"--build-arg {text}", found="no value", expected="NAME=VALUE")
                for text in wrong
            )
        )
    return {name: value for name, _, value in pairs.values()}
