"""What an engine can't give, in words, and whether it holds a hostile submission without that."""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.policy import EngineFacts

# Subjects of what is not enforced without which a hostile submission is not contained.
_CONTAINING = {"memory", "processes", "network", "file system", "scratch", "capabilities",
               "privileges", "system calls", "devices", "time", "containers"}  # fmt: skip


def contains(lacking: Iterable[str]) -> bool:
    """Whether an engine that lacks no more than this holds a hostile submission."""
    return _CONTAINING.isdisjoint(words.partition(":")[0] for words in lacking)


def not_enforced(
    limits: Limits | None, engine: EngineFacts, tried: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """What the engine can't give, in words, never passed over.

    Args:
        limits: what a job may use; None for the engine alone.
        engine: facts about it.
        tried: what a container has broken, by subject.
    """
    lacking = [
        (engine.memory_limit, "memory: the engine can't limit it"),
        (
            engine.swap_limit,
            "swap: the engine can't limit it, so memory may be exceeded by swapping",
        ),
        (
            engine.sockets_limit,
            "sockets: this kernel (cgroup v1) counts what waits in them apart from memory, and only"
            " root can limit it",
        ),
        (engine.pids_limit, "processes: the engine can't limit their number"),
        (engine.cpu_limit, "CPUs: the engine can't limit them"),
        (engine.seccomp, "system calls: the engine's seccomp filter is off"),
        (
            engine.init,
            "init process: the engine has none (Podman wants catatonit), so ended orphans stay in"
            " the process table, and no program can end itself by a signal",
        ),
    ]
    words = [text for given, text in lacking if not given]
    said = {text.partition(":")[0] for text in words}
    words += [text for subject, text in tried.items() if subject not in said]
    if limits is not None:
        if limits.gpus and not engine.gpus:
            words.append(f"GPUs: {limits.gpus} asked for, the engine has no NVIDIA runtime")
        if limits.cpus is not None and math.ceil(limits.cpus) > engine.cpus:
            words.append(f"CPUs: {limits.cpus:g} asked for, the machine has {engine.cpus}")
        if limits.memory_mib > engine.memory_mib:
            words.append(
                f"memory: {limits.memory_mib} MiB asked for, the machine has {engine.memory_mib}"
            )
    return words
