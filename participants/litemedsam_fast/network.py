"""LiteMedSAM's two graphs on the CPU, by OpenVINO or ONNX Runtime, started while cases are read."""

import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from cpu_quota import available_cpus

SWITCHES = tomllib.loads((Path(__file__).parent / "switches.toml").read_text("utf-8"))

_Graph = Callable[..., np.ndarray]


def _graphs() -> Path:
    """Where the exported graphs are: in the image, or in the environment that made them."""
    in_image = Path(__file__).parent / "graphs"
    return in_image if in_image.is_dir() else Path(sys.prefix) / "share" / "litemedsam_fast"


def _by_openvino(folder: Path, part: str) -> _Graph:
    import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": SWITCHES["precision"],
        "INFERENCE_NUM_THREADS": available_cpus(),
    }
    kept = folder / f"{part}.kept"
    try:
        if not SWITCHES["kept_graphs"]:
            raise FileNotFoundError
        request = core.import_model(kept.read_bytes(), "CPU", settings)
    except (OSError, RuntimeError):  # not kept, or by another OpenVINO
        request = core.compile_model(folder / f"{part}.xml", "CPU", settings)
    # Its answers lie in memory that the next call writes again.
    return lambda *inputs: request(inputs, share_inputs=True)[0].copy()


def _by_onnxruntime(folder: Path, part: str) -> _Graph:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = available_cpus()
    session = onnxruntime.InferenceSession(folder / f"{part}.onnx", settings)
    names = [node.name for node in session.get_inputs()]
    return lambda *inputs: session.run(None, dict(zip(names, inputs, strict=True)))[0]


class FastLiteMedSAM:
    """Both graphs; they are made ready in threads, and waited for when first asked."""

    def __init__(self, folder: Path | None = None) -> None:
        make = {"openvino": _by_openvino, "onnxruntime": _by_onnxruntime}[SWITCHES["engine"]]
        threads = ThreadPoolExecutor(2)
        self._encode: Future[_Graph] = threads.submit(make, folder or _graphs(), "encoder")
        self._decode: Future[_Graph] = threads.submit(make, folder or _graphs(), "decoder")
        threads.shutdown(wait=False)

    def embed(self, image: np.ndarray) -> np.ndarray:
        """Encode an image; all its boxes share the result.

        Args:
            image: float, (256, 256, 3), 0 to 1.

        Returns:
            float32, (1, 4096, 256): a row a pixel of the network's 64 by 64 grid.
        """
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
        return self._encode.result()(pixels[None])

    def logits(self, embedding: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Answer one box.

        Args:
            embedding: what `embed` gave for the image.
            box: x_min, y_min, x_max, y_max in pixels of the 256 by 256 image.

        Returns:
            float32, (256, 256); above 0 is the object.
        """
        return self._decode.result()(embedding, np.asarray(box, np.float32)[None])[0, 0]


if __name__ == "__main__":
    # While the image is built.
    fast = FastLiteMedSAM()
    fast.logits(fast.embed(np.zeros((256, 256, 3))), np.array([0, 0, 255, 255]))
    print("LiteMedSAM: the graphs load, and answer")
