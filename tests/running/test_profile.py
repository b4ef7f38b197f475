"""The area under a resource profile, against another implementation of the trapezoidal rule."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from evaluate.running.profiles_kept import memory_area_mib_s, profile_csv
from evaluate.sandbox import Sample

samples = st.lists(
    st.tuples(st.floats(0, 1e4), st.floats(0, 1e5)),
    min_size=1,
    max_size=50,
    unique_by=lambda x: x[0],
)


@given(samples, st.floats(0, 100))
def test_the_area_is_that_of_the_samples_with_the_ends_held(
    taken: list[tuple[float, float]], after: float
) -> None:
    taken = sorted(taken)
    profile = [Sample(at_s=t, cpu_s=0.0, memory_mib=m) for t, m in taken]
    wall_s = taken[-1][0] + after
    times, values = np.array(taken).T
    held = taken[0][0] * taken[0][1] + after * taken[-1][1]

    area = memory_area_mib_s(profile, wall_s)

    assert area == pytest.approx(trapezoid(values, times) + held, rel=1e-9, abs=1e-6)


def test_the_file_says_how_many_cores_were_at_work() -> None:
    profile = [
        Sample(at_s=0.5, cpu_s=0.25, memory_mib=10.0),
        Sample(at_s=1.0, cpu_s=1.25, memory_mib=20.0),
    ]

    rows = list(csv.DictReader(io.StringIO(profile_csv(profile).decode())))

    assert [float(row["cpu_percent"]) for row in rows] == [50.0, 200.0]
    assert [float(row["memory_mib"]) for row in rows] == [10.0, 20.0]
