"""Clicks: in each round one voxel a label, which belongs to the label or does not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from data_manifest.prompts.kind import Dots, Hand, Shape, WrongPromptsError, checked_labels

if TYPE_CHECKING:
    from data_manifest.prompts.error_clicks import Click

_REACH = 3
"""Pixels around a click that the baseline takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clicks:
    """The clicks of one case so far; see `Prompts`.

    Attributes:
        labels: (L,) whose clicks they are, rising; a label may stand there more than once.
        given: int64, (R, L, 4) sign, z, y, x, or (R, L, 3) sign, y, x: one a round and label. The
            sign is 1 where the voxel belongs to the label, 0 where it does not, and -1 where there
            was nothing to click.
    """

    kind: ClassVar[str] = "clicks"
    one: ClassVar[str] = "click"
    keys: ClassVar[tuple[str, ...]] = ("clicks", "click_labels")

    labels: npt.NDArray[np.integer]
    given: npt.NDArray[np.integer]

    @classmethod
    def of(
        cls, labels: Sequence[int], rounds: Sequence[Sequence["Click | None"]], *, axes: int
    ) -> "Clicks":
        """From clicks as they were made, round by round; in 2D their z is 0 and is left out."""
        given = np.full((len(rounds), len(labels), 1 + axes), -1, dtype=np.int64)
        for number, clicks in enumerate(rounds):
            for column, click in enumerate(clicks):
                if click is not None:
                    given[number, column] = (int(click.foreground), *click.voxel[3 - axes :])
        return cls(labels=np.asarray(labels, dtype=np.int64), given=given)

    @classmethod
    def stored(cls, read: Callable[[str], npt.NDArray[Any]], image: tuple[int, ...]) -> "Clicks":
        """See `PromptKind.stored`."""
        given, labels = read("clicks"), read("click_labels")
        fits = given.ndim == 3 and given.shape[2] in (3, 4) and labels.shape == given.shape[1:2]
        if not fits or given.dtype.kind not in "iu" or labels.dtype.kind not in "iu":
            raise WrongPromptsError(
                f"`clicks` of dtype {given.dtype}, shape {given.shape}, with `click_labels` of"
                f" dtype {labels.dtype}, shape {labels.shape}",
                "integers, (rounds, labels, 3) in 2D or (rounds, labels, 4) in 3D, and (labels,)",
            )
        return cls(labels=labels.astype(np.int64), given=given.astype(np.int64))

    @classmethod
    def made(cls, labels: npt.NDArray[np.integer], hand: Hand) -> "Clicks":
        """One in the middle of each object, as `error_clicks` finds it; nothing is random.

        For several rounds ahead one on each object and one beside it a round, by `listed_clicks`.
        """
        if hand.rounds > 1:
            from data_manifest.prompts.listed_clicks import listed_clicks  # slow to import

            columns, given = listed_clicks(labels, hand)
            return cls(labels=np.array(columns, dtype=np.int64), given=given)
        from data_manifest.prompts.error_clicks import error_clicks  # slow to import, as scipy is

        volume = labels.reshape((1,) * (3 - labels.ndim) + labels.shape)
        wanted = checked_labels(labels)
        clicks = error_clicks(volume, np.zeros_like(volume), wanted)
        return cls.of(wanted, [clicks], axes=labels.ndim)

    def __len__(self) -> int:
        return len(set(self.labels.tolist()))

    @property
    def axes(self) -> int:
        """2 or 3."""
        return int(self.given.shape[2]) - 1

    def first(self, rounds: int) -> "Clicks":
        """Those of so many rounds."""
        return Clicks(labels=self.labels, given=self.given[:rounds])

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Plain numbers; what a challenge makes of them is its format's business."""
        return {"clicks": self.given, "click_labels": self.labels}

    def problems(self, shape: tuple[int, ...], labels: int) -> Iterator[tuple[str, str]]:
        """Another number of labels or of axes, a sign that is none, clicks beyond the image."""
        if len(self) != labels:
            yield f"clicks of {len(self)} labels", f"of {labels}"
        if self.axes != len(shape):
            yield f"clicks of {self.axes} coordinates", f"{len(shape)}"
            return
        for sign, *voxel in self._real.tolist():
            inside = all(0 <= at < size for at, size in zip(voxel, shape, strict=True))
            if sign > 1 or not inside:
                yield f"click {sign} at {voxel}", f"1 or 0, inside {shape}"

    @property
    def _real(self) -> npt.NDArray[np.integer]:
        """(N, 1 + axes), round by round."""
        clicks = self.given.reshape(-1, self.given.shape[2])
        return clicks[clicks[:, 0] >= 0]

    def shapes(self, index: int | None = None) -> list[Shape]:
        """A dot each."""
        here = [click for click in self._real.tolist() if index is None or index in click[1:-2]]
        here = self._real.tolist() if self.axes == 2 else here
        return [Dots(pixels=((y, x),), inside=sign == 1) for sign, *_, y, x in here]

    def slices(self) -> list[int]:
        """Those that have one; none in 2D."""
        return sorted(set(self._real[:, 1].tolist())) if self.axes == 3 else []

    def regions(self, shape: tuple[int, ...], margin: int = 0) -> list[tuple[slice, ...]]:
        """None: a click does not say how far its object reaches."""
        return []

    def misread(self, shape: tuple[int, ...]) -> dict[str, "Clicks"]:
        """With their axes the other way round."""
        turned = np.concatenate([self.given[..., :1], self.given[..., :0:-1]], axis=2)
        order = ", ".join("xyz"[: self.axes])
        return {f"the clicks were {order}": Clicks(labels=self.labels, given=turned)}

    def baseline(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
        """A small block around each click, in the order of the clicks."""
        labels = np.zeros(shape, np.uint16)
        for clicks in self.given.tolist():
            for label, (sign, *voxel) in zip(self.labels.tolist(), clicks, strict=True):
                if sign >= 0:
                    near = tuple(slice(max(0, at - _REACH), at + _REACH + 1) for at in voxel)
                    here = labels[near]
                    here[(here == label) | (sign == 1)] = label if sign else 0
        return labels
