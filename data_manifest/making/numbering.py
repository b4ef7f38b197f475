"""A challenge's labels are 1..N: what a reference holds, numbered without gaps."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from data_manifest.manifest import Label

_MOST_LABELS = 65535


def consecutive(
    labels: npt.NDArray[np.integer], names: Mapping[int, str] | None = None
) -> tuple[npt.NDArray[np.unsignedinteger], tuple[Label, ...]]:
    """Number the labels that occur 1..N, in their order, and keep their names.

    Args:
        labels: integer, any shape, 0 is background.
        names: what the labels of `labels` stand for; the others are called `label K`, by their
            number before.

    Returns:
        The label map, uint8, or uint16 where there are more than 255 labels; and its labels.

    Raises:
        ValueError: a label below 0, or more than 65,535 labels.

    >>> consecutive(np.array([0, 7, 3, 3]), {7: "liver"})[1]
    (Label(label=1, name='label 3'), Label(label=2, name='liver'))
    """
    values = np.unique(labels)
    if values.size and values[0] < 0:
        raise ValueError(f"label {values[0]}; labels are 0 (background) and above")
    values = values[values > 0]
    if values.size > _MOST_LABELS:
        raise ValueError(f"{values.size} labels; at most {_MOST_LABELS} can be told apart")
    dtype = np.uint8 if values.size <= 255 else np.uint16
    numbered = np.zeros(labels.shape, dtype=dtype)
    for index in np.ndindex(labels.shape[:-2]):  # slice by slice: `searchsorted` gives int64
        plane = labels[index]
        inside = plane > 0
        numbered[index][inside] = np.searchsorted(values, plane[inside]) + 1
    names = names or {}
    listed = tuple(
        Label(label=number, name=names.get(int(old), f"label {old}"))
        for number, old in enumerate(values, start=1)
    )
    return numbered, listed
