"""Whatever a library says of a file reaches the terminal with the file's name, or not at all."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_no_line_of_a_library_reaches_the_terminal(segjudge: Run, tmp_path: Path) -> None:
    """Each of these makes ITK, a codec or nibabel write to it, in C or in Python."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.dcm").write_bytes(bytes(128) + b"DICM" + b"garbage" * 30)
    lossy = pydicom.data.get_testdata_file("JPEG-lossy.dcm", download=False)
    (tmp_path / "lossy.dcm").write_bytes(Path(str(lossy)).read_bytes())
    image = nibabel.Nifti1Image(np.ones((4, 4, 4), np.uint8), np.eye(4))
    header = image.to_bytes()
    (tmp_path / "pixdim.nii").write_bytes(header[:80] + bytes(12) + header[92:])
    files = ("empty", "lossy.dcm", "pixdim.nii")
    rows = "".join(f"{file},{file},CT\n" for file in files)
    (tmp_path / "pairs.csv").write_text(f"image,reference,modality\n{rows}")
    done = segjudge("manifest", "build", "--pairs", "pairs.csv", "data")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("building: ")]
    assert len(lines) == 6
    assert all(line.startswith(tuple(f"segjudge: {file}" for file in files)) for line in lines)
