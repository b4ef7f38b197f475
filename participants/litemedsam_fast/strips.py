"""The encoder's first stage in strips of rows: the same numbers, in a fraction of the memory.

Its two blocks hold 256 channels at full resolution, 64 MiB, twice at a time: most of what the whole
network needs, and more than a processor's caches have.
"""

import torch
from torch import nn

_ROWS = 32


class _Strips(nn.Module):
    """A block (1 x 1, 3 x 3 a channel, 1 x 1 convolutions, and a shortcut), a strip at a time."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self._block = block

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The block's answer: (1, C, H, W) from (1, C, H, W)."""
        height = image.shape[2]
        strips = [self._strip(image, top, height) for top in range(0, height, _ROWS)]
        return torch.cat(strips, dim=2)

    def _strip(self, image: torch.Tensor, top: int, height: int) -> torch.Tensor:
        """Rows `top` on; the middle convolution sees a row more above and below, or zeros."""
        block, stop = self._block, min(top + _ROWS, height)
        around = image[:, :, max(0, top - 1) : min(stop + 1, height)]
        wide = block.act1(block.conv1(around))
        wide = nn.functional.pad(wide, (1, 1, int(top == 0), int(stop == height)))
        layer = block.conv2.c
        middle = nn.functional.conv2d(wide, layer.weight, layer.bias, groups=layer.groups)
        narrow = block.conv3(block.act2(block.conv2.bn(middle)))
        return block.act3(narrow + image[:, :, top:stop])


def in_strips(encoder: nn.Module) -> None:
    """Make the blocks of the first stage work in strips."""
    stage = encoder.layers[0]
    for index, block in enumerate(stage.blocks):
        stage.blocks[index] = _Strips(block)
