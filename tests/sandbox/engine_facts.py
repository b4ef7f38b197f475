"""An engine that enforces everything, on a machine of eight processors."""

from evaluate.sandbox.policy import EngineFacts

ENGINE = EngineFacts(
    uid=1000,
    gid=1000,
    rootless=False,
    remapped=False,
    init=True,
    seccomp=True,
    memory_limit=True,
    swap_limit=True,
    pids_limit=True,
    cpu_limit=True,
    cpus=8,
    memory_mib=32000,
)
