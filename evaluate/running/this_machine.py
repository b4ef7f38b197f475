"""The machine that attempts are made on: the computer, and the sandbox that is open on it."""

from evaluate.facts.machine import Host, Machine, SandboxFacts, describe_host, library_versions
from evaluate.facts.official_lock import installed_lock
from evaluate.sandbox import Sandbox


def describe_machine(sandbox: Sandbox, *, host: Host | None = None, name: str = "") -> Machine:
    """What there is to know of it."""
    return Machine(
        name=name,
        host=host or describe_host(),
        sandbox=SandboxFacts(
            name=sandbox.name, isolated=sandbox.isolated, engine=sandbox.describe()
        ),
        versions=library_versions(),
        lock=installed_lock(),
    )
