"""A prediction file is hostile: whatever is in it, the answer is a label map or a reason."""

import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from data_manifest.layouts import BadPrediction, OutputFile, open_regular_file, read_prediction

SHAPE = (4, 5)
LABELS = np.arange(20).reshape(SHAPE) % 3


def read(path: Path) -> npt.NDArray[np.uint16] | BadPrediction:
    return read_prediction(
        path,
        output=OutputFile(path="{case}.npz", format="npz", key="segs"),
        shape=SHAPE,
        spacing_mm=None,
        max_bytes=1 << 20,
    )


def reason(path: Path) -> str:
    found = read(path)
    assert isinstance(found, BadPrediction)
    assert found.reason.isprintable()
    return found.reason


@pytest.mark.parametrize(
    "array",
    [
        LABELS.astype(np.uint8),
        LABELS.astype(">i4"),
        np.asfortranarray(LABELS.astype(np.int64)),
        LABELS.astype(np.float32),
        LABELS.astype(np.uint16)[::1, ::1],
    ],
    ids=["uint8", "big-endian", "fortran", "float32", "uint16"],
)
def test_whole_numbers_of_any_kind_are_labels(
    tmp_path: Path, array: npt.NDArray[np.generic]
) -> None:
    np.savez_compressed(tmp_path / "a.npz", segs=array, extra=np.zeros(3))
    found = read(tmp_path / "a.npz")
    assert not isinstance(found, BadPrediction)
    assert found.dtype == (np.uint8 if array.dtype == np.uint8 else np.uint16)
    assert np.array_equal(found, LABELS)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full(SHAPE, np.nan), "nan"),
        (np.full(SHAPE, np.inf), "infinite"),
        (np.full(SHAPE, 0.5), "fractional"),
        (np.full(SHAPE, -1), "-1"),
        (np.full(SHAPE, 65536), "65536"),
        (np.zeros((5, 4), int), "(5, 4)"),
        (np.zeros((1, *SHAPE), int), "(1, 4, 5)"),
        (np.zeros((), int), "()"),
        (np.zeros((0, 5), int), "(0, 5)"),
        (np.full(SHAPE, 1j), "complex"),
        (np.full(SHAPE, "a"), "dtype"),
        (np.full(SHAPE, None), "pickle"),
    ],
)
def test_anything_else_has_a_reason(
    tmp_path: Path, array: npt.NDArray[np.generic], words: str
) -> None:
    np.savez(tmp_path / "a.npz", segs=array)
    assert words in reason(tmp_path / "a.npz")


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "pwned"),)

    trap = np.empty(SHAPE, dtype=object)
    trap[:] = Trap()
    np.savez(tmp_path / "a.npz", segs=trap)
    assert "pickle" in reason(tmp_path / "a.npz")
    assert not (tmp_path / "pwned").exists()


def test_links_pipes_sockets_and_folders_are_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.npz"
    np.savez(secret, segs=LABELS)
    (tmp_path / "link.npz").symlink_to(secret)
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")
    os.link(secret, tmp_path / "hard.npz")
    os.mkfifo(tmp_path / "fifo.npz")
    (tmp_path / "folder.npz").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(tmp_path / "s.npz"))
        for name in ("link", "loop", "hard", "fifo", "folder", "s"):
            assert open_regular_file(tmp_path / f"{name}.npz") is None, name
            assert "not an ordinary file" in reason(tmp_path / f"{name}.npz")
    finally:
        listener.close()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    assert "at most" in reason(path)


def test_not_an_archive_and_another_key_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"segs")
    assert "not an npz" in reason(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", seg=LABELS)
    assert "no array `segs`" in reason(tmp_path / "b.npz")
    assert "`seg`" in reason(tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("x\n\x1b[2J.npy", b"")
    assert "\x1b" not in reason(tmp_path / "c.npz")
