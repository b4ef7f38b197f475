"""LiteMedSAM's two graphs on the CPU, by OpenVINO or ONNX Runtime, started while all else is."""

import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from cpu_quota import available_cpus

if TYPE_CHECKING:
    import numpy as np

SWITCHES = tomllib.loads((Path(__file__).parent / "switches.toml").read_text("utf-8"))

_Graph = Callable[..., Any]
"""Arrays in, an array out."""


def _graphs() -> Path:
    """Where the exported graphs are: in the image, or in the environment that made them."""
    in_image = Path(__file__).parent / "graphs"
    return in_image if in_image.is_dir() else Path(sys.prefix) / "share" / "litemedsam_fast"


def settings() -> dict[str, str]:
    """OpenVINO's, for graphs that are made ready here and for those that the image keeps.

    Without its snippets (code made for whole chains of small steps) a graph is ready in half the
    time, and answers in the same.
    """
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": SWITCHES["precision"],
        "INFERENCE_NUM_THREADS": str(available_cpus()),
        "SNIPPETS_MODE": "ENABLE" if SWITCHES["snippets"] else "DISABLE",
    }


def _by_openvino_in_c(folder: Path) -> Callable[[str], _Graph]:
    from openvino_c import Core

    core = Core(settings())

    def start(part: str) -> _Graph:
        try:
            if not SWITCHES["kept_graphs"]:
                raise FileNotFoundError
            return core.kept(folder / f"{part}.kept")
        except (OSError, RuntimeError):  # not kept, or by another OpenVINO
            return core.compiled(folder / f"{part}.xml")

    return start


def _by_openvino(folder: Path) -> Callable[[str], _Graph]:
    import openvino

    core = openvino.Core()

    def start(part: str) -> _Graph:
        try:
            if not SWITCHES["kept_graphs"]:
                raise FileNotFoundError
            kept = (folder / f"{part}.kept").read_bytes()
            request = core.import_model(kept, "CPU", settings())
        except (OSError, RuntimeError):
            request = core.compile_model(folder / f"{part}.xml", "CPU", settings())
        # Its answers lie in memory that the next call writes again.
        return lambda *inputs: request(inputs, share_inputs=True)[0].copy()

    return start


def _by_onnxruntime(folder: Path) -> Callable[[str], _Graph]:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = available_cpus()

    def start(part: str) -> _Graph:
        session = onnxruntime.InferenceSession(folder / f"{part}.onnx", settings)
        names = [node.name for node in session.get_inputs()]
        return lambda *inputs: session.run(None, dict(zip(names, inputs, strict=True)))[0]

    return start


_ENGINES = {
    "openvino-c": _by_openvino_in_c,
    "openvino": _by_openvino,
    "onnxruntime": _by_onnxruntime,
}


class _Later:
    """What a thread makes, waited for when it is asked for; so is why it could not."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._fault: BaseException | None = None
        self._thread = Thread(target=self._run, args=(make,))
        self._thread.start()

    def _run(self, make: Callable[[], Any]) -> None:
        try:
            self._made = make()
        except BaseException as fault:  # noqa: BLE001  # raised where it is asked for
            self._fault = fault

    def __call__(self) -> Any:
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        return self._made


class FastLiteMedSAM:
    """Both graphs, made ready in threads: whoever then imports numpy has both done at once.

    The decoder waits for the encoder, and is made ready while the first image is encoded.
    """

    def __init__(self, folder: Path | None = None) -> None:
        engine = SWITCHES["engine"]
        if engine != "openvino-c":  # it imports numpy: beside another import of it they would wait
            import_module(engine)  # for each other
        start = _Later(lambda: _ENGINES[engine](folder or _graphs()))
        self._encode = _Later(lambda: start()("encoder"))
        self._decode = _Later(lambda: self._encode() and start()("decoder"))

    def embed(self, image: "np.ndarray") -> "np.ndarray":
        """Encode an image; all its boxes share the result.

        Args:
            image: float, (256, 256, 3), 0 to 1.

        Returns:
            float32, (1, 4096, 256): a row a pixel of the network's 64 by 64 grid.
        """
        pixels = image.transpose(2, 0, 1).astype("float32", order="C")
        return self._encode()(pixels[None])

    def logits(self, embedding: "np.ndarray", box: "np.ndarray") -> "np.ndarray":
        """Answer one box.

        Args:
            embedding: what `embed` gave for the image.
            box: x_min, y_min, x_max, y_max in pixels of the 256 by 256 image.

        Returns:
            float32, (256, 256); above 0 is the object.
        """
        return self._decode()(embedding, box.astype("float32")[None])[0, 0]


if __name__ == "__main__":
    # While the image is built.
    fast = FastLiteMedSAM()
    import numpy as np

    fast.logits(fast.embed(np.zeros((256, 256, 3))), np.array([0, 0, 255, 255]))
    print("LiteMedSAM: the graphs load, and answer")
