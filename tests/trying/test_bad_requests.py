"""What is sent to the page of `segjudge try`, and is wrong: a sentence, and the next try works."""

import contextlib
import json
import os
import resource
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import psutil
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813  (the name that everyone gives it)
from PIL import Image
from pydicom.uid import generate_uid

from data_manifest.errors import CaseFileError
from evaluate.trying.opened_images import open_file
from tests.trying.served_page import serving

OTHER_SHAPE = """
import pathlib, numpy, sys
for path in pathlib.Path(sys.argv[1]).iterdir():
    numpy.savez_compressed(pathlib.Path(sys.argv[2], path.name), segs=numpy.ones((3, 3), "uint8"))
"""


def submission(boxfill: Path, tmp_path: Path, program: str) -> Path:
    folder = tmp_path / "submission"
    shutil.copytree(boxfill, folder)
    (folder / "predict.py").write_text(program)
    return folder


def asked(address: str) -> int:
    """The number of an attempt at the first image, with a box."""
    box = {"kind": "boxes", "label": 1, "points": [[0, 30, 50], [0, 90, 110]]}
    body = json.dumps({"image": 1, "drawings": [box]}).encode()
    status, told = sent(address, "api/segment", body)
    assert status == 200, told
    return int(told["attempt"])


def answered(address: str, attempt: int) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not (facts := sent(address, f"api/attempt/{attempt}", None)[1])["done"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return facts


def until_a_submission_runs() -> list[psutil.Process]:
    """The processes of submissions, once there are any."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if running := submissions_running():
            return running
        time.sleep(0.05)
    pytest.fail("no submission was begun")


def submissions_running() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "predict." in " ".join(child.cmdline()):
                found.append(child)
    return found


def sent(address: str, path: str, body: bytes | None, **headers: str) -> tuple[int, dict[str, Any]]:
    """The status, and what was answered."""
    request = urllib.request.Request(f"{address}{path}", data=body, headers=headers)  # noqa: S310  # ours
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def opened(address: str, files: Sequence[Path], modality: str = "CT") -> tuple[int, dict[str, Any]]:
    """Send files as the page's form does: by their names alone, without their folders."""
    parts = [b'--x\r\nContent-Disposition: form-data; name="modality"\r\n\r\n', modality.encode()]
    for path in files:
        head = (
            f'\r\n--x\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n'
        )
        parts += [head.encode(), b"\r\n", path.read_bytes()]
    body = b"".join((*parts, b"\r\n--x--\r\n"))
    return sent(address, "api/open", body, **{"Content-Type": "multipart/form-data; boundary=x"})


def series(folder: Path, places: Sequence[float]) -> list[Path]:
    """A DICOM series with a slice at each place."""
    folder.mkdir()
    uid = generate_uid()
    for number, z in enumerate(places):
        slice_ = sitk.GetImageFromArray(np.full((1, 24, 32), number * 10, np.int16))
        slice_.SetSpacing((0.8, 0.8, 2.0))
        for key, value in (
            ("0008|0016", "1.2.840.10008.5.1.4.1.1.2"), ("0008|0060", "CT"), ("0020|000e", uid),
            ("0020|0013", str(number)), ("0020|0032", f"0\\0\\{z}"),
            ("0020|0037", "1\\0\\0\\0\\1\\0"),
        ):  # fmt: skip
            slice_.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"slice-{number}.dcm"))
        writer.Execute(slice_)
        data = pydicom.dcmread(folder / f"slice-{number}.dcm")
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.save_as(folder / f"slice-{number}.dcm")
    return sorted(folder.iterdir())


def test_a_file_that_no_container_can_get_gives_a_sentence_and_the_next_one_opens(
    images: Path, boxfill: Path, tmp_path: Path
) -> None:
    whole = series(tmp_path / "whole", [0, 2, 4, 6])
    gap = series(tmp_path / "gap", [0, 2, 6, 8])
    deep, palette, text = (tmp_path / name for name in ("deep.png", "palette.png", "notes.txt"))
    Image.fromarray(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20).save(deep)
    Image.open(images / "disc.png").convert("P").save(palette)
    text.write_text("not an image")
    with serving(boxfill) as address:
        for files, words in (
            ([*whole, *gap], "the files: 2 DICOM series"),
            (gap, "missing"),
            ([text], "an unknown format"),
            ([], "no DICOM series"),
        ):
            status, told = opened(address, files)
            assert (status, list(told)) == (422, ["problem"]), told
            assert words in told["problem"]
            assert "/" not in told["problem"].partition(":")[0]  # no folder of ours
        for files, shape in (
            (whole, [4, 24, 32]), ([deep], [48, 64, 3]), ([palette], [120, 160, 3]),
        ):  # fmt: skip
            status, told = opened(address, files, "X-Ray")
            assert (status, told["shape"]) == (200, shape)
        assert sent(address, "api/segment", b'{"image": 99}')[0] == 404
        assert sent(address, "api/segment", b'{"picture": 1}')[0] == 422


def test_two_gigabytes_are_refused_before_they_are_in_memory(tmp_path: Path) -> None:
    huge = tmp_path / "huge.nii"
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((1024, 1024, 1024))
    huge.write_bytes(header.binaryblock + bytes(4))
    os.truncate(huge, 352 + (2 << 30))  # sparse: it takes no room
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CaseFileError, match="1024 × 1024 × 1024 voxels"):
        open_file(huge, modality="CT")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_an_answer_of_another_shape_and_an_image_of_no_layout_are_told(
    images: Path, boxfill: Path, tmp_path: Path
) -> None:
    other = submission(boxfill, tmp_path, OTHER_SHAPE)
    with serving(other, image=images / "disc.png") as address:
        facts = answered(address, asked(address))
        assert facts["outcome"] == "bad_output"
        assert "(3, 3)" in facts["reason"]
        assert "(120, 160)" in facts["reason"]
    with serving(boxfill, image=images / "disc.png", protocol="kits23") as address:
        status, told = sent(address, "api/segment", b'{"image": 1}')
        assert status == 422
        assert "for kits23" in told["problem"]


def test_a_second_tab_ends_its_own_attempt_and_who_leaves_leaves_nothing_behind(
    images: Path, boxfill: Path, tmp_path: Path
) -> None:
    slow = submission(boxfill, tmp_path, "import time\ntime.sleep(600)\n")
    with serving(slow, image=images / "disc.png") as address:
        first, second = asked(address), asked(address)
        until_a_submission_runs()
        sent(address, f"api/cancel/{second}", b"")
        assert answered(address, second)["reason"] == "ended by hand"
        assert not sent(address, f"api/attempt/{first}", None)[1]["done"]
        third = asked(address)
    assert third  # was never begun
    assert not submissions_running()


def test_a_machine_that_slept_meanwhile_answers_when_it_wakes(
    images: Path, boxfill: Path, tmp_path: Path
) -> None:
    late = submission(boxfill, tmp_path, "import time\ntime.sleep(1)\nprint('awake')\n")
    with serving(late, image=images / "disc.png") as address:
        attempt = asked(address)
        asleep = until_a_submission_runs()
        for process in asleep:
            process.suspend()
        time.sleep(0.3)
        assert not sent(address, f"api/attempt/{attempt}", None)[1]["done"]
        for process in asleep:
            process.resume()
        facts = answered(address, attempt)
        assert (facts["outcome"], facts["log"]) == ("no_output", "awake")
