"""All promised of Docker, and each attack on it, in gVisor's kernel: what fails is what is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox import Image, Sandbox, open_sandbox
from segjudge.conformance.suite import *  # noqa: F403
from tests.sandbox.test_containment import *  # noqa: F403

# Its home is in scratch, as with Podman's own runtime.
del test_only_its_outputs_and_its_scratch_can_be_written  # noqa: F821

pytestmark = [
    pytest.mark.podman,
    pytest.mark.runsc,
    pytest.mark.soak,
    pytest.mark.usefixtures("known"),
]

# What does not hold, and the words of `not_enforced` that say so.
SAID = {
    "test_it_can_gain_no_privilege_and_its_system_calls_are_filtered": "no system call of its own",
    "test_what_only_root_may_do_is_refused[make a device]": "it can make a device",
    "test_no_mount_and_no_user_namespace_can_be_made": "a container can make a user namespace",
    "test_its_devices_are_those_that_every_container_has": "it has /dev/fuse, /dev/net",
    "test_a_fork_bomb_meets_the_process_limit_and_leaves_nothing": "of 96 processes it can make ",
    "test_a_worker_that_is_killed_for_memory_is_no_failure_if_the_command_goes_on": (
        "over the limit of memory the whole container ends"
    ),
}


@pytest.fixture(scope="module")
def docker_sandbox(
    podman_settings: dict[str, str], submission: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Sandbox, Image]]:
    """Podman's sandbox with gVisor's runtime."""
    scratch = tmp_path_factory.mktemp("scratch")
    sandbox = open_sandbox("podman", scratch=scratch, environment=podman_settings, runtime="runsc")
    image = sandbox.prepare(str(submission), limits=Limits(timeout_s=1, memory_mib=1))
    yield sandbox, image
    sandbox.release(image)
    sandbox.close()
