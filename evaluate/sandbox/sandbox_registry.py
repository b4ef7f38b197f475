"""Sandboxes of other packages, by the entry point group `segjudge.sandboxes`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from evaluate.facts.errors import Finding, UsageError
from evaluate.sandbox.port import Sandbox

GROUP = "segjudge.sandboxes"


class OpenSandbox(Protocol):
    """What an entry point names: opens a sandbox that passes `segjudge.conformance`."""

    def __call__(
        self, *, scratch: Path, build_arguments: Mapping[str, str], runtime: str | None
    ) -> Sandbox:
        """Open it; the caller closes it.

        Raises:
            EngineMissingError: what it needs is not there.
            UsageError: it takes no such arguments.
        """


def foreign_sandbox(name: str) -> OpenSandbox:
    """What opens the sandbox of this name.

    Raises:
        UsageError: no installed package has one, or it can't be imported.
    """
    from importlib.metadata import entry_points  # takes a while, and few sandboxes are foreign

    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        raise UsageError(
            where=f"--sandbox {name}",
            found="no such sandbox",
            expected=f"one of {', '.join(['auto', 'docker', 'podman', 'local', *sorted(known)])}",
            mend=f"install the package that has it under the entry points {GROUP}",
        )
    try:
        return cast("OpenSandbox", known[name].load())
    except (ImportError, AttributeError) as error:
        problem = Finding(
            where=f"--sandbox {name}",
            found=f"{known[name].value}: {error}",
            expected="a function that opens a sandbox",
            mend="install its package again, or take another sandbox",
        )
        raise UsageError(problem) from error
