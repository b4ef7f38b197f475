"""What the machine does beside a run is noticed with each sample of the calibration's load."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from evaluate.running import time_load
from evaluate.running.calibration import times_throttled
from evaluate.sandbox.measurement import others


class _Times(tuple[float, ...]):
    """As psutil gives them: user, idle and iowait."""

    user, idle, iowait = (property(lambda self, n=n: self[n]) for n in range(3))


def test_what_other_programs_take_meanwhile_is_told_in_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In 2 s the machine was busy for 4, of which 1 was this process's: 1.5 processors are others'.
    said = iter([_Times((10.0, 5.0, 1.0)), _Times((14.0, 9.0, 7.0))])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(said))
    clocks = SimpleNamespace(
        process_time=iter([1.0, 2.0]).__next__, perf_counter=iter([7.0, 9.0]).__next__
    )
    monkeypatch.setattr(others, "time", clocks)
    load = time_load(clock=iter(range(6)).__next__)
    assert (load.seconds, load.others_cpus) == (1.0, 1.5)


def test_heat_is_counted_over_all_cores_where_the_machine_says_it(tmp_path: Path) -> None:
    assert times_throttled(tmp_path) is None
    for cpu, count in enumerate((3, 0, 4)):
        folder = tmp_path / f"cpu{cpu}" / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{count}\n", encoding="ascii")
    assert times_throttled(tmp_path) == 7
