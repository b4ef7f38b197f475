"""What the challenges' own code gives: seeded inputs and values, beside the checkout.

They are made by others and are no part of this repository; tests that need them are skipped where
they are not there.
"""

import importlib.util
import math
import subprocess
import sys
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

REFERENCE = Path(__file__).parents[4] / "shared" / "reference"
KEYS = {
    "brats23": {"scores.csv": ["Challenge", "Case", "Labels"]},
    "conic22": {"classes.csv": ["patch", "class"]},
    "toothfairy2": {"labels.csv": ["case", "label"]},
    "toothfairy3": {"labels.csv": ["case", "label"]},
}

needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason=f"the challenges' values are not here; to run this, put them into {REFERENCE}",
)


def inputs(challenge, folder):
    """Make a challenge's inputs of seed 7."""
    generator = REFERENCE / challenge / "cases.py"
    subprocess.run(
        [sys.executable, str(generator), "make", str(folder), "7"], check=True, capture_output=True
    )
    return folder


@cache
def _checker():
    spec = importlib.util.spec_from_file_location("reference_check", REFERENCE / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def official_values(challenge):
    """Every official number by its address: FILE/KEYS/COLUMN; None where it is undefined."""
    cells = _checker().official_values(REFERENCE / challenge / "7", KEYS.get(challenge, {}))
    undefined = {"", "nan"}
    return {
        at: None if text in undefined else _checker().number(text) for at, text in cells.items()
    }


def differences(found, expected, *, within):
    """The official values that ours do not equal, with both; and those that ours lack.

    Args:
        found: ours by address.
        expected: official ones by address.
        within: by address, the difference allowed, absolute and relative.
    """
    wrong = {}
    for address, theirs in expected.items():
        ours = found.get(address, "not there")
        if isinstance(ours, float | int | np.number) and math.isnan(ours):
            ours = None
        if isinstance(theirs, float) and isinstance(ours, float | int | np.number):
            allowed = within(address)
            same = math.isclose(ours, theirs, rel_tol=allowed, abs_tol=max(allowed, 1e-12))
        else:
            same = ours == theirs
        if not same:
            wrong[address] = (ours, theirs)
    return wrong


def load_nifti(path):
    """An array in the order x, y, z, and its header's spacing in that order."""
    image = nib.load(path)
    return np.asanyarray(image.dataobj), tuple(float(z) for z in image.header.get_zooms()[:3])


def load_mha(path):
    """An array in the order z, y, x, and its spacing in the order x, y, z."""
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), image.GetSpacing()
