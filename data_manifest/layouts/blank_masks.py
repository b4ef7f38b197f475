"""Masks without any label, on a reference's grid: valid answers that give nothing away."""

from pathlib import Path

import numpy as np

from data_manifest.layouts.formats import FORMATS, format_of
from data_manifest.layouts.named_files import OutputFile
from data_manifest.layouts.references import read_reference


def write_blank_mask(path: Path, reference: Path, output: OutputFile) -> None:
    """Write a mask of the reference's shape and place, all 0.

    Args:
        path: of the mask, whose ending is the format's.
        reference: one case's.
        output: the protocol's.

    Raises:
        CaseFileError: the reference can't be read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    known = read_reference(reference)
    if FORMATS[output.format].has_keys:
        nothing = {output.key: np.zeros(known.labels.shape, np.uint8)}
        np.savez_compressed(path, **nothing)  # type: ignore[arg-type]
        return
    import SimpleITK as sitk  # noqa: N813  (slow to import; the name that everyone gives it)

    stored = format_of(reference.name)
    if stored is not None and not stored.has_keys:
        grid = sitk.ReadImage(str(reference))
        blank = sitk.Image(grid.GetSize(), sitk.sitkUInt8)
        blank.CopyInformation(grid)
    else:
        blank = sitk.GetImageFromArray(np.zeros(known.labels.shape, np.uint8))
        if known.spacing_mm is not None:
            blank.SetSpacing(known.spacing_mm[::-1])
    sitk.WriteImage(blank, str(path), useCompression=True)
