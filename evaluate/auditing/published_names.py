"""What the name of a column or of a row says: metric, modality or team, average, rank, unit."""

import re
from dataclasses import dataclass

from data_manifest.naming import canonical_modality

__all__ = ["Head", "modality_of", "names_a_modality", "read_head"]

_METRICS = {
    "dsc": "dsc", "dice": "dsc", "nsd": "nsd", "iou": "iou", "jaccard": "iou", "jac": "iou",
    "sensitivity": "sensitivity", "recall": "sensitivity", "precision": "precision",
    "hd95": "hd95", "hd": "hd", "hausdorff": "hd", "assd": "assd", "asd": "assd",
    "time": "wall_s", "runtime": "wall_s", "wall": "wall_s", "latency": "wall_s",
    "cpu": "cpu_s", "memory": "peak_memory_mib", "ram": "peak_memory_mib",
}  # fmt: skip
_AVERAGES = {
    "average",
    "avg",
    "avg.",
    "mean",
    "overall",
    "macro",
    "micro",
    "all",
    "total",
    "median",
}
_RANKS = {"rank", "ranking", "place", "position", "pos"}
_COUNTS = {"n", "cases", "count"}
_UNITS = {
    "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minutes": 60.0,
    "mib": 1.0, "gib": 1024.0, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20, "mm": 1.0,
}  # fmt: skip
_DSC = re.compile(r"dice[ _]*(score|coefficient)", re.I)
_NSD = re.compile(r"surface[ _]*dice|normali[sz]ed[ _]*surface[ _]*(distance|dice)", re.I)
_IDLE = {"score", "scores", "value", "per", "case", "peak", "wall", "clock", "surface", "of", "the",
         "coefficient", "similarity", "running", "inference", "number", "over"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a column's name, or a row's, says."""

    role: str
    metric: str
    rest: str
    is_average: bool
    is_median: bool
    is_percent: bool
    scale: float


def read_head(name: str) -> Head:
    """The words of a name, sorted out.

    The metric is the first word that names one, units and idle words are left out, and what
    remains is a modality, or a team.
    """
    spelled = _NSD.sub("nsd", _DSC.sub("dsc", name))
    words = [w for w in re.split(r"[\s_/|:,;()\[\]↑↓%#@]+", spelled) if w]
    metric, rest, scale, role = "", [], 1.0, "value"
    average = median = False
    for word in words:
        plain = word.casefold().strip(".")
        if plain in _METRICS and not metric:
            metric = _METRICS[plain]
        elif plain in _RANKS:
            role = "rank"
        elif plain in _AVERAGES:
            average, median = True, median or plain == "median"
        elif plain in _UNITS:
            scale = _UNITS[plain]
        elif plain in _COUNTS and len(words) <= 3:
            role = "count"
        elif plain not in _IDLE:
            rest.append(word)
    if name.strip() == "#":
        role = "rank"
    return Head(
        role="mean_rank" if role == "rank" and average else role,
        metric=metric,
        rest=" ".join(rest),
        is_average=average,
        is_median=median,
        is_percent="%" in name,
        scale=scale,
    )


def modality_of(text: str) -> str:
    """The canonical name of a modality, or the text itself."""
    known = canonical_modality(text)
    if known is None:
        known = next(filter(None, map(canonical_modality, text.split())), None)
    return text if known is None else known


def names_a_modality(text: str) -> bool:
    """Whether a word of the text is a modality's name."""
    return any(canonical_modality(word) is not None for word in (text, *text.split()))
