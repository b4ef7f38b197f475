"""Many machines, on an engine that others keep: dask.distributed.

What talks to a worker is a generator a machine (`fleet`): it yields calls, and gets their answers.
Only `fleet` and `worker` import dask, so that whoever has no cluster never waits for it.
"""

from evaluate.cluster.address import ClusterAddress, ClusterError, parse_address
from evaluate.cluster.calls import Call, CallFailedError, MachineLostError, Talk

__all__ = [
    "Call",
    "CallFailedError",
    "ClusterAddress",
    "ClusterError",
    "MachineLostError",
    "Talk",
    "parse_address",
]
