"""The suite that ships with segjudge, on both of its own adapters."""

from segjudge.conformance.suite import *  # noqa: F403
