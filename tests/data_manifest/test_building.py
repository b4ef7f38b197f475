"""A build is right, whole or absent, in nobody's way, and the same every time."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from data_manifest import demo
from data_manifest.demo.records import DemoPackageMissing, RawCase
from data_manifest.errors import ManifestError
from data_manifest.layouts import read_inputs, read_reference
from data_manifest.making.build import build_demo, build_manifest
from data_manifest.making.image_pairs import Pair, pairs_from_csv
from data_manifest.manifest import load_manifest
from data_manifest.verify import verify_manifest


def tree(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_build_holds_cases_in_the_challenges_layout(built: Path) -> None:
    names = ("2DBox_Dermoscopy_photo", "3DBox_CT_a", "3DBox_CT_b")
    assert sorted(tree(built)) == sorted(
        ["manifest.json", *(f"{kind}/{n}.npz" for kind in ("inputs", "references") for n in names)]
    )
    assert verify_manifest(built / "manifest.json") == []
    photo, first, second = load_manifest(built / "manifest.json").cases
    assert (photo.id, first.id, second.id) == names
    assert (first.dimension, first.shape, first.spacing_mm) == ("3D", (9, 18, 20), (2.5, 0.75, 0.5))
    assert [(label.label, label.name) for label in first.labels] == [(1, "liver"), (2, "spleen")]
    assert (first.source, first.licence, first.origin) == ("a scanner", "CC-BY-4.0", "real")
    assert (second.labels[0].name, second.origin) == ("label 3", "simulated")
    assert (photo.dimension, photo.shape, photo.spacing_mm) == ("2D", (30, 40), None)


def test_image_boxes_and_labels_lie_on_each_other(built: Path, sources: Path) -> None:
    inputs = read_inputs(built / "inputs/3DBox_CT_a.npz")
    reference = read_reference(built / "references/3DBox_CT_a.npz")
    raw = np.asarray(nibabel.load(sources / "ct/a_0000.nii.gz").dataobj).T  # type: ignore[attr-defined]
    expected = (np.clip(raw, -160, 240) + 160.0) / 400 * 255
    np.testing.assert_array_equal(inputs.image, expected.astype(np.uint8))
    assert inputs.spacing_mm == reference.spacing_mm == (2.5, 0.75, 0.5)
    for number, tight in ((1, [12, 2, 4, 18, 7, 7]), (2, [3, 5, 2, 8, 11, 5])):
        found = np.argwhere(reference.labels == number)[:, ::-1]
        assert [*found.min(axis=0), *found.max(axis=0)] == tight
        box = inputs.prompts[0].corners[number - 1]
        assert (box[2], box[5]) == (tight[2], tight[5])  # z is exact
        wider = np.concatenate([np.array(tight[:2]) - box[:2], box[3:5] - np.array(tight[3:5])])
        limits = [tight[0], tight[1], 19 - tight[3], 17 - tight[4]]
        assert all(min(1, limit) <= side <= 3 for side, limit in zip(wider, limits, strict=True))


def test_a_mask_of_0_and_255_is_label_1(built: Path) -> None:
    labels = read_reference(built / "references/2DBox_Dermoscopy_photo.npz").labels
    assert np.unique(labels).tolist() == [0, 1]
    assert labels[10:20, 15:30].all()
    assert labels.sum() == 150


def test_the_same_sources_and_seed_give_the_same_bytes(sources: Path, tmp_path: Path) -> None:
    pairs = pairs_from_csv(sources / "cases.csv")
    for name, given, seed in (("a", pairs, 1), ("b", pairs[::-1], 1), ("c", pairs, 2)):
        build_manifest(given, tmp_path / name, name="set", jitter=9, seed=seed)
    one, again, other = (tree(tmp_path / name) for name in "abc")
    assert one == again
    assert one["inputs/3DBox_CT_a.npz"] != other["inputs/3DBox_CT_a.npz"]
    assert one["references/3DBox_CT_a.npz"] == other["references/3DBox_CT_a.npz"]


def test_a_case_more_does_not_change_the_others_boxes(sources: Path, tmp_path: Path) -> None:
    pairs = pairs_from_csv(sources / "cases.csv")
    build_manifest(pairs, tmp_path / "all", jitter=9)
    build_manifest(pairs[1:2], tmp_path / "one", jitter=9)
    name = "inputs/3DBox_CT_b.npz"
    assert tree(tmp_path / "all")[name] == tree(tmp_path / "one")[name]
    paths = [tmp_path / f"all/inputs/3DBox_CT_{n}.npz" for n in "ab"]
    twins = [read_inputs(path).prompts[0].corners.tolist() for path in paths]
    assert twins[0] != twins[1]  # of the same reference, each with a jitter of its own


def test_a_window_is_for_ct_alone(sources: Path, tmp_path: Path) -> None:
    first = pairs_from_csv(sources / "cases.csv")[0]
    pairs = [first, replace(first, modality="MR")]
    build_manifest(pairs, tmp_path / "soft")
    build_manifest(pairs, tmp_path / "bone", window=(400.0, 2000.0))
    soft, bone = tree(tmp_path / "soft"), tree(tmp_path / "bone")
    assert soft["inputs/3DBox_CT_a.npz"] != bone["inputs/3DBox_CT_a.npz"]
    assert soft["inputs/3DBox_MR_a.npz"] == bone["inputs/3DBox_MR_a.npz"]


def test_the_organisers_filters_are_applied_where_they_are_asked_for(tmp_path: Path) -> None:
    labels = np.zeros((30, 30, 8), dtype=np.uint8)
    labels[0:4, 0:4, 3] = 1  # too small
    labels[10:20, 10:20, 2:5] = 4
    for name, volume in (("i", labels * 9.0), ("r", labels)):
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / f"{name}.nii")
    pair = Pair(
        image=tmp_path / "i.nii",
        reference=tmp_path / "r.nii",
        modality="MR",
        label_names={1: "speck", 4: "organ"},
    )
    (case,) = build_manifest([pair], tmp_path / "a").cases
    assert [label.name for label in case.labels] == ["speck", "organ"]
    assert case.shape == (8, 30, 30)
    (case,) = build_manifest([pair], tmp_path / "b", remove_small=True, crop=True).cases
    assert [(label.label, label.name) for label in case.labels] == [(1, "organ")]
    assert case.shape == (3, 30, 30)
    boxes = read_inputs(tmp_path / "b/inputs/3DBox_MR_i.npz").prompts[0].corners
    assert boxes.tolist() == [[10, 10, 0, 19, 19, 2]]
    assert verify_manifest(tmp_path / "b/manifest.json") == []


def test_every_pairs_problems_are_told_at_once_and_nothing_is_left(
    sources: Path, tmp_path: Path
) -> None:
    good = pairs_from_csv(sources / "cases.csv")
    photo = good[2]
    wrong = [
        *good,
        replace(good[0], identifier="3dbox_ct_A"),
        replace(good[0], reference=good[2].reference, identifier="x1"),
        replace(good[0], image=tmp_path / "absent.nii", identifier="x2"),
        replace(photo, identifier="../../escape"),
        replace(photo, identifier="x3", reference=photo.image),
    ]
    with pytest.raises(ManifestError) as caught:
        build_manifest(wrong, tmp_path / "out" / "data")
    assert [problem.found.split(" (")[0] for problem in caught.value.problems] == [
        "an identifier twice",
        "shape",
        "no such file or folder",
        "identifier '../../escape'",
        "labels as colours",
    ]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_reference_without_an_object_is_no_case(tmp_path: Path) -> None:
    for name in "ir":
        nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3)), np.eye(4)), tmp_path / f"{name}.nii")
    pair = Pair(image=tmp_path / "i.nii", reference=tmp_path / "r.nii", modality="MR")
    with pytest.raises(ManifestError, match="no label above 0"):
        build_manifest([pair], tmp_path / "out")
    with pytest.raises(ManifestError, match="no cases"):
        build_manifest([], tmp_path / "out")


def test_an_image_with_nan_is_named(tmp_path: Path) -> None:
    volume = np.ones((3, 3, 3), dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "r.nii")
    volume[1, 1, 1] = np.nan
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "i.nii")
    pair = Pair(image=tmp_path / "i.nii", reference=tmp_path / "r.nii", modality="MR")
    with pytest.raises(ManifestError, match=r"i\.nii: 1 voxels are nan"):
        build_manifest([pair], tmp_path / "out")


def test_a_folder_with_other_things_is_left_alone(sources: Path, tmp_path: Path) -> None:
    pairs = pairs_from_csv(sources / "cases.csv")
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ManifestError, match=r"other things: thesis\.txt"):
        build_manifest(pairs, out)
    assert tree(out) == {"thesis.txt": b"years of work"}
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ManifestError, match="a file"):
        build_manifest(pairs, file)
    with pytest.raises(ManifestError, match="can't be written"):
        build_manifest(pairs, file / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


def test_an_earlier_build_is_replaced_unless_it_is_another_or_holds_more(
    sources: Path, built: Path
) -> None:
    pairs = pairs_from_csv(sources / "cases.csv")[:1]
    with pytest.raises(ManifestError, match="`data`"):
        build_manifest(pairs, built, name="other")
    build_manifest(pairs, built)
    assert sorted(tree(built)) == [
        "inputs/3DBox_CT_a.npz",
        "manifest.json",
        "references/3DBox_CT_a.npz",
    ]
    (built / "inputs/mine.npz").write_bytes(b"x")
    with pytest.raises(ManifestError, match=r"mine\.npz"):
        build_manifest(pairs, built)
    assert (built / "inputs/mine.npz").exists()


def test_an_interrupted_build_leaves_what_was_there(sources: Path, built: Path) -> None:
    before = tree(built)

    def interrupt(done: int, total: int, note: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    pairs = pairs_from_csv(sources / "cases.csv")
    with pytest.raises(KeyboardInterrupt):
        build_manifest(pairs, built, seed=99, progress=interrupt)
    assert tree(built) == before
    assert list(built.parent.iterdir()) == [built]


def test_progress_goes_from_nothing_to_all(sources: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_manifest(
        pairs_from_csv(sources / "cases.csv"),
        tmp_path / "out",
        progress=lambda done, total, note: seen.append((done, total)),
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def fake_cases(seed: int) -> Iterator[RawCase]:
    """Two cases that are made in a moment."""
    for number in (2, 1):
        generator = np.random.default_rng([seed, number])
        labels = np.zeros((16, 16), dtype=np.uint8)
        labels[4:9, 5:11] = 1
        yield RawCase(
            identifier=f"2DBox_PET_{number}",
            modality="PET",
            image=generator.poisson(9, (16, 16)),
            labels=labels,
            label_names=("lesion",),
            spacing_mm=(4.0, 3.0),
            origin="simulated",
            source="noise",
            licence="CC0-1.0",
        )


@pytest.fixture
def fake_demo(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The demo of two quick cases, and the seeds that it was made with."""
    made: list[int] = []

    def demo_cases(seed: int) -> Iterator[RawCase]:
        made.append(seed)
        return fake_cases(seed)

    monkeypatch.setattr(demo, "demo_cases", demo_cases)
    return made


def test_an_intact_demo_is_kept_and_any_other_is_made_again(
    fake_demo: list[int], tmp_path: Path
) -> None:
    out = tmp_path / "demo"
    first = build_demo(out, seed=1)
    before = tree(out)
    assert build_demo(out, seed=1) == first
    assert fake_demo == [1]
    victim = out / "inputs/2DBox_PET_1.npz"
    victim.write_bytes(victim.read_bytes()[:-1])
    assert build_demo(out, seed=1) == first
    assert tree(out) == before
    victim.unlink()
    build_demo(out, seed=1)
    assert tree(out) == before
    assert build_demo(out, seed=2).digest() != first.digest()
    assert fake_demo == [1, 1, 1, 2]


def test_a_2d_case_keeps_its_spacing_in_the_reference_and_out_of_the_inputs(
    fake_demo: list[int], tmp_path: Path
) -> None:
    (case, _) = build_demo(tmp_path / "demo").cases
    assert case.spacing_mm == (4.0, 3.0)
    with np.load(tmp_path / "demo" / case.image.path) as stored:
        assert sorted(stored) == ["boxes", "imgs"]
    with np.load(tmp_path / "demo" / case.reference.path) as stored:
        assert stored["spacing"].tolist() == [3.0, 4.0]
    assert verify_manifest(tmp_path / "demo/manifest.json") == []


def test_a_demo_of_other_code_is_made_again(
    fake_demo: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_demo(tmp_path / "demo")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "999")
    build_demo(tmp_path / "demo")
    assert len(fake_demo) == 2


def test_a_missing_package_is_told_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demo_cases(seed: int) -> Iterator[RawCase]:
        yield from ()
        raise DemoPackageMissing("nilearn is not installed")

    monkeypatch.setattr(demo, "demo_cases", demo_cases)
    with pytest.raises(ManifestError, match=r"nilearn is not installed; pip install .*demo"):
        build_demo(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
