"""The only list of metrics: those of `metrics.catalogue`, and those that other packages bring in.

Another package names its metric in its own metadata, and needs no change here:

    [project.entry-points."segjudge.metrics"]
    my_metric = "my_package:my_metric"

What stands there is a `MetricDef`, or a function of two masks, `my_metric(reference, prediction, *,
spacing_mm)`, whose values run from 0 to 1, and 1 is best.
"""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from metrics import catalogue
from metrics.definition import MetricDef
from metrics.errors import MetricInputError
from metrics.label_pair import LabelPair

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "segjudge.metrics"

_ORDER = (
    "dsc",
    "nsd",
    "iou",
    "sensitivity",
    "precision",
    "volume_difference",
    "hd",
    "hd95",
    "assd",
)
"""The order of old in tables and pages; what is not named follows by module."""


class Registry(Mapping[str, MetricDef]):
    """Every metric, by name. Another package's is imported when it is asked for."""

    @cached_property
    def _own(self) -> dict[str, MetricDef]:
        modules = sorted(m.name for m in pkgutil.iter_modules(catalogue.__path__))
        known = {
            metric.name: metric
            for name in sorted(modules, key=lambda name: (name == "runs", name))
            for metric in import_module(f"{catalogue.__name__}.{name}").DEFINITIONS
        }
        return {name: known[name] for name in (*_ORDER, *(n for n in known if n not in _ORDER))}

    @cached_property
    def _foreign(self) -> "dict[str, EntryPoint]":
        from importlib.metadata import entry_points  # takes a while, and few metrics are foreign

        points = entry_points(group=ENTRY_POINTS)
        return {point.name: point for point in points if point.name not in self._own}

    @cached_property
    def _loaded(self) -> dict[str, MetricDef]:
        return {}

    def __getitem__(self, name: str) -> MetricDef:
        """A metric by its name.

        Raises:
            KeyError: there is none.
            MetricInputError: another package's can't be imported, or is no metric.
        """
        if name in self._own:
            return self._own[name]
        if name not in self._loaded:
            self._loaded[name] = _of_entry_point(self._foreign[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._foreign

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from sorted(self._foreign)

    def __len__(self) -> int:
        return len(self._own) + len(self._foreign)

    def package_of(self, name: str) -> str:
        """The package that another package's metric comes from."""
        return self._foreign[name].module.partition(".")[0]

    def is_foreign(self, name: str) -> bool:
        """Whether another package brings it in."""
        return name not in self._own


METRICS = Registry()
"""Every metric, by name."""


def _of_entry_point(point: "EntryPoint") -> MetricDef:
    try:
        made = point.load()
    except Exception as error:  # another package's code: whatever it raises, it is not there
        raise MetricInputError(
            argument=f"metric {point.name}",
            found=f"{point.value} can't be imported: {type(error).__name__}: {error}",
            expected="a MetricDef or a function, of a package that is installed whole",
        ) from error
    if isinstance(made, MetricDef):
        return replace(made, name=point.name)
    if not callable(made):
        raise MetricInputError(
            argument=f"metric {point.name}",
            found=f"{point.value}, a {type(made).__name__}",
            expected="a MetricDef or a function",
        )

    def compute(pair: LabelPair) -> Any:
        return made(*pair.masks, spacing_mm=pair.spacing_mm)

    said = (inspect.getdoc(made) or f"As {point.value} computes it.").split("\n\n")[0]
    return MetricDef(
        name=point.name,
        title=point.name,
        long_title=point.name,
        definition=" ".join(said.split()),
        direction="higher",
        worst=0.0,
        compute=compute,
    )
