"""While the image is built: the published network to graphs that OpenVINO runs, without torch.

    python export.py FOLDER

writes encoder and decoder as switches.toml has them (.onnx; .xml and .bin, OpenVINO's own; .kept),
and compares what they answer with torch's answer.
"""

import sys
from pathlib import Path

import numpy as np
import openvino
import torch
from lean_decoder import LeanDecoder
from model import LiteMedSAM
from network import SWITCHES, settings
from strips import in_strips
from torch import nn

_TOLERANCE = 1e-3
"""Of logits, which reach 30: what float32 leaves between two orders of adding."""

_CALIBRATION_IMAGES = 48


class _Encoder(nn.Module):
    """The image encoder, its answer pixel by pixel: the decoder turns nothing round any more."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._encoder = network.image_encoder

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """From (1, 3, 256, 256), 0 to 1, to (1, 4096, 256)."""
        return self._encoder(image).flatten(2).transpose(1, 2)


class _PlainDecoder(nn.Module):
    """The published decoder, called as `LeanDecoder` is: for the ablation."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._prompts, self._decoder = network.prompt_encoder, network.mask_decoder

    def forward(self, embeddings: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        dense = self._prompts.no_mask_embed.weight.reshape(1, -1, 1, 1)
        masks, _ = self._decoder(
            image_embeddings=embeddings.transpose(1, 2).unflatten(2, (64, 64)),
            image_pe=self._prompts.get_dense_pe(),
            sparse_prompt_embeddings=self._prompts._embed_boxes(boxes),
            dense_prompt_embeddings=dense.expand(boxes.shape[0], -1, 64, 64),
            multimask_output=False,
        )
        return masks


def _images(count: int) -> np.ndarray:
    """Pictures of smooth shapes with edges and noise, float32 (count, 3, 256, 256), 0 to 1."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:256, :256] / 256
    pictures = np.zeros((count, 3, 256, 256), np.float32)
    for picture in pictures:
        grey = np.zeros((256, 256))
        for _ in range(random.integers(3, 9)):
            y, x, height, width = random.uniform((0.1, 0.1, 0.03, 0.03), (0.9, 0.9, 0.4, 0.4))
            distance = ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2
            grey += random.uniform(-1, 1) * (distance < 1) + random.uniform(-1, 1) * np.exp(
                -distance
            )
        grey += random.normal(0, random.uniform(0, 0.1), grey.shape)
        tints = random.uniform(0.6, 1, 3) if random.random() < 0.4 else np.ones(3)
        picture[:] = ((grey - grey.min()) / np.ptp(grey))[None] * tints[:, None, None]
    return pictures


def _write(module: nn.Module, arguments: dict[str, torch.Tensor], answer: str, path: Path) -> None:
    """Write a graph of fixed shapes, whose memory can be planned."""
    torch.onnx.export(
        module.eval(),
        tuple(arguments.values()),
        path.with_suffix(".onnx"),
        input_names=list(arguments),
        output_names=[answer],
        opset_version=17,
        dynamo=False,
    )
    graph = openvino.convert_model(path.with_suffix(".onnx"))
    openvino.save_model(graph, path.with_suffix(".xml"), compress_to_fp16=False)


def _quantise(path: Path) -> None:
    """Make the encoder's products int8, by the ranges that made-up pictures give."""
    import nncf

    pictures = nncf.Dataset([picture[None] for picture in _images(_CALIBRATION_IMAGES)])
    # Read whole, since its own file is written again.
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    graph = core.read_model(path.with_suffix(".xml"))
    small = nncf.quantize(
        graph,
        pictures,
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=_CALIBRATION_IMAGES,
    )
    openvino.save_model(small, path.with_suffix(".xml"), compress_to_fp16=False)


def keep(folder: Path) -> None:
    """Keep the graphs as this processor runs them, so that a start need not make them ready."""
    for part in ("encoder", "decoder"):
        ready = openvino.Core().compile_model(folder / f"{part}.xml", "CPU", settings())
        (folder / f"{part}.kept").write_bytes(ready.export_model().getbuffer())


def main() -> None:
    """Export, compare, and do what the switches say."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    network = LiteMedSAM().network
    plain = _PlainDecoder(network)
    decoder = LeanDecoder(network) if SWITCHES["lean_decoder"] else plain
    image = torch.from_numpy(_images(1))
    box = torch.tensor([[10.0, 20, 100, 120]])
    with torch.inference_mode():
        expected = plain(_Encoder(network)(image), box).numpy()
        if SWITCHES["strips"]:
            in_strips(network.image_encoder)
        encoder = _Encoder(network)
        inputs = {"embedding": encoder(image), "box": box}
        _write(encoder, {"image": image}, "embedding", folder / "encoder")
        _write(decoder, inputs, "logits", folder / "decoder")
    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    encode, decode = (
        core.compile_model(folder / f"{part}.xml", "CPU", exact) for part in ("encoder", "decoder")
    )
    answered = decode([encode([image.numpy()])[0], box.numpy()])[0]
    difference = float(np.abs(answered - expected).max())
    if difference > _TOLERANCE:
        raise SystemExit(f"the exported network is off by {difference:.2g}, more than {_TOLERANCE}")
    print(f"LiteMedSAM as two graphs: the largest difference of a logit is {difference:.1g}")
    if SWITCHES["int8"]:
        _quantise(folder / "encoder")
    keep(folder)


if __name__ == "__main__":
    main()
