"""A small data set of real files: two CT volumes as NIfTI and a picture, listed in a CSV."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from reading import Builder

from data_manifest.making.build import build_manifest
from data_manifest.making.image_pairs import pairs_from_csv

ROWS = """id,image,reference,modality,labels,source,licence,origin
,ct/a_0000.nii.gz,ct/a.nii.gz,ct,3=liver;7=spleen,a scanner,CC-BY-4.0,real
3DBox_CT_b,ct/b_0000.nii.gz,ct/b.nii.gz,CT,,"a phantom, simulated",CC0-1.0,simulated
,photo.png,photo-mask.png,Dermoscope,,,,
"""


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that cases are built from, with `cases.csv`."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "ct").mkdir()
    generator = np.random.default_rng(5)
    affine = np.diag([-0.5, -0.75, 2.5, 1.0])
    for name in "ab":
        labels = np.zeros((20, 18, 9), dtype=np.uint8)
        labels[3:9, 5:12, 2:6] = 7
        labels[12:19, 2:8, 4:8] = 3
        image = generator.normal(40, 80, labels.shape).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / f"ct/{name}_0000.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels, affine), folder / f"ct/{name}.nii.gz")
    photo = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[10:20, 15:30] = 255
    Image.fromarray(photo).save(folder / "photo.png")
    Image.fromarray(mask).save(folder / "photo-mask.png")
    (folder / "cases.csv").write_text(ROWS)
    return folder


@pytest.fixture
def built(sources: Path, tmp_path: Path) -> Path:
    """A data set of those files, to damage."""
    out = tmp_path / "data"
    build_manifest(pairs_from_csv(sources / "cases.csv"), out, margin=1, jitter=2, seed=4)
    return out


@pytest.fixture
def builder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Builder:
    """Builds a data set of one pair of files by the command."""
    return Builder(folder=tmp_path, capsys=capsys)
