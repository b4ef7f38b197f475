"""An npz from anyone gives exactly numpy's array, or one reason; it runs and exhausts nothing.

numpy itself is the independent reader and writer here.
"""

import contextlib
import io
import pickle
import resource
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_manifest.layouts.npz import NpzError, array_headers, array_names, read_array
from data_manifest.layouts.npz_writing import write_npz

NUMBERS = (
    hnp.integer_dtypes(endianness="?") | hnp.unsigned_integer_dtypes(endianness="?")
) | hnp.floating_dtypes(endianness="?")


def npy(header: str, data: bytes = b"", *, version: tuple[int, int] = (1, 0)) -> bytes:
    """A member with a header of one's own."""
    text = header.encode("latin-1")
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def plain(shape: object = (3,), descr: str = "|u1") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    stream.seek(0)
    return stream


def reason(source: Path | io.BytesIO, key: str = "segs", **limits: object) -> str:
    with pytest.raises(NpzError) as caught:
        read_array(source, key, **limits)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) <= 400
    return text


@given(
    array=hnp.arrays(NUMBERS | hnp.boolean_dtypes(), hnp.array_shapes(min_dims=0, min_side=0)),
    fortran=st.booleans(),
    compressed=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_an_array_that_numpy_wrote_reads_as_numpy_reads_it(
    array: np.ndarray, fortran: bool, compressed: bool
) -> None:
    stream = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(stream, segs=np.asfortranarray(array) if fortran else array)
    stream.seek(0)
    expected = np.load(stream)["segs"]
    found = read_array(stream, "segs")
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.shape == expected.shape
    assert found.flags.c_contiguous
    assert found.tobytes() == expected.astype(found.dtype).tobytes(order="C")
    header = array_headers(stream)["segs"]
    assert (header.shape, header.dtype) == (expected.shape, expected.dtype)


@given(array=hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, min_side=0)), order=st.booleans())
@settings(max_examples=100, deadline=None)
def test_an_array_that_we_wrote_reads_as_itself_with_numpy(
    array: np.ndarray, order: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.npz"
    write_npz(path, {"imgs": np.asfortranarray(array) if order else array, "other": array})
    with np.load(path, allow_pickle=False) as loaded:
        assert list(loaded) == ["imgs", "other"]
        np.testing.assert_array_equal(loaded["imgs"], array)
        assert loaded["imgs"].dtype == array.dtype


def test_the_same_arrays_give_the_same_bytes_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {"imgs": np.arange(999, dtype=np.uint16), "boxes": np.eye(4)}
    write_npz(tmp_path / "one.npz", arrays)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    write_npz(tmp_path / "other.npz", {key: array.copy() for key, array in arrays.items()})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "case.npz"
    write_npz(path, {"imgs": np.zeros(3)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Object arrays"):
        write_npz(path, {"imgs": np.zeros(3), "boxes": np.array([object()])})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickled_array_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    path = tmp_path / "case.npz"
    np.savez(path, segs=np.array([Trap(trap)], dtype=object))
    assert "pickle" in reason(path)
    raw = pickle.dumps(Trap(trap))
    assert reason(archive({"segs": raw})) == "member `segs` is no npy array"
    assert not trap.exists()
    with np.load(path, allow_pickle=True) as loaded:  # the trap would have worked
        loaded["segs"]
    assert trap.exists()


@pytest.mark.parametrize(
    "header",
    [
        "__import__('os').system('touch sprung')",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9**9**9,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (3,), }",
        "{'descr': ('|u1', (10**9,)), 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 3), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), 'shape': (4,), }",
        "{'descr': '|u1', 'fortran_order': False, }",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|u1,|u1', 'fortran_order': False, 'shape': (3,), }",
        "{" + "(" * 5000,
        "-" * 9000 + "1",
        "'" + "\\d" * 4000 + "'",
        "",
    ],
)
def test_a_header_is_read_by_its_grammar_and_never_evaluated(
    header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "member `segs` has no" in reason(archive({"segs": npy(header, b"abc")}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_plain_headers_of_every_npy_version_are_read(version: tuple[int, int]) -> None:
    member = npy(plain(), b"abc", version=version)
    np.testing.assert_array_equal(np.lib.format.read_array(io.BytesIO(member)), [97, 98, 99])
    np.testing.assert_array_equal(read_array(archive({"segs": member}), "segs"), [97, 98, 99])


def test_a_header_with_the_long_integers_of_python_2_is_read() -> None:
    member = npy(plain("(3L, 1L)"), b"abc")
    assert read_array(archive({"segs": member}), "segs").shape == (3, 1)


def test_an_unknown_npy_version_is_refused() -> None:
    assert "no npy array" in reason(archive({"segs": npy(plain(), b"abc", version=(4, 0))}))


def test_a_huge_header_is_not_read() -> None:
    member = b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFF_FFF0) + b" " * 50_000_000
    stream = archive({"segs": member})
    assert "announces a header of 4294967280 bytes" in peak_below(5, stream)


def peak_below(mebibytes: float, stream: io.BytesIO, **limits: object) -> str:
    """The reason, and proof that finding it took little memory."""
    tracemalloc.start()
    try:
        text = reason(stream, **limits)
        assert tracemalloc.get_traced_memory()[1] < mebibytes * 2**20
    finally:
        tracemalloc.stop()
    return text


@pytest.mark.parametrize(
    "shape",
    [
        (1 << 40,),
        (0, 10**17, 10**17),
        (1 << 31, 1 << 31, 1 << 31),
        (999_999_999_999_999_999,) * 30,
        (999_999_999_999_999_999,) * 400,
        (1,) * 33,
    ],
)
def test_a_shape_that_lies_allocates_nothing(shape: tuple[int, ...]) -> None:
    peak_below(5, archive({"segs": npy(plain(shape), b"" if 0 in shape else b"abc")}))


def test_an_archive_that_claims_gigabytes_takes_no_more_than_it_holds() -> None:
    """Header and zip entry agree on 2 GiB; the compressed data end after a few bytes."""
    size = 2 << 30
    stream = archive({"segs": npy(plain((size,)), b"abc")})
    data = bytearray(stream.getvalue())
    directory = data.index(b"PK\x01\x02")
    header_bytes = len(npy(plain((size,))))
    data[directory + 24 : directory + 28] = struct.pack("<I", size + header_bytes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = reason(io.BytesIO(bytes(data)))
    assert "ends after" in text or "damaged" in text
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 200 << 20


def test_a_bomb_behind_a_small_header_is_not_decompressed() -> None:
    stream = archive({"segs": npy(plain((3,)), bytes(64 << 20))})
    assert len(stream.getvalue()) < 100_000
    text = peak_below(5, stream)
    assert "3 bytes" in text
    assert str(64 << 20) in text


def test_an_array_over_the_limit_is_refused_by_its_header() -> None:
    stream = archive({"segs": npy(plain((1000, 1000)), bytes(1_000_000))})
    assert "at most 999999 bytes" in peak_below(3, stream, max_bytes=999_999)
    assert read_array(stream, "segs", max_bytes=1_000_000).shape == (1000, 1000)


def test_another_shape_than_expected_is_refused_by_its_header() -> None:
    stream = archive({"segs": npy(plain((2, 2)), bytes(4))})
    assert reason(stream, shape=(4,)) == "array `segs` has shape (2, 2); expected (4,)"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_without_a_bound_are_refused(method: int) -> None:
    stream = archive({"segs": npy(plain((3,)), bytes(1 << 20))}, method)
    assert "compressed by a method" in peak_below(1, stream)


def test_a_huge_table_of_contents_is_not_parsed() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for number in range(20_000):
            file.writestr(zipfile.ZipInfo(f"{number:05}" + "x" * 60), b"")
    assert "table of contents" in peak_below(1, stream)


def test_two_members_of_one_name_are_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("segs.npy", npy(plain(), b"abc"))
        file.writestr("segs.npy", npy(plain(), b"xyz"))
    assert reason(stream) == "the archive holds two members `segs`"


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(archive({"segs": npy(plain(), b"abc")}).getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert reason(io.BytesIO(bytes(data))) == "member `segs` is encrypted"


def test_a_flipped_bit_is_found() -> None:
    data = bytearray(archive({"segs": npy(plain(), b"abc")}, zipfile.ZIP_STORED).getvalue())
    data[data.index(b"abc")] ^= 1
    assert "damaged" in reason(io.BytesIO(bytes(data)))


def test_a_missing_array_is_told_with_those_that_are_there() -> None:
    stream = archive({"seg": b"", "masks": b""})
    assert reason(stream) == "no array `segs`; the archive holds `masks`, `seg`"
    assert array_names(stream) == ("seg", "masks")


def test_a_name_that_would_write_on_the_terminal_is_escaped() -> None:
    assert "\x1b" not in reason(archive({"\x1b[31mred\n": b""}))


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", bytes(100_000)])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "case.npz"
    path.write_bytes(content)
    assert "not an npz (zip) archive" in reason(path)
    assert "no such file" in reason(tmp_path / "absent.npz")
    assert "not a regular file" in reason(tmp_path)


GOOD = archive({"segs": npy(plain((40,), "<i2"), bytes(range(80))), "more": b"x"}).getvalue()


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_archive_gives_a_reason_and_never_another_error(data: st.DataObject) -> None:
    damaged = bytearray(GOOD[: data.draw(st.integers(0, len(GOOD)) | st.just(len(GOOD)))])
    for _ in range(data.draw(st.integers(1, 6))):
        if damaged:
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(
                st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
            )
    try:
        found = read_array(io.BytesIO(bytes(damaged)), "segs", max_bytes=1 << 20)
    except NpzError:
        return
    assert found.tobytes() == bytes(range(80))  # the checksum holds, so the data do


@given(
    text=st.text(st.sampled_from("{}()'\": ,0123456789LTrueFalsedscrhpo_|<>uif1\\\n"), max_size=90)
)
@settings(max_examples=300, deadline=None)
def test_any_header_gives_an_array_or_a_reason(text: str) -> None:
    with contextlib.suppress(NpzError):
        read_array(archive({"segs": npy(text, b"abc")}), "segs", max_bytes=1 << 20)
