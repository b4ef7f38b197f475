"""Where the time of one case goes, beside what no program could do without."""

import json
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from isal import isal_zlib

from data_manifest.layouts import BadPrediction, read_prediction, read_reference
from data_manifest.layouts.labels import Buffer
from evaluate.facts.rules import load_protocol
from metrics.label_extents import LabelExtents, LabelMaps
from metrics.surfaces import surface_overlaps

_REPEATS = 5


def _fastest(task: Callable[[], object]) -> float:
    """Milliseconds of the fastest of some runs."""
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        task()
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

    def read() -> LabelMaps:
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
        if labels.ndim == 2:
            return LabelMaps.of(case.labels[..., np.newaxis], labels[..., np.newaxis])
        return LabelMaps.of(case.labels, labels)

    maps = read()
    extents = LabelExtents.of(maps)
    spacing = read_reference(reference).spacing_mm or (1.0, 1.0, 1.0)
    tolerances = {
        label: 2.0 for label in extents.reference_labels if all(extents.voxels(label)[:2])
    }
    spacing_mm = tuple(spacing[::-1])
    return {
        "read": _fastest(read),
        "count": _fastest(lambda: LabelExtents.of(maps)),
        "surfaces": _fastest(
            lambda: surface_overlaps(maps, extents, tolerances, spacing_mm=spacing_mm)
        ),
        "limit": _fastest(lambda: _limit([reference, prediction])),
    }


if __name__ == "__main__":
    print(json.dumps(stages_of(Path(sys.argv[1]), Path(sys.argv[2]))))
