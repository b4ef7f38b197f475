"""What all tests share: whether a container engine answers, and what to do when none does."""

import functools
import os

import pytest


@functools.cache
def _engine_problem() -> str | None:
    """Why no container engine can be used; None if one answers."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=10)
        try:
            client.ping()
        finally:
            client.close()
    except DockerException as error:
        return str(error).splitlines()[0]
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a container test on a machine without an engine; in CI that is an error."""
    if item.get_closest_marker("engine") is None:
        return
    problem = _engine_problem()
    if problem is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have a container engine; none answers: {problem}", pytrace=False)
    pytest.skip(f"no container engine answers: {problem}")
