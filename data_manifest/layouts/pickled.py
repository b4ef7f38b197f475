"""Pickled dictionaries of other people's files, read as data: nothing in them is ever called.

The challenges of 2025 keep prompts and boxes as arrays of objects, which numpy pickles. What such a
pickle may say is the little that those files need; whatever else it says is refused before it is
looked at. Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from data_manifest.layouts.npy_header import NpzError

MAX_PICKLED_BYTES = 1 << 20
"""The longest pickle that is read."""

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str | int, Plain] | None"
"""What is read: numpy's scalars become Python's."""

_MAX_VALUES, _MAX_DEPTH = 100_000, 20
_OLD, _NEW = "numpy.core.multiarray", "numpy._core.multiarray"
_NAMES = {
    **{f"{module} _reconstruct": "array" for module in (_OLD, _NEW)},
    **{f"{module} scalar": "scalar" for module in (_OLD, _NEW)},
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
}
"""The only names that a pickle may use: words to this reader, and nothing that is imported."""

_MARK = object()


class _RefusedError(Exception):
    """What a pickle says that this reader does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    """What a pickle calls by name."""

    means: str


@dataclass(slots=True, kw_only=True)
class _Dtype:
    """Of a scalar or an array of objects; its byte order comes later."""

    code: str
    order: str = "|"


@dataclass(slots=True, kw_only=True)
class _Array:
    """An array of objects, or of numbers in nested lists; its values come later."""

    values: list[Any]
    of_numbers: bool = False


class _Machine:
    """The stack of a pickle, and what it remembers."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise _RefusedError("it takes what it never put down")
        return self.stack.pop()

    def to_mark(self) -> list[Any]:
        """What lies above the last mark, which is taken away too."""
        for at in range(len(self.stack) - 1, -1, -1):
            if self.stack[at] is _MARK:
                taken = self.stack[at + 1 :]
                del self.stack[at:]
                return taken
        raise _RefusedError("it takes what it never put down")

    def top(self, kind: type[Any]) -> Any:
        if not self.stack or type(self.stack[-1]) is not kind:
            raise _RefusedError(f"it fills what is no {kind.__name__.strip('_').lower()}")
        return self.stack[-1]

    def tuple_of(self, size: int) -> None:
        self.stack.append(tuple(self.pop() for _ in range(size))[::-1])

    def named(self, name: str) -> None:
        if name not in _NAMES:
            raise _RefusedError(f"it names {name}")
        self.stack.append(_Name(means=_NAMES[name]))

    def named_from_stack(self) -> None:
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            raise _RefusedError("it names what is no text")
        self.named(f"{module} {name}")

    def append(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def set_items(self, items: list[Any]) -> None:
        target = self.top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, int):
                raise _RefusedError("a key that is neither text nor a whole number")
            target[key] = value

    def remember(self, at: int) -> None:
        if not self.stack or self.stack[-1] is _MARK:
            raise _RefusedError("it remembers what it never put down")
        self.memo[at] = self.stack[-1]

    def recall(self, at: int) -> None:
        if at not in self.memo:
            raise _RefusedError("it recalls what it never remembered")
        self.stack.append(self.memo[at])

    def call(self) -> None:
        """Make what one of numpy's names stands for; nothing is called."""
        arguments, name = self.pop(), self.pop()
        means = name.means if type(name) is _Name else ""
        match means, arguments:
            case "array", (_Name(means="ndarray"), (0,), bytes()):
                self.stack.append(_Array(values=[]))
            case "dtype", (str() as code, bool(), bool()):
                self.stack.append(_Dtype(code=code))
            case "scalar", (_Dtype() as dtype, bytes() as data):
                self.stack.append(_scalar(dtype, data))
            case _:
                raise _RefusedError("it calls a function")

    def build(self) -> None:
        """Say what an array holds, or a dtype's byte order."""
        state, target = self.pop(), self.pop()
        match target, state:
            case _Array(), (1, tuple(), _Dtype(code="O8"), False, list() as values):
                target.values = values
            case _Array(), (1, tuple() as shape, _Dtype() as dtype, bool() as turned, bytes()):
                target.values = _numbers(shape, dtype, state[4], turned=turned)
                target.of_numbers = True
            case _Dtype(), (3, "|" | "<" | ">" as order, None, None, None, -1, -1, int()):
                target.order = order
            case _:
                raise _RefusedError("it builds an object")
        self.stack.append(target)


def _scalar(dtype: _Dtype, data: bytes) -> bool | int | float:
    """A number of numpy's, by its bytes."""
    (value,) = _numbers((1,), dtype, data, turned=False)
    number: bool | int | float = value
    return number


def _numbers(shape: tuple[Any, ...], dtype: _Dtype, data: bytes, *, turned: bool) -> list[Any]:
    """An array of numbers, by its bytes; `turned` stores the first axis fastest."""
    kind = np.dtype(f"{dtype.order}{dtype.code}") if dtype.code in _SCALARS else None
    sizes = [size for size in shape if type(size) is int and size >= 0]
    if kind is None or not 0 < len(sizes) == len(shape) <= _MAX_DEPTH:
        raise _RefusedError(f"numbers of type {dtype.code[:20]}, shape {str(shape)[:40]}")
    if math.prod(sizes) * kind.itemsize != len(data):
        raise _RefusedError(f"numbers of type {dtype.code}, shape {shape}, in {len(data)} bytes")
    array = np.frombuffer(data, dtype=kind).reshape(sizes, order="F" if turned else "C")
    numbers: list[Any] = array.tolist()
    return numbers


_SCALARS = frozenset(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"))

_PUT = dict.fromkeys(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
    ),
    lambda machine, value: machine.stack.append(value),
)
_OPCODES: Mapping[str, Callable[[_Machine, Any], object]] = {
    **_PUT,
    "PROTO": lambda _, version: None,
    "FRAME": lambda _, size: None,
    "NONE": lambda machine, _: machine.stack.append(None),
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "MARK": lambda machine, _: machine.stack.append(_MARK),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.to_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.to_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.to_mark()),
    "MEMOIZE": lambda machine, _: machine.remember(len(machine.memo)),
    "BINPUT": lambda machine, at: machine.remember(at),
    "LONG_BINPUT": lambda machine, at: machine.remember(at),
    "BINGET": lambda machine, at: machine.recall(at),
    "LONG_BINGET": lambda machine, at: machine.recall(at),
    "GLOBAL": lambda machine, name: machine.named(name),
    "STACK_GLOBAL": lambda machine, _: machine.named_from_stack(),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
}


def read_pickled(data: bytes, key: str) -> list[Plain]:
    """The values of a pickled array of objects, in C order.

    Args:
        data: the pickle, whole.
        key: the array's name, for messages.

    Raises:
        NpzError: it says anything but dictionaries, lists, texts and numbers.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes in texts of old pickles
            return _read(data)
    except (_RefusedError, ValueError, LookupError, OverflowError, RecursionError) as error:
        raise NpzError(
            f"array `{key}` is pickled, and only dictionaries, lists, texts and numbers are read:"
            f" {error}"
        ) from error


def _read(data: bytes) -> list[Plain]:
    import pickletools  # takes a while, and few files hold objects

    if len(data) > MAX_PICKLED_BYTES:
        raise _RefusedError(f"{len(data)} bytes; at most {MAX_PICKLED_BYTES} are read")
    machine = _Machine()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "STOP":
            break
        act = _OPCODES.get(opcode.name)
        if act is None:
            raise _RefusedError(f"opcode {opcode.name}")
        act(machine, argument)
    whole = machine.pop()
    if machine.stack or type(whole) is not _Array or whole.of_numbers:
        raise _RefusedError("it is no array of objects")
    left = [_MAX_VALUES]
    return [_plain(value, left, _MAX_DEPTH) for value in whole.values]


def _plain(value: Any, left: list[int], depth: int) -> Plain:
    """The same without anything shared, so that a small file stays small."""
    left[0] -= 1
    if left[0] < 0 or depth == 0:
        raise _RefusedError(f"over {_MAX_VALUES} values, or {_MAX_DEPTH} within each other")
    if type(value) is dict:
        return {key: _plain(inner, left, depth - 1) for key, inner in value.items()}
    if type(value) is _Array and value.of_numbers:
        value = value.values
    if type(value) is list:
        return [_plain(inner, left, depth - 1) for inner in value]
    if value is None or type(value) in (bool, int, float, str):
        plain: Plain = value
        return plain
    raise _RefusedError("a value of another kind")
