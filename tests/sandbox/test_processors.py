"""A container has whole cores: no other one runs on the second hardware thread of its own."""

import dataclasses
from pathlib import Path

import pytest

from evaluate.sandbox.processors import Processors, cores_of
from tests.sandbox import engine_facts

# Two sockets of two cores of two threads, numbered as Linux does: the second threads come last.
THREADS = {0: (0, 4), 1: (1, 5), 2: (2, 6), 3: (3, 7)}
ENGINE = dataclasses.replace(engine_facts.ENGINE, cpuset=True)


@pytest.fixture
def cpus(tmp_path: Path) -> Path:
    """As /sys/devices/system/cpu shows them."""
    for core, threads in THREADS.items():
        for cpu in threads:
            folder = tmp_path / f"cpu{cpu}" / "topology"
            folder.mkdir(parents=True)
            (folder / "thread_siblings_list").write_text(f"{threads[0]},{threads[1]}\n")
            (folder / "physical_package_id").write_text(f"{core % 2}\n")
    return tmp_path


def test_cores_are_whole_and_those_of_one_socket_stand_together(cpus: Path) -> None:
    assert cores_of(range(8), cpus=cpus) == [(0, 4), (2, 6), (1, 5), (3, 7)]
    assert cores_of({0, 1, 4}, cpus=cpus) == [(0, 4)]  # a part of a core is somebody else's
    assert cores_of({0, 1}, cpus=cpus) == [(0,), (1,)]  # unless there is nothing else


def test_where_nobody_tells_the_topology_each_processor_is_a_core(tmp_path: Path) -> None:
    assert cores_of({3, 1}, cpus=tmp_path) == [(1,), (3,)]


def test_no_two_containers_share_a_core(cpus: Path) -> None:
    free = Processors(ENGINE, local=True, cores=cores_of(range(8), cpus=cpus))
    with free.share(1) as one, free.share(3) as three, free.share(2) as two:
        assert [len(one), len(three), len(two)] == [1, 3, 2]
        held = [{THREADS[cpu % 4] for cpu in share} for share in (one, three, two)]
        assert sum(map(len, held)) == len(set.union(*held)) == 4
        with free.share(1) as none:  # all cores are taken, if not all threads
            assert none == ()
    with free.share(7) as seven:
        assert len(seven) == 7


@pytest.mark.parametrize("share", [None, 1.5, 8])
def test_a_share_that_is_no_number_of_processors_is_a_limit_of_time_alone(
    share: float | None, cpus: Path
) -> None:
    free = Processors(ENGINE, local=True, cores=cores_of(range(8), cpus=cpus))
    with free.share(share) as given:
        assert given == ()
