"""Running: every submission on every case, in turns, with each result durable before the next."""

from evaluate.running.calibration import DRIFT_LIMIT, LoadTime, drift, is_fair, time_load
from evaluate.running.plan import Plan, Submission, job_sha256, outstanding
from evaluate.running.runner import HarnessStoppedError, run_all
from evaluate.running.workspace import remove_stale

__all__ = [
    "DRIFT_LIMIT",
    "HarnessStoppedError",
    "LoadTime",
    "Plan",
    "Submission",
    "drift",
    "is_fair",
    "job_sha256",
    "outstanding",
    "remove_stale",
    "run_all",
    "time_load",
]
