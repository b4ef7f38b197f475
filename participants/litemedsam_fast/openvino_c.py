"""OpenVINO by its C interface: its Python package takes half as long to import as an image takes.

The library is declared by hand, as far as it is used; numpy is needed only to ask.
"""

import ctypes
import mmap
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_Handle = ctypes.c_void_p


class _Shape(ctypes.Structure):
    _fields_ = (("rank", ctypes.c_int64), ("sizes", ctypes.POINTER(ctypes.c_int64)))


def _library() -> ctypes.CDLL:
    """Of the package `openvino`, of which no more than this folder needs to be there."""
    for folder in sys.path:
        for path in Path(folder, "openvino", "libs").glob("libopenvino_c.*"):
            return ctypes.CDLL(str(path))
    raise SystemExit("no openvino/libs/libopenvino_c in sys.path: pip install openvino")


class Core:
    """OpenVINO on the CPU, with its settings."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._library = _library()
        self._core = _Handle()
        self.call("core_create", ctypes.byref(self._core))
        for name, value in settings.items():
            self.call("core_set_property", self._core, b"CPU", name.encode(), value.encode())

    def call(self, name: str, *arguments: object) -> None:
        """Call a function of the library, which answers 0 or the number of an error.

        Raises:
            RuntimeError: with OpenVINO's own words.
        """
        if getattr(self._library, f"ov_{name}")(*arguments) != 0:
            told = self._library.ov_get_last_err_msg
            told.restype = ctypes.c_char_p
            raise RuntimeError(f"OpenVINO, {name}: {(told() or b'').decode(errors='replace')}")

    def kept(self, path: Path) -> "Graph":
        """A graph as `export_model` kept it; its weights stay in the file, which is mapped."""
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        compiled, start = _Handle(), (ctypes.c_char * len(content)).from_buffer(content)
        size = ctypes.c_size_t(len(content))
        self.call("core_import_model", self._core, start, size, b"CPU", ctypes.byref(compiled))
        return Graph(self, compiled, start)

    def compiled(self, path: Path) -> "Graph":
        """A graph in OpenVINO's own format (.xml)."""
        compiled, no_settings = _Handle(), ctypes.c_size_t(0)
        self.call(
            "core_compile_model_from_file",
            *(self._core, str(path).encode(), b"CPU", no_settings, ctypes.byref(compiled)),
        )
        return Graph(self, compiled)


class Graph:
    """One request of a graph whose inputs and one answer are float32 and of fixed shapes."""

    def __init__(self, core: Core, compiled: _Handle, weights: object = None) -> None:
        self._core = core
        self._weights = weights  # in memory as long as the graph is
        self._request = _Handle()
        core.call("compiled_model_create_infer_request", compiled, ctypes.byref(self._request))

    def _tensor(self, way: str, index: int) -> tuple[int, tuple[int, ...]]:
        """Address and shape of an input or output."""
        tensor, address, shape = _Handle(), _Handle(), _Shape()
        name = f"infer_request_get_{way}_tensor_by_index"
        self._core.call(name, self._request, ctypes.c_size_t(index), ctypes.byref(tensor))
        self._core.call("tensor_data", tensor, ctypes.byref(address))
        self._core.call("tensor_get_shape", tensor, ctypes.byref(shape))
        return address.value or 0, tuple(shape.sizes[: shape.rank])

    def __call__(self, *inputs: "np.ndarray") -> "np.ndarray":
        """Answer; the answer is the caller's own.

        Args:
            inputs: float32, of the graph's shapes.

        Raises:
            RuntimeError: an input has another shape, or OpenVINO failed.
        """
        import numpy as np

        for index, array in enumerate(inputs):
            address, shape = self._tensor("input", index)
            if array.shape != shape or array.dtype != np.float32:
                raise RuntimeError(f"input {index}: {array.dtype} {array.shape}; float32 {shape}")
            ctypes.memmove(address, np.ascontiguousarray(array).ctypes.data, array.nbytes)
        self._core.call("infer_request_infer", self._request)
        address, shape = self._tensor("output", 0)
        count = int(np.prod(shape))
        answer = np.frombuffer((ctypes.c_float * count).from_address(address), np.float32)
        return answer.reshape(shape).copy()
