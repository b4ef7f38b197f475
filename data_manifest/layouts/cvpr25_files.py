"""A case as CVPR 2025's tracks give it to containers: npz with pickled prompts.

Teams' containers expect `boxes`, `clicks`, `clicks_order` and `text_prompts` as pickled arrays of
objects, so they are written so. An organiser's own are read as data, and nothing in them is called.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_manifest.cases import CaseInputs
from data_manifest.layouts.npz import NpzArchive
from data_manifest.layouts.npz_writing import write_npz
from data_manifest.prompts import Clicks, MiddleBoxes, Texts

_BOX = (
    *("z_mid_x_min", "z_mid_y_min", "z_min", "z_mid_x_max", "z_mid_y_max", "z_max"),
    "z_mid",
)


def write_cvpr25(path: Path, inputs: CaseInputs) -> None:
    """Write what a container gets in a round; the same arrays give the same bytes.

    Keys: `imgs`, `spacing` (x, y, z); `boxes`, an object array of dictionaries; from the first
    clicks on `clicks`, an object array (L,) of `{"fg": [[z, y, x], ...], "bg": [...]}`,
    `clicks_order` (L, rounds) of "fg", "bg" or None, and `prev_pred`; of texts `text_prompts`, a
    dictionary of texts by label and of `instance_label`.

    Raises:
        ValueError: prompts of a kind that these files do not have.
    """
    arrays: dict[str, npt.NDArray[Any]] = {"imgs": inputs.image}
    if inputs.spacing_mm is not None:
        arrays["spacing"] = np.asarray(inputs.spacing_mm[::-1], dtype=np.float64)
    for prompts in inputs.prompts:
        if isinstance(prompts, MiddleBoxes):
            rows = prompts.arrays()["middle_boxes"].tolist()
            arrays["boxes"] = _objects([dict(zip(_BOX, row, strict=True)) for row in rows])
        elif isinstance(prompts, Clicks):
            arrays |= _clicks(prompts)
        elif isinstance(prompts, Texts):
            arrays["text_prompts"] = _objects([prompts.asked()]).reshape(())
        else:
            raise ValueError(f"{prompts.kind}, which these files do not hold")
    if inputs.previous is not None:
        arrays["prev_pred"] = inputs.previous
    write_npz(path, arrays, pickled=("boxes", "clicks", "clicks_order", "text_prompts"))


def _clicks(prompts: Clicks) -> dict[str, npt.NDArray[Any]]:
    clicks, orders = [], []
    for column in range(len(prompts.labels)):
        of_label: dict[str, list[list[int]]] = {"fg": [], "bg": []}
        order = [{1: "fg", 0: "bg"}.get(sign) for sign in prompts.given[:, column, 0].tolist()]
        for said, voxel in zip(order, prompts.given[:, column, 1:].tolist(), strict=True):
            if said is not None:
                of_label[said].append(voxel)
        clicks.append(of_label)
        orders.append(order)
    return {"clicks": _objects(clicks), "clicks_order": np.array(orders)}


def _objects(values: list[Any]) -> npt.NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def read_pickled_texts(path: Path) -> Texts | None:
    """The texts of a case file of the challenge's data; None where it has none.

    Raises:
        NpzError: the file is damaged, or says anything but dictionaries of texts and numbers.
        ValueError: they are no texts by label.
    """
    with NpzArchive(path) as archive:
        asked = archive.objects("text_prompts") if "text_prompts" in archive.names else None
    if asked is None:
        return None
    return Texts.of(asked[0] if asked else None, dimensions=3)


def read_pickled_boxes(path: Path) -> MiddleBoxes | None:
    """The boxes of a case file of the challenge's data; None where it has none.

    Raises:
        NpzError: the file is damaged, or says anything but dictionaries of numbers.
        ValueError: they are not a list of dictionaries of whole numbers.
    """
    with NpzArchive(path) as archive:
        boxes = archive.objects("boxes") if "boxes" in archive.names else None
    if boxes is None:
        return None
    rows = [[_whole(box, key) for key in _BOX] for box in boxes]
    table = np.array(rows, dtype=np.int64).reshape(-1, len(_BOX))
    return MiddleBoxes(corners=table[:, :6], middles=table[:, 6])


def _whole(box: object, key: str) -> int:
    value = box.get(key) if isinstance(box, dict) else None
    if type(value) is not int:
        raise ValueError(f"a box without a whole number {key}")
    return value
