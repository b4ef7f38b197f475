"""Images and a submission to try."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from evaluate.checking.starter import ready_participants


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture and a volume with a bright object, and the volume's reference."""
    folder = tmp_path_factory.mktemp("images")
    rows, columns = np.ogrid[:120, :160]
    disc = (rows - 60) ** 2 + (columns - 80) ** 2 < 30**2
    picture = np.where(disc, 190, 60).astype(np.uint8)
    Image.fromarray(np.repeat(picture[:, :, None], 3, axis=2)).save(folder / "disc.png")
    volume = np.repeat(picture.T[:, :, None], 6, axis=2)
    volume[:, :, 0] = 60
    labels = np.repeat(disc.T[:, :, None], 6, axis=2).astype(np.uint8)
    labels[:, :, 0] = 0
    affine = np.array([[0.7, 0, 0, -30], [0, 0.7, 0, 12], [0, 0, 2.5, 5], [0, 0, 0, 1.0]])
    for name, array in (("volume", volume.astype(np.int16)), ("truth", labels)):
        nibabel.save(nibabel.Nifti1Image(array, affine), folder / f"{name}.nii.gz")
    return folder


@pytest.fixture(scope="session")
def boxfill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ready_participants(tmp_path_factory.mktemp("ready"))["boxfill"]
