"""A pickled dictionary is read as data: whatever a pickle says beyond that is refused unrun."""

import io
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_manifest.layouts.npy_header import NpzError
from data_manifest.layouts.npz import NpzArchive
from data_manifest.layouts.pickled import read_pickled

PROMPTS: dict[Any, Any] = {"1": "the liver", "2": "a tumour", "instance_label": 0}


def as_array(*values: object) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def in_file(tmp_path: Path, array: np.ndarray) -> list[Any]:
    np.savez_compressed(tmp_path / "a.npz", text_prompts=array)
    with NpzArchive(tmp_path / "a.npz") as archive:
        return archive.objects("text_prompts")


@pytest.mark.parametrize(
    "value",
    [
        PROMPTS,
        {1: "by number", "nested": {"list": ["a", 1, -300, 2.5, True, None, 1 << 40]}},
        {"long": "x" * 300, "many": list(range(2000))},
        {},
    ],
)
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_dictionaries_lists_texts_and_numbers_are_read(value: Any, protocol: int) -> None:
    data = pickle.dumps(np.array(value, dtype=object), protocol=protocol)
    assert read_pickled(data, "p") == [value]


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_both_of_numpys_names_for_itself_are_known(module: bytes) -> None:
    data = pickle.dumps(np.array({"a": np.int64(7)}, dtype=object), protocol=3)
    for name in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        data = data.replace(b"c" + name + b"\n", b"c" + module + b"\n")
    assert read_pickled(data, "p") == [{"a": 7}]


@pytest.mark.parametrize("kind", ["u1", "i8", ">i4", "f4", "f8", "?"])
def test_numbers_of_numpy_are_numbers(tmp_path: Path, kind: str) -> None:
    number = np.array([1], dtype=kind)[0]
    (found,) = in_file(tmp_path, np.array({"instance_label": number}, dtype=object))
    assert found == {"instance_label": 1}
    assert type(found["instance_label"]) in (bool, int, float)


def test_an_array_of_dictionaries_gives_each(tmp_path: Path) -> None:
    assert in_file(tmp_path, as_array(PROMPTS, {"3": "a spleen"})) == [PROMPTS, {"3": "a spleen"}]


class Call:
    """What a hostile pickle calls while it is loaded."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def recursive() -> dict[str, Any]:
    own: dict[str, Any] = {}
    own["self"] = own
    return own


def laughs() -> list[Any]:
    value: list[Any] = ["ha"] * 10
    for _ in range(12):
        value = [value] * 10
    return value


@pytest.mark.parametrize(
    "value",
    [
        Call(os.system, "touch touched"),
        {"1": Call(eval, "open('touched', 'w')")},
        {"1": Call(np.load, "touched")},
        {"1": Call(np.dtype, "O8")},
        {"1": b"bytes"},
        {"1": (1, 2)},
        {"1": {1, 2}},
        {("a", 1): "a tuple as a key"},
        {"1": 1j},
        {"1": np.array(["text"])},
        {"1": np.datetime64("2026-01-01")},
        {"1": Path("somewhere")},
        {"1": len},
        {"1": pickle.Pickler},
        recursive(),
        laughs(),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_everything_else_is_refused_and_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: object, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(as_array(value), protocol=protocol)
    with pytest.raises(NpzError, match="only dictionaries, lists, texts and numbers"):
        read_pickled(data, "text_prompts")
    assert not any(tmp_path.iterdir())


def test_a_pickle_that_is_no_array_or_is_cut_off_or_too_long_is_refused() -> None:
    good = pickle.dumps(np.array(PROMPTS, dtype=object), protocol=4)
    long = pickle.dumps(np.array({"1": "x" * (1 << 20)}, dtype=object))
    bad = [pickle.dumps(PROMPTS), b"", b".", b"N.", b"(.", b"\x80\x04}s.", b"\x80\x04h\x00.", long]
    for data in [*bad, *(good[:end] for end in range(len(good)))]:
        with pytest.raises(NpzError):
            read_pickled(data, "p")


def test_no_byte_that_is_altered_makes_anything_but_data_or_a_refusal() -> None:
    good = pickle.dumps(np.array(PROMPTS | {"n": np.int64(3)}, dtype=object), protocol=4)
    generator = np.random.default_rng(0)
    for _ in range(3000):
        altered = bytearray(good)
        for at in generator.integers(0, len(good), 2):
            altered[at] = generator.integers(0, 256)
        try:
            values = read_pickled(bytes(altered), "p")
        except NpzError as error:
            assert str(error).isprintable()
        else:
            assert isinstance(values, list)


def test_a_plain_array_is_no_pickle(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, text_prompts=np.zeros(3))
    with NpzArchive(stream) as archive, pytest.raises(NpzError, match="float64"):
        archive.objects("text_prompts")


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numbers_in_a_dictionary_are_nested_lists(tmp_path: Path, order: str) -> None:
    numbers = np.array([[1, 2, 3], [4, 5, 6]], dtype=">i2", order=order)
    array = np.array({"box": numbers, "again": numbers, "empty": np.zeros((0, 4))}, dtype=object)
    listed = [[1, 2, 3], [4, 5, 6]]
    assert in_file(tmp_path, array) == [{"box": listed, "again": listed, "empty": []}]
    whole = pickle.dumps(np.arange(3), protocol=4)
    with pytest.raises(NpzError, match="no array of objects"):
        read_pickled(whole, "p")
    texts = pickle.dumps(as_array({"a": np.array(["x", "y"])}), protocol=4)
    with pytest.raises(NpzError):
        read_pickled(texts, "p")


def is_plain(value: object) -> bool:
    if type(value) is dict:
        return all(type(k) in (str, int) and is_plain(v) for k, v in value.items())
    if type(value) is list:
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def test_whatever_the_bytes_say_nothing_runs_and_only_plain_values_come_out() -> None:
    """Pickles with bytes changed, cut off, and joined; and what CPython's own reader would call."""
    boxes = {"z_min": np.int64(3), "box": np.array([1, 2, 3, 4]), "clicks": [[1, 2], [3.5]]}
    seeds = [
        pickle.dumps(as_array(value), protocol=protocol)
        for value in (boxes, PROMPTS, os.getcwd, np.dtype("O"), slice(1, 2), {1, 2}, b"bytes")
        for protocol in (0, 2, 3, 4, 5)
    ]
    ran: list[str] = []
    active = [False]  # an audit hook can't be taken away again
    sys.addaudithook(lambda event, _: ran.append(event) if active[0] and event in _RUNS else None)
    assert _read_altered(seeds) > 30  # some are read; what Python loads for it, it has loaded
    active[0] = True
    _read_altered(seeds)
    active[0] = False
    assert ran == []


def _read_altered(seeds: list[bytes]) -> int:
    """How many of the same 2,000 altered pickles are read."""
    generator, read = np.random.default_rng(0), 0
    for _ in range(2000):
        data = bytearray(seeds[generator.integers(len(seeds))])
        for at in generator.integers(0, len(data), generator.integers(0, 4)):
            data[at] = generator.integers(256)
        if generator.random() < 0.1:
            other = seeds[generator.integers(len(seeds))]
            data = data[: generator.integers(len(data))] + other[generator.integers(len(other)) :]
        try:
            values = read_pickled(bytes(data), "p")
        except NpzError:
            continue
        assert all(map(is_plain, values))
        read += 1
    return read


_RUNS = {"import", "exec", "compile", "open", "os.system", "subprocess.Popen", "pickle.find_class"}
