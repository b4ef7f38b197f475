"""What Docker promises, and attacks on it, on a rootless Podman: what fails is what is said."""

import os
import subprocess
import sys

import pytest

from tests.capabilities import BASE_IMAGE

if os.geteuid() == 0:
    pytestmark = [pytest.mark.rootless, pytest.mark.soak]

    def test_what_fails_for_an_ordinary_user_is_what_is_said(
        ordinary_user: tuple[list[str], dict[str, str]],
    ) -> None:
        """This module, as that user, whose Podman gets the base image first."""
        started, environment = ordinary_user
        load = [*started, "podman", "load", "--quiet"]
        with subprocess.Popen(["podman", "save", BASE_IMAGE], stdout=subprocess.PIPE) as save:
            subprocess.run(load, stdin=save.stdout, env=environment, check=True)
        options = ["-q", "--soak", "-rsxX", "-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [*started, sys.executable, "-B", "-m", "pytest", *options, __file__],
            env=environment, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

else:
    from segjudge.conformance.suite import *  # noqa: F403
    from tests.sandbox.test_containment import *  # noqa: F403

    # Its home is in scratch, as root's.
    del test_only_its_outputs_and_its_scratch_can_be_written  # noqa: F821

    pytestmark = [pytest.mark.usefixtures("known"), pytest.mark.rootless, pytest.mark.soak]

    # What does not hold, and the words of `not_enforced` that say so.
    _MEMORY = "memory: the engine can't limit it"
    _BOMBS = "processes:"
    SAID = {
        "test_a_fork_bomb_meets_the_process_limit_and_leaves_nothing": _BOMBS,
        "test_a_real_fork_bomb_ends_at_the_time_limit": _BOMBS,
        "test_it_is_an_ordinary_user_without_capabilities": "is root of its namespace",
        "test_what_only_root_may_do_is_refused[become root]": "is root of its namespace",
        "test_what_only_root_may_do_is_refused[shadow]": "is root of its namespace",
        "test_outputs_are_closed_to_every_other_user_of_the_host": "is root of its namespace",
        "test_the_limit_of_open_files_is_hard": "open files",
        "test_memory_that_hides_in_scratch_and_in_shared_memory_is_counted": _MEMORY,
        "test_a_worker_that_is_killed_for_memory_is_no_failure_if_the_command_goes_on": _MEMORY,
    }
