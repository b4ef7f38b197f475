"""Data sets as others lay them out, small: nnU-Net, a task of the decathlon, BraTS, BIDS, FLARE."""

import json
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt

SHAPE, SPACING = (20, 18, 8), (0.9, 0.9, 3.0)
"""x, y, z, as in the files."""


def label_map(*labels: int) -> npt.NDArray[np.uint16]:
    """A block of each label, one beside the other."""
    found = np.zeros(SHAPE, np.uint16)
    for number, label in enumerate(labels):
        found[3 + 5 * number : 7 + 5 * number, 4:9, 2:6] = label
    return found


def save(
    path: Path, array: npt.NDArray[np.generic], *, mirrored: bool = False, oblique: bool = False
) -> Path:
    """A NIfTI file; `mirrored` stores the same body with x running to the left."""
    affine = np.diag([*SPACING, 1.0])
    if oblique:  # as a scanner's head coil stands
        turn = np.array([[1, 0, 0, 0], [0, 0.8, -0.6, 0], [0, 0.6, 0.8, 0], [0, 0, 0, 1]])
        affine = turn @ affine
    if mirrored:
        affine[0, 0], affine[0, 3] = -SPACING[0], (SHAPE[0] - 1) * SPACING[0]
        array = array[::-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def bright(labels: npt.NDArray[np.uint16], seed: int = 0) -> npt.NDArray[np.int16]:
    """An image off which the labels can be read: 1,000 above a noisy ground."""
    noise = np.random.default_rng(seed).integers(0, 50, SHAPE)
    return np.where(labels > 0, 1000 + labels, noise).astype(np.int16)


def nnunet(root: Path) -> Path:
    """Three cases of two channels, labels 111 and 353, a reference stored mirrored, two folds."""
    labels = label_map(111, 353)
    for case in ("p1_a", "p1_b", "p2_a"):
        for channel in range(2):
            save(root / "imagesTr" / f"{case}_{channel:04d}.nii.gz", bright(labels, channel))
        save(root / "labelsTr" / f"{case}.nii.gz", labels, mirrored=case == "p2_a")
    save(root / "imagesTs" / "x_0000.nii.gz", bright(labels))
    about = {
        "channel_names": {"0": "T1", "1": "FLAIR"},
        "labels": {"background": 0, "left": 111, "right": 353},
        "numTraining": 3,
        "file_ending": ".nii.gz",
    }
    splits = [{"train": ["p2_a"], "val": ["p1_a", "p1_b"]}, {"train": [], "val": ["p2_a"]}]
    (root / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
    (root / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    return root


def msd(root: Path) -> Path:
    """Two oblique cases, both channels in one file with four axes, and what macOS leaves."""
    labels = label_map(1, 2)
    names = [f"BRATS_{number:03d}" for number in (1, 2)]
    for name in names:
        both = np.stack([bright(labels), bright(labels, 7)], axis=-1)
        save(root / "imagesTr" / f"{name}.nii.gz", both, oblique=True)
        save(root / "labelsTr" / f"{name}.nii.gz", labels, oblique=True)
    (root / "imagesTr" / "._BRATS_001.nii.gz").write_bytes(b"\0")
    save(root / "imagesTs" / "BRATS_100.nii.gz", bright(labels))
    listed = [
        {"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"}
        for name in (*names, "._BRATS_001")
    ]
    about = {
        "modality": {"0": "FLAIR", "1": "T1w"},
        "labels": {"0": "background", "1": "edema", "2": "tumour"},
        "licence": "CC-BY-SA 4.0",
        "training": listed,
        "test": ["./imagesTs/BRATS_100.nii.gz"],
    }
    (root / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
    return root


def brats(root: Path) -> Path:
    """Two time points of one patient and one of another, four channels each."""
    labels = label_map(1, 2, 3)
    for subject in ("BraTS-GLI-00001-000", "BraTS-GLI-00001-001", "BraTS-GLI-00002-000"):
        for seed, channel in enumerate(("t1n", "t1c", "t2w", "t2f")):
            save(root / subject / f"{subject}-{channel}.nii.gz", bright(labels, seed))
        save(root / subject / f"{subject}-seg.nii.gz", labels)
    return root


def bids(root: Path) -> Path:
    """Two subjects, one with two sessions, T1w and FLAIR each; masks and their names beside."""
    labels = label_map(1, 2)
    for session in ("sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1"):
        name = session.replace("/", "_")
        for suffix in ("T1w", "FLAIR"):
            save(root / session / "anat" / f"{name}_{suffix}.nii.gz", bright(labels))
            (root / session / "anat" / f"{name}_{suffix}.json").write_text("{}")
        save(root / "derivatives" / "manual" / session / "anat" / f"{name}_dseg.nii.gz", labels)
    save(root / "sub-03" / "anat" / "sub-03_T1w.nii.gz", bright(labels))
    (root / "dataset_description.json").write_text("{}")
    (root / "participants.tsv").write_text("participant_id\tfold\nsub-01\ttrain\nsub-02\ttest\n")
    (root / "derivatives" / "manual" / "dseg.tsv").write_text("index\tname\n1\tcyst\n2\tstone\n")
    return root


def flare(root: Path) -> Path:
    """nnU-Net's folders without json, and a part with references that is the test's."""
    for part, case in (("Tr", "FLARE22_Tr_0001"), ("Ts", "FLARE22_Ts_0001")):
        save(root / f"images{part}" / f"{case}_0000.nii.gz", bright(label_map(1, 13)))
        save(root / f"labels{part}" / f"{case}.nii.gz", label_map(1, 13))
    return root


def grand_challenge(root: Path) -> Path:
    """Two jobs of two slugs under made-up names, which inputs.json translates."""
    for job, case in (("0f3a", "case-1"), ("9b1c", "case-2")):
        inputs = []
        for slug in ("ct", "pet"):
            path = save(root / job / "images" / slug / f"{job}{slug}.nii.gz", bright(label_map(1)))
            interface = {"slug": f"{slug}-image", "relative_path": f"images/{slug}"}
            inputs.append({"interface": interface, "image": {"name": f"{case}.mha"}})
            assert path.is_file()
        (root / job / "inputs.json").write_text(json.dumps(inputs), encoding="utf-8")
        save(root / "ground_truth" / f"{case}.nii.gz", label_map(1))
    return root
