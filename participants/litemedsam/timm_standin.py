"""Stand-ins for the four names of timm that LiteMedSAM's code imports.

timm itself imports torchvision, which would double the image for nothing: the four are used only
in training, or to fill weights that the checkpoint then replaces.
"""

import sys
from types import ModuleType
from typing import Any

import torch


class _DropPath(torch.nn.Module):
    """Stochastic depth: leaves out whole branches in training, and does nothing in inference."""

    def __init__(self, drop_prob: float | None = None) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if self.training and self.drop_prob:
            raise RuntimeError("the stand-in for timm's DropPath serves inference only")
        return features


def _to_2tuple(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, value)


def _keep(value: Any, **_: Any) -> Any:
    """For the initialiser, which the checkpoint overrides, and the registry's decorator."""
    return value


def install() -> None:
    """Put the stand-ins where `import timm…` finds them."""
    layers, registry = ModuleType("timm.models.layers"), ModuleType("timm.models.registry")
    vars(layers).update(DropPath=_DropPath, to_2tuple=_to_2tuple, trunc_normal_=_keep)
    vars(registry).update(register_model=_keep)
    for module in (ModuleType("timm"), ModuleType("timm.models"), layers, registry):
        sys.modules[module.__name__] = module
