"""What an engine can limit, by its own words and by what the machine has handed to it."""

import os
from pathlib import Path

import pytest

from evaluate.sandbox.enforcement import not_enforced
from evaluate.sandbox.engine import engine_facts

# What Podman 4.3 says of itself under cgroup version 2, to root as to an ordinary user.
_PODMAN = {
    "Rootless": True, "CgroupVersion": "2", "CgroupDriver": "systemd", "MemoryLimit": True,
    "SwapLimit": False, "SwapTotal": 4 << 30, "PidsLimit": True, "CpuCfsQuota": False,
    "CPUSet": False, "NCPU": 2, "SecurityOptions": ["name=seccomp,profile=default"],
}  # fmt: skip


_USER = "user.slice/user-{0}.slice/user@{0}.service"


def _hand_over(root: Path, words: str, group: str = _USER) -> None:
    folder = root / group.format(os.getuid())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.controllers").write_text(f"{words}\n")
    if "memory" in words:
        (folder / "app.slice").mkdir()
        (folder / "app.slice" / "memory.swap.max").write_text("max\n")


@pytest.mark.parametrize(
    ("handed", "lacks"),
    [
        ("cpuset cpu io memory pids", set()),
        ("memory pids", {"CPUs"}),  # what systemd hands over by itself
        ("", {"memory", "swap", "processes", "CPUs"}),
    ],
)
def test_a_rootless_engine_limits_what_its_user_was_given(
    tmp_path: Path, handed: str, lacks: set[str]
) -> None:
    _hand_over(tmp_path, handed)

    facts = engine_facts(_PODMAN, root=tmp_path)

    said = {words.partition(":")[0] for words in not_enforced(None, facts)}
    assert said - {"init process"} == lacks
    assert facts.cpuset is ("cpuset" in handed)


def test_podman_of_root_limits_cpus_under_version_2_although_it_says_it_can_not(
    tmp_path: Path,
) -> None:
    _hand_over(tmp_path, "cpuset cpu io memory pids", group="")

    facts = engine_facts({**_PODMAN, "Rootless": False}, root=tmp_path)

    assert (facts.cpu_limit, facts.cpuset, facts.memory_limit, facts.swap_limit) == (True,) * 4


def test_of_an_engine_elsewhere_only_its_own_words_are_known(tmp_path: Path) -> None:
    _hand_over(tmp_path, "cpuset cpu io memory pids", group="")

    facts = engine_facts({**_PODMAN, "Rootless": False}, local=False, root=tmp_path)

    assert (facts.cpu_limit, facts.memory_limit) == (False, True)
