"""Boxes of a volume as CVPR 2025 gives them: the object's slices, and its box in the middle one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.boxes import Boxes
from data_manifest.prompts.kind import Hand, WrongPromptsError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MiddleBoxes(Boxes):
    """See `Boxes`, whose corners in y and x are those of the middle slice here.

    Attributes:
        middles: integer, (N,): which slice that is.
    """

    kind: ClassVar[str] = "middle_boxes"
    keys: ClassVar[tuple[str, ...]] = ("middle_boxes",)

    middles: npt.NDArray[np.integer]

    @classmethod
    def stored(
        cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]
    ) -> "MiddleBoxes":
        """See `PromptKind.stored`."""
        rows = read("middle_boxes")
        if rows.dtype.kind not in "iu" or rows.ndim != 2 or rows.shape[1] != 7:
            fault = f"`middle_boxes` of dtype {rows.dtype}, shape {rows.shape}"
            raise WrongPromptsError(fault, "integers, (N, 7)")
        rows = rows.astype(np.int64)
        return cls(corners=rows[:, :6], middles=rows[:, 6])

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], hand: Hand) -> "MiddleBoxes":
        """See `PromptKind.made`: the middle one of the slices that have the object."""
        whole = Boxes.made(labels, Hand(generator=hand.generator)).corners
        if labels.ndim != 3:
            raise ValueError(f"labels of {labels.ndim} axes; boxes of a middle slice need 3")
        middles = []
        corners = whole.copy()
        for label, box in enumerate(whole, start=1):
            slices = np.flatnonzero((labels == label).any(axis=(1, 2)))
            middles.append(slices[len(slices) // 2])
            here = (labels[middles[-1]] == label).astype(np.uint8)
            made = Boxes.made(here, hand).corners[0]
            corners[label - 1] = [*made[:2], box[2], *made[2:], box[5]]
        return cls(corners=corners, middles=np.array(middles, dtype=np.int64))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """One row each: x_min, y_min, z_min, x_max, y_max, z_max, and the middle slice."""
        return {"middle_boxes": np.column_stack([self.corners, self.middles])}
