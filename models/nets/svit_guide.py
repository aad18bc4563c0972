"""A guide for S-ViT: the reference encoder's maps, added where each stage begins.

The reference encoder learnt from millions of faces, a demo from some twenty thousand. The guide lends it what the
encoder knows, and is ours, no part of the published network: at every stage the map of the reference encoder
(models/nets/dlib_resnet.py) with about the same grid is normalised over channels, brought to the stage's channels by a
1x1 convolution that starts at zero, and added to the patch embedding. All attention is S-ViT's own.

    crop, enlarged so that the eyes lie as far apart as in the encoder's own crop (128 px -> 168 px)
    encoder, stage 1 | 2 | 3 | 4 and 5        40 x 40 | 20 x 20 | 10 x 10 | 5 x 5 and 2 x 2
    S-ViT,   stage 1 | 2 | 3 | 4              32 x 32 | 16 x 16 |   8 x 8 | 4 x 4                at 128 px
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from models.nets.dlib_resnet import STAGES, DlibTrunk
from models.taps import Tap

SIDE = 168
"""Pixels; see models/nets/kin_joined.py."""
PREFIX = "backbone.guide."


class Guide(nn.Module):
    """Crop -> one map for each of S-ViT's four stages; zero until trained."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.trunk = DlibTrunk()
        self.trunk.pooled = nn.Identity()  # type: ignore[assignment]  # not on the way here
        for tap in self.trunk.modules():
            if isinstance(tap, Tap):
                tap.name = "guide." + tap.name
        channels = [c for c, _, _ in STAGES]
        channels = [*channels[:3], channels[3] + channels[4]]
        self.lateral = nn.ModuleList(_zero(c, dim) for c, dim in zip(channels, dims, strict=True))

    def forward(self, image: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """(B, 3, h, w) RGB in [0, 1] and the grid of each stage -> maps (B, dims[i], *sizes[i])."""
        x = F.interpolate(image, (SIDE, SIDE), mode="bilinear", antialias=True)
        *first, fourth, fifth = self.trunk.maps(x)
        maps = [*first, torch.cat([fourth, F.interpolate(fifth, fourth.shape[2:])], 1)]
        grids = [F.interpolate(m, size, mode="bilinear", antialias=True) for m, size in zip(maps, sizes, strict=True)]
        return [lateral(grid) for lateral, grid in zip(self.lateral, grids, strict=True)]


def _zero(cin: int, cout: int) -> nn.Sequential:
    conv = nn.Conv2d(cin, cout, 1)
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.get_parameter("bias"))
    return nn.Sequential(LayerNorm2d(cin), conv)


def with_guide(state: Mapping[str, Tensor], encoder: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of an S-ViT without a guide and those of the reference encoder -> what a guided one starts from."""
    return {**state, **{PREFIX + name: value for name, value in encoder.items() if name.startswith("trunk.")}}
