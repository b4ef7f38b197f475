"""Where the time of one case goes, beside what no program could do without."""

import json
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from isal import isal_zlib

from data_manifest.layouts import BadPrediction, read_prediction, read_reference
from data_manifest.layouts.labels import Buffer
from evaluate.facts.rules import load_protocol
from metrics.arguments import LabelMap
from metrics.kernel import keep_memory
from metrics.label_extents import LabelExtents, LabelMaps
from metrics.surfaces import surface_overlaps

_REPEATS = 5

Given = TypeVar("Given")


def _fastest(task: Callable[[Given], object], given: Callable[[], Given]) -> float:
    """Milliseconds of the fastest of some runs, each with its own of what is given."""
    times = []
    for _ in range(_REPEATS):
        its = given()
        started = time.perf_counter()
        task(its)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def _limit(paths: list[Path]) -> None:
    """Inflate, check, and look at every byte once, in cache."""
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with path.open("rb") as stream:
                    stream.seek(info.header_offset + 26)
                    lengths = np.frombuffer(stream.read(4), "<u2")
                    stream.seek(int(lengths.sum()), 1)
                    data = stream.read(info.compress_size)
                inflater, crc = isal_zlib.decompressobj(-15), 0
                while not inflater.eof and (block := inflater.decompress(data, 1 << 19)):
                    crc = isal_zlib.crc32(block, crc)
                    np.frombuffer(block, np.uint8).max()
                    data = inflater.unconsumed_tail


def stages_of(reference: Path, predictions: Path) -> dict[str, float]:
    """Milliseconds of reading, counting and measuring a case, and of the limit."""
    protocol = load_protocol("cvpr24")
    buffers = Buffer(), Buffer()
    prediction = predictions / reference.name

    def read() -> tuple[LabelMap, LabelMap]:
        case = read_reference(reference, into=buffers[0])
        labels = read_prediction(
            prediction,
            output=protocol.output,
            shape=case.labels.shape,
            spacing_mm=case.spacing_mm,
            max_bytes=1 << 30,
            into=buffers[1],
        )
        assert not isinstance(labels, BadPrediction)  # noqa: S101  # we wrote it
        slab = np.newaxis if labels.ndim == 2 else slice(None)
        return case.labels[..., slab], labels[..., slab]

    def counted() -> tuple[LabelMaps, LabelExtents]:
        fresh = LabelMaps.of(*maps)  # what is known of a map is kept with it
        return fresh, LabelExtents.of(fresh)

    keep_memory()
    maps = read()
    extents = counted()[1]
    spacing = read_reference(reference).spacing_mm or (1.0, 1.0, 1.0)
    tolerances = {
        label: 2.0 for label in extents.reference_labels if all(extents.voxels(label)[:2])
    }
    spacing_mm = tuple(spacing[::-1])
    return {
        "read": _fastest(lambda _: read(), lambda: None),
        "count": _fastest(LabelExtents.of, lambda: LabelMaps.of(*maps)),
        "surfaces": _fastest(
            lambda its: surface_overlaps(*its, tolerances, spacing_mm=spacing_mm), counted
        ),
        "limit": _fastest(lambda _: _limit([reference, prediction]), lambda: None),
    }


if __name__ == "__main__":
    print(json.dumps(stages_of(Path(sys.argv[1]), Path(sys.argv[2]))))
