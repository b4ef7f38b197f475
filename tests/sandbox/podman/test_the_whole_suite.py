"""All that is promised of Docker, and every attack on it, on Podman."""

import pytest

from segjudge.conformance.suite import *  # noqa: F403
from tests.sandbox.test_containment import *  # noqa: F403

# Its home is in scratch: test_podman.py has what can be written.
del test_only_its_outputs_and_its_scratch_can_be_written  # noqa: F821

pytestmark = [pytest.mark.podman, pytest.mark.soak]
