"""Random masks, label maps, spacings and tolerances: what the property tests draw from."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


@st.composite
def label_pairs(draw, *, dimension=3, labels=3, longest=9):
    """Two label maps of one shape, thin axes likely, labels often at the border.

    Half are unrelated, half are a map and the same map moved by up to two voxels.
    """
    shape = draw(hnp.array_shapes(min_dims=dimension, max_dims=dimension, max_side=longest))
    maps = hnp.arrays(np.uint8, shape, elements=st.integers(0, labels))
    reference = draw(maps)
    if draw(st.booleans()):
        return reference, draw(maps)
    steps = [draw(st.integers(-2, 2)) for _ in shape]
    return reference, np.roll(reference, steps, axis=tuple(range(dimension)))


def mask_pairs(**options):
    """Two masks of one shape, either of which may be empty."""
    return label_pairs(labels=1, **options).map(lambda pair: tuple(m.astype(bool) for m in pair))


def spacings(dimension=3):
    """Clinical, tiny, huge and strongly anisotropic spacings."""
    usual = st.sampled_from([0.1, 0.3, 0.4, 0.7, 0.8, 1.0, 1.25, 2.5, 5.0])
    unusual = st.sampled_from([1e-6, 0.01, 37.0, 1e6]) | st.floats(0.05, 20.0)
    return st.tuples(*[usual | usual | unusual] * dimension)


def exact_spacings(dimension=3):
    """Spacings whose distances float64 compares without rounding."""
    return st.tuples(*[st.sampled_from([0.5, 0.75, 1.0, 1.25, 2.5])] * dimension)


@st.composite
def tolerances(draw, spacing_mm):
    """A tolerance: 0, the challenge's 2 mm, any length, or exactly a distance on the grid."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return 0.0
    if kind == 1:
        return 2.0
    if kind == 2:
        return draw(st.floats(0.01, 10.0))
    steps = [draw(st.integers(0, 3)) for _ in spacing_mm]
    return float(np.sqrt(sum((n * s) ** 2 for n, s in zip(steps, spacing_mm, strict=True))))
