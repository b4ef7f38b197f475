"""What the kernel and the engine count, read from files and answers as they write them."""

import os
from pathlib import Path
from typing import Any

import pytest

from evaluate.facts.run_rules import Limits
from evaluate.sandbox.measurement import Profile, RunCgroup, StatsMeter, Usage, remove_stale_cgroups
from evaluate.sandbox.metering import Meter
from evaluate.sandbox.ownership import Owner

_TOKEN = Owner.current().token


def _v2(root: Path, **options: Any) -> RunCgroup:
    cgroup = RunCgroup.make(
        token=_TOKEN, number=7, version=2, driver="cgroupfs", root=root, **options
    )
    assert cgroup is not None
    return cgroup


def _write_v2(folder: Path, **files: str) -> None:
    (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)


def test_version_2_gives_cpu_time_peak_and_kills_of_the_parent(tmp_path: Path) -> None:
    cgroup = _v2(tmp_path)
    _write_v2(tmp_path / f"segjudge_{_TOKEN}_7", memory_peak=f"{200 * 2**20}\n")

    assert cgroup.parent == f"/segjudge_{_TOKEN}_7"
    assert cgroup.usage() == Usage(
        cpu_s=1.5, peak_memory_mib=200.0, measured_by="cgroup", oom_kills=1
    )


def test_version_2_before_linux_5_19_gives_the_largest_value_seen(tmp_path: Path) -> None:
    cgroup = _v2(tmp_path)
    folder = tmp_path / f"segjudge_{_TOKEN}_7"
    seen = []
    for mib in (100, 300, 200):
        _write_v2(folder, memory_current=f"{mib * 2**20}\n")
        usage = cgroup.usage()
        assert usage is not None
        seen.append(usage.peak_memory_mib)

    assert seen == [100.0, 300.0, 300.0]


def test_version_1_gives_cpu_time_and_peak_of_the_parent(tmp_path: Path) -> None:
    for controller in ("cpuacct", "memory"):
        (tmp_path / controller).mkdir()
    cgroup = RunCgroup.make(token=_TOKEN, number=1, version=1, driver="cgroupfs", root=tmp_path)
    assert cgroup is not None
    name = f"segjudge_{_TOKEN}_1"
    (tmp_path / "cpuacct" / name / "cpuacct.usage").write_text("2500000000\n")
    (tmp_path / "memory" / name / "memory.max_usage_in_bytes").write_text(f"{50 * 2**20}\n")

    assert cgroup.usage() == Usage(cpu_s=2.5, peak_memory_mib=50.0, measured_by="cgroup")


def test_a_cgroup_that_nothing_ran_in_measures_nothing(tmp_path: Path) -> None:
    cgroup = _v2(tmp_path)
    assert cgroup.usage() is None  # no files: the engine has enabled no controller here

    _write_v2(tmp_path / f"segjudge_{_TOKEN}_7", memory_peak="0\n")
    (tmp_path / f"segjudge_{_TOKEN}_7" / "cpu.stat").write_text("usage_usec 0\n")
    assert cgroup.usage() is None  # the container is elsewhere, in a virtual machine


def test_where_no_cgroup_can_be_made_there_is_none(tmp_path: Path) -> None:
    made = RunCgroup.make(
        token=_TOKEN, number=1, version=2, driver="cgroupfs", root=tmp_path / "absent"
    )

    assert made is None


def test_for_systemd_the_parent_is_a_slice_of_one_level(tmp_path: Path) -> None:
    cgroup = RunCgroup.make(token=_TOKEN, number=1, version=2, driver="systemd", root=tmp_path)

    assert cgroup is not None
    assert cgroup.parent == f"segjudge_{_TOKEN}_1.slice"
    assert "-" not in cgroup.parent


def test_a_removed_cgroup_is_gone_from_every_hierarchy(tmp_path: Path) -> None:
    for controller in ("cpuacct", "memory", "pids"):
        (tmp_path / controller).mkdir()
    cgroup = RunCgroup.make(token=_TOKEN, number=1, version=1, driver="cgroupfs", root=tmp_path)
    assert cgroup is not None
    (tmp_path / "pids" / f"segjudge_{_TOKEN}_1").mkdir()  # the engine makes the others

    cgroup.remove()

    assert list(tmp_path.glob("*/segjudge_*")) == []


def test_a_runtime_that_takes_a_group_for_limited_finds_it_limited(tmp_path: Path) -> None:
    """Where a container's group is there already, gVisor sets no limit of memory itself."""
    for controller in ("cpuacct", "memory"):
        (tmp_path / controller).mkdir()
    cgroup = RunCgroup.make(token=_TOKEN, number=1, version=1, driver="cgroupfs", root=tmp_path)
    assert cgroup is not None

    cgroup.limit("container", memory_mib=100)

    folder = tmp_path / "memory" / f"segjudge_{_TOKEN}_1" / "container"
    limits = {file.name: int(file.read_text("utf-8")) >> 20 for file in folder.iterdir()}
    assert limits == {
        "memory.kmem.tcp.limit_in_bytes": 64,
        "memory.limit_in_bytes": 100,
        "memory.memsw.limit_in_bytes": 100,
    }


def test_only_the_cgroups_of_harnesses_that_are_gone_are_stale(tmp_path: Path) -> None:
    mine = Owner.current()
    gone = Owner(mine.host, "00000000", 1, 1).token
    (tmp_path / "memory").mkdir()
    for name in (f"segjudge_{gone}_3", f"segjudge_{gone}_4.slice", f"segjudge_{mine.token}_3", "x"):
        (tmp_path / name / "0a1b").mkdir(parents=True)  # of a container that was cut off with it
        (tmp_path / "memory" / name).mkdir()

    removed = remove_stale_cgroups(root=tmp_path)

    # By their names systemd forgets what it took for its own.
    assert removed == {f"segjudge_{gone}_3", f"segjudge_{gone}_4.slice"}
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("**/*"))
    kept = [f"segjudge_{mine.token}_3", "x"]
    below = (f"memory/{name}" for name in kept)
    assert left == sorted(["memory", *kept, *below, *(f"{name}/0a1b" for name in kept)])


def test_samples_of_the_engine_give_the_largest_values() -> None:
    meter = StatsMeter(Profile(None))
    for cpu_ns, used in ((10**9, 80 * 2**20), (3 * 10**9, 60 * 2**20)):
        meter.add({"cpu_stats": {"cpu_usage": {"total_usage": cpu_ns}},
                   "memory_stats": {"usage": used}})  # fmt: skip
    meter.add({})  # it has just ended
    meter.add({"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}})

    assert meter.usage() == Usage(cpu_s=3.0, peak_memory_mib=80.0, measured_by="stats")


def test_without_a_sample_nothing_is_made_up() -> None:
    assert StatsMeter(Profile(None)).usage() == Usage(
        cpu_s=None, peak_memory_mib=None, measured_by="stats"
    )


@pytest.mark.engine
def test_the_engine_s_samples_stand_in_where_no_cgroup_can_be_made(
    docker_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunCgroup, "make", lambda **_: None)

    ended = docker_bench.python(
        """
        x = bytearray(100 << 20)
        while time.process_time() < 0.5:
            pass
        time.sleep(2.5)
        """
    )

    assert ended.measured_by == "stats"
    assert ended.cpu_s == pytest.approx(0.5, abs=0.25)
    assert ended.peak_memory_mib == pytest.approx(105, rel=0.15)


@pytest.mark.engine
def test_a_short_run_of_an_ordinary_user_s_harness_is_measured_too(
    docker_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunCgroup, "make", lambda **_: None)

    ended = docker_bench.python(
        """
        x = bytearray(150 << 20)
        while time.process_time() < 0.3:
            pass
        """
    )

    assert ended.cpu_s == pytest.approx(0.3, abs=0.15)
    assert ended.peak_memory_mib == pytest.approx(155, rel=0.15)


@pytest.mark.engine
def test_pages_of_files_are_no_memory_that_a_program_has_asked_for(docker_bench: Any) -> None:
    code = """
        with open(outputs + "/f", "wb") as file:
            for _ in range({}):
                file.write(bytes(1 << 20))
        x = bytearray(b"x" * (40 << 20))
        time.sleep(0.3)
    """
    little, much = (docker_bench.python(code.format(mib)) for mib in (1, 200))
    if little.measured_by == "stats":
        pytest.skip("this user may make no cgroup for the container; the engine's samples remain")

    assert much.peak_memory_mib == pytest.approx(little.peak_memory_mib, abs=40)
    assert much.file_pages_mib > little.file_pages_mib + 150


def test_what_was_in_use_without_files_is_the_peak(tmp_path: Path) -> None:
    cgroup = _v2(tmp_path)
    folder = tmp_path / f"segjudge_{_TOKEN}_7"
    mib = 2**20
    for current, files in ((300, 250), (120, 10)):
        _write_v2(
            folder,
            memory_peak=f"{310 * mib}\n",
            memory_current=f"{current * mib}\n",
            memory_stat=f"anon {(current - files - 5) * mib}\n"
            f"file {(files + 5) * mib}\nshmem {5 * mib}\n",
        )
        usage = cgroup.usage()

    assert usage is not None
    assert (usage.peak_memory_mib, usage.file_pages_mib) == (110.0, 250.0)
    assert usage.limit_hits == 1


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_limit_of_cpus_held_back_is_kept_although_the_container_is_gone(
    tmp_path: Path, version: int
) -> None:
    for kind in ("cpu", "cpuacct", "memory") if version == 1 else ():
        (tmp_path / kind).mkdir()
    cgroup = RunCgroup.make(
        token=_TOKEN, number=7, version=version, driver="cgroupfs", root=tmp_path
    )
    assert cgroup is not None
    name = f"segjudge_{_TOKEN}_7"
    if version == 1:
        (tmp_path / "cpuacct" / name / "cpuacct.usage").write_text("2500000000\n")
        (tmp_path / "memory" / name / "memory.max_usage_in_bytes").write_text(f"{50 * 2**20}\n")
        stat = tmp_path / "cpu" / name / "0a1b" / "cpu.stat"
        held = "throttled_time {}000000\n"
    else:
        _write_v2(tmp_path / name, memory_peak=f"{50 * 2**20}\n")
        stat = tmp_path / name / "0a1b" / "cpu.stat"
        held = "usage_usec 7\nthrottled_usec {}000\n"
    stat.parent.mkdir(parents=True)

    for periods, held_ms in ((0, 0), (3, 0), (9, 250)):
        stat.write_text(f"nr_periods {periods}\nnr_throttled 1\n{held.format(held_ms)}")
        cgroup.follow()
        usage = cgroup.usage()
        assert usage is not None
        assert usage.throttled_s == (held_ms / 1000 if periods else None)
    stat.unlink()
    cgroup.follow()

    usage = cgroup.usage()
    assert usage is not None
    assert usage.throttled_s == 0.25


def test_kills_for_memory_are_known_although_the_container_s_own_group_is_gone(
    tmp_path: Path,
) -> None:
    """Under systemd it goes with its last process, and the engine may have missed why."""
    above = _v2(tmp_path)
    _write_v2(tmp_path / f"segjudge_{_TOKEN}_7", memory_peak=f"{90 * 2**20}\n")
    limits = Limits(timeout_s=1.0, memory_mib=64)

    usage = Meter(None, Profile(None), 2, limits=limits, above=above).usage()

    # The group above counts the engine's helpers, too: of time and memory it says nothing.
    assert (usage.oom_kills, usage.limit_hits, usage.cpu_s, usage.peak_memory_mib) == (
        1, 1, None, None,
    )  # fmt: skip


def test_a_slice_below_a_user_s_own_group_has_a_name_alone(tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    group = RunCgroup.make(
        token=_TOKEN, number=7, version=2, driver="systemd", root=tmp_path, below="user/"
    )

    assert group is not None
    assert group.parent == f"segjudge_{_TOKEN}_7.slice"
    assert (tmp_path / "user" / group.parent).is_dir()
    group.remove()
    assert not list((tmp_path / "user").iterdir())


def test_the_group_of_another_container_is_not_read(tmp_path: Path) -> None:
    import os

    assert RunCgroup.of_process(os.getpid(), container="0" * 64, version=1) is None
    assert RunCgroup.of_process(2**22 + 1, container="", version=2) is None


@pytest.mark.parametrize("name", ["end_all", "remove"])
def test_a_group_that_goes_while_it_is_looked_at_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cgroup = _v2(tmp_path)
    inner = tmp_path / f"segjudge_{_TOKEN}_7" / "container"
    inner.mkdir()
    listed = os.scandir

    def gone(folder: str | Path) -> Any:
        if Path(folder) == inner and inner.exists():
            inner.rmdir()
        return listed(folder)

    monkeypatch.setattr(os, "scandir", gone)
    getattr(cgroup, name)()
    assert not inner.exists()
