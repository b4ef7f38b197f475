"""`segjudge manifest build` on one pair of files, for the tests of what is read; and odd PNGs."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from data_manifest.layouts.npz_contract import read_inputs, read_reference
from evaluate.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A case that was built: what it holds, and what was said."""

    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, ...] | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds pairs, or says why they are refused."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def _run(self, image: Path, reference: Path, modality: str, labels: str) -> int:
        table = self.folder / "pairs.csv"
        row = f"a,{image},{reference},{modality},{labels}\n"
        table.write_text(f"id,image,reference,modality,labels\n{row}", encoding="utf-8")
        out = str(self.folder / "data")
        return main(["manifest", "build", "--pairs", str(table), out])

    def built(
        self, image: Path, reference: Path, *, modality: str = "MR", labels: str = ""
    ) -> Built:
        code = self._run(image, reference, modality, labels)
        said = self.capsys.readouterr().err
        assert code == 0, said
        reference_file = self.folder / "data" / "references" / "a.npz"
        found = read_reference(reference_file)
        return Built(
            image=read_inputs(self.folder / "data" / "inputs" / "a.npz").image,
            labels=found.labels,
            spacing_mm=found.spacing_mm,
            said="\n".join(line for line in said.splitlines() if line.startswith("warning")),
        )

    def refused(
        self, image: Path, reference: Path, *, modality: str = "MR", labels: str = "", of: Path
    ) -> str:
        """What is said: lines that begin with the file's name, and nothing without one."""
        assert self._run(image, reference, modality, labels) == 2
        lines = self.capsys.readouterr().err.splitlines()
        lines = [line for line in lines if not line.startswith("building: ")]
        assert lines and all(line.startswith(f"segjudge: {of}") for line in lines), lines
        # What is there, what was expected, and how to mend it.
        assert all("; expected " in line and line.count("; ") >= 2 for line in lines), lines
        return "\n".join(lines)


def grey_png(path: Path, labels: np.ndarray, bits: int) -> None:
    """A grey PNG of 2 or 4 bits, which Pillow reads and does not write."""
    height, width = labels.shape
    each = 8 // bits
    padded = np.zeros((height, -(-width // each) * each), dtype=np.uint8)
    padded[:, :width] = labels
    packed = np.zeros((height, padded.shape[1] // each), dtype=np.uint8)
    for place in range(each):
        packed |= padded[:, place::each] << (8 - bits * (place + 1))
    png(path, packed, (width, height), bits, 0)


def png(path: Path, rows: np.ndarray, size: tuple[int, int], bits: int, colours: int) -> None:
    """A PNG of these rows of bytes, of a kind that no library here writes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    data = b"".join(b"\0" + row.tobytes() for row in rows)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colours, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )
