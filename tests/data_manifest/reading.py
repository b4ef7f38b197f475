"""`segjudge manifest build` on one pair of files, for the tests of what is read and how."""

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
        return "\n".join(lines)
