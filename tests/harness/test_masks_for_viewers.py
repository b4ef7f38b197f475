"""`segjudge export masks`: what viewers read is what the scorer read, and lies where it should."""

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from data_manifest.layouts import write_viewable_mask
from evaluate.cli import main

END = ".nii.gz"


@pytest.mark.parametrize("spacing", [(2.5, 0.8, 0.7), None])
def test_a_mask_read_back_has_its_labels_its_spacing_and_its_place(
    tmp_path: Path, spacing: tuple[float, ...] | None
) -> None:
    labels = np.random.default_rng(1).integers(0, 400, (4, 5, 6)).astype(np.uint16)
    affine = np.array([[0, -0.8, 0, 4], [0.7, 0, 0, -9], [0, 0, 2.5, 30], [0, 0, 0, 1.0]])
    for name, placed in (("placed", affine), ("unplaced", None)):
        path = tmp_path / f"{name}.nii.gz"
        write_viewable_mask(path, labels, spacing_mm=spacing, affine=placed)
        image = sitk.ReadImage(str(path))
        assert np.array_equal(sitk.GetArrayFromImage(image), labels)
        read = nibabel.load(path)
        assert np.array_equal(np.asanyarray(read.dataobj).transpose(2, 1, 0), labels)
        expected = (1, 1, 1) if spacing is None else spacing[::-1]
        if placed is None:
            assert image.GetSpacing() == pytest.approx(expected)
            assert image.GetOrigin() == (0, 0, 0)
            assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
        else:
            assert np.allclose(read.affine, affine)
            first = np.array(image.TransformIndexToPhysicalPoint((1, 2, 3)))
            assert np.allclose(first * [-1, -1, 1], (affine @ [1, 2, 3, 1])[:3])


def test_a_picture_is_a_volume_of_one_slice(tmp_path: Path) -> None:
    path = tmp_path / "picture.nii.gz"
    write_viewable_mask(path, np.eye(7, 9, dtype=np.uint8), spacing_mm=None)
    assert sitk.ReadImage(str(path)).GetSize() == (9, 7, 1)


def test_every_mask_of_a_run_is_written_and_failures_are_named(
    small_data: Path,
    participants: Path,
    make_submission: Callable[[str, str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, out = tmp_path / "run", tmp_path / "masks"
    crash = make_submission("crash", "sys.exit(4)")
    arguments = ["--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "local"]
    teams = [f"--submission=boxfill={participants / 'boxfill'}", f"--submission=crash={crash}"]
    assert main([*map(str, ("run", *arguments, *teams, run))]) == 0
    capsys.readouterr()
    assert main(["export", "masks", str(run), str(out)]) == 0
    said = capsys.readouterr()
    kept = sorted((run / "predictions" / "boxfill").iterdir())
    assert len(kept) > 1
    for path in kept:
        with np.load(path) as stored:
            image = sitk.GetArrayFromImage(sitk.ReadImage(str(out / "boxfill" / path.stem) + END))
            assert np.array_equal(image.reshape(stored["segs"].shape), stored["segs"])
    assert len(list(out.rglob(f"*{END}"))) == len(kept)
    assert f"{len(kept)} masks" in said.out
    assert f"crash, {kept[0].stem}" in said.err
    assert main(["export", "masks", str(run), str(out)]) == 2
    assert "not empty" in capsys.readouterr().err
