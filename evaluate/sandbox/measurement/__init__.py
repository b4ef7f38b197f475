"""CPU time and peak memory of everything that a command starts, and how they were measured."""

from evaluate.sandbox.measurement.cgroup import RunCgroup, remove_stale_cgroups
from evaluate.sandbox.measurement.delegation import Delegation, delegated
from evaluate.sandbox.measurement.gpu import GpuMeter, Gpus
from evaluate.sandbox.measurement.others import Others
from evaluate.sandbox.measurement.profile_samples import Profile, Sample
from evaluate.sandbox.measurement.stats import StatsMeter
from evaluate.sandbox.measurement.tree import ProcessTree, kill_marked
from evaluate.sandbox.measurement.usage import Usage

__all__ = [
    "Delegation",
    "GpuMeter",
    "Gpus",
    "Others",
    "ProcessTree",
    "Profile",
    "RunCgroup",
    "Sample",
    "StatsMeter",
    "Usage",
    "delegated",
    "kill_marked",
    "remove_stale_cgroups",
]
