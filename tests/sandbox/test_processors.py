"""A container has whole cores: no other one runs on the second hardware thread of its own."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.processors import ANYWHERE, Node, Processors, cores_of, nodes_of

# Two sockets of two cores of two threads, numbered as Linux does: the second threads come last.
THREADS = {0: (0, 4), 1: (1, 5), 2: (2, 6), 3: (3, 7)}


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


@pytest.fixture
def nodes(tmp_path: Path) -> dict[int, Node]:
    """A node of memory for each socket, and one without processors, as fast memory has."""
    for node, cpulist in enumerate(("0,2,4,6", "1,3,5,7", "")):
        folder = tmp_path / f"node{node}"
        folder.mkdir()
        (folder / "cpulist").write_text(f"{cpulist}\n")
        meminfo = f"Node {node} MemTotal:  {64 << 20} kB\nNode {node} MemFree: 7 kB\n"
        (folder / "meminfo").write_text(meminfo)
    return nodes_of(nodes=tmp_path)


def given(
    cpus: Path, nodes: Mapping[int, Node] | None = None, first: int = 0, usable: int = 8
) -> Processors:
    """Those of a machine, from this core on, as one harness has them."""
    cores = cores_of(range(usable), cpus=cpus)
    cores = [*cores[first:], *cores[:first]]
    name = f"segjudge_test_{os.getpid()}"
    return Processors(cpuset=True, local=True, cores=cores, nodes=nodes or {}, name=name)


def limits(cpus: float | None, memory_mib: int = 100) -> Limits:
    return Limits(timeout_s=1, memory_mib=memory_mib, cpus=cpus)


def test_cores_are_whole_and_those_of_one_socket_stand_together(cpus: Path) -> None:
    assert cores_of(range(8), cpus=cpus) == [(0, 4), (2, 6), (1, 5), (3, 7)]
    assert cores_of({0, 1, 4}, cpus=cpus) == [(0, 4)]  # a part of a core is somebody else's
    assert cores_of({0, 1}, cpus=cpus) == [(0,), (1,)]  # unless there is nothing else


def test_where_nobody_tells_the_topology_each_processor_is_a_core(tmp_path: Path) -> None:
    assert cores_of({3, 1}, cpus=tmp_path) == [(1,), (3,)]


def test_no_two_containers_share_a_core(cpus: Path) -> None:
    free = given(cpus)
    with (
        free.share(limits(1)) as one,
        free.share(limits(2.5)) as three,
        free.share(limits(2)) as two,
    ):
        shares = [share.cpus for share in (one, three, two)]
        assert list(map(len, shares)) == [1, 3, 2]
        held = [{THREADS[cpu % 4] for cpu in share} for share in shares]
        assert sum(map(len, held)) == len(set.union(*held)) == 4
        with free.share(limits(1)) as none:  # all cores are taken, if not all threads
            assert none == ANYWHERE
    with free.share(limits(7)) as seven:
        assert len(seven.cpus) == 7


def test_a_container_of_another_harness_has_the_same_core_only_where_all_are_taken(
    cpus: Path,
) -> None:
    one, other = given(cpus), given(cpus)
    with one.share(limits(4)) as first, other.share(limits(4)) as second:
        assert sorted((*first.cpus, *second.cpus)) == list(range(8))
        with given(cpus).share(limits(1)) as shared:
            assert shared.cpus == (0,)
    with other.share(limits(8)) as every:
        assert len(every.cpus) == 8


@pytest.mark.parametrize(("share", "count"), [(None, 0), (0.2, 1), (1.5, 2), (8, 8), (9, 8)])
def test_a_part_of_a_processor_is_a_whole_one_and_more_than_there_are_is_all(
    share: float | None, count: int, cpus: Path
) -> None:
    free = given(cpus)
    for _ in range(2):  # all are given back
        with free.share(limits(share)) as got:
            assert len(got.cpus) == count


def test_of_processors_that_are_only_partly_ours_no_other_is_given(cpus: Path) -> None:
    with given(cpus, usable=5).share(limits(8)) as got:
        assert got.cpus == (0, 4)


@pytest.mark.parametrize(
    ("first", "count", "memory_gib", "near"),
    [
        (0, 2, 32, (0,)),
        (2, 2, 64, (1,)),
        (0, 6, 100, (0, 1)),
        # More than the socket has: it may be taken anywhere, and not run out at a half.
        (0, 2, 65, ()),
    ],
)
def test_memory_is_of_the_node_whose_cores_they_are_where_it_has_enough(
    first: int, count: int, memory_gib: int, near: tuple[int, ...], cpus: Path,
    nodes: Mapping[int, Node],
) -> None:  # fmt: skip
    with given(cpus, nodes, first).share(limits(count, memory_gib << 10)) as got:
        assert got.nodes == near


def test_one_node_is_no_choice(cpus: Path, nodes: Mapping[int, Node]) -> None:
    with given(cpus, {0: nodes[0]}).share(limits(2)) as got:
        assert got.nodes == ()
