"""A guide for S-ViT: EdgeFace's maps, added where each stage begins.

EdgeFace learnt from millions of faces, a demo from some twenty thousand. The guide lends it what EdgeFace knows (to the
shipped S-ViT: EdgeFace fine-tuned on kin), and is ours, no part of the published network: at every stage the map of
EdgeFace (models/nets/edgeface.py) with about the same grid is normalised over channels, brought to the stage's channels
by a 1x1 convolution that starts at zero, and added to the patch embedding. All attention is S-ViT's own.

    crop, in ArcFace's frame as EdgeFace's own (128 px -> 112 px)
    EdgeFace, stage 1 | 2 | 3 | 4        28 x 28 | 14 x 14 | 7 x 7 | 3 x 3 over 6 of 7 places
    S-ViT,    stage 1 | 2 | 3 | 4        32 x 32 | 16 x 16 | 8 x 8 | 4 x 4                      at 128 px
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from models.faces.align import ARCFACE_112
from models.nets.edgeface import EdgeFaceConfig, EdgeFaceTrunk, laid_out
from models.taps import Tap

PREFIX = "backbone.guide."
CHANNELS = (32, 64, 100, 192)
"""Of EdgeFace XS, a number a stage."""


class Guide(nn.Module):
    """Crop -> one map for each of S-ViT's four stages; zero until trained."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.trunk = EdgeFaceTrunk(EdgeFaceConfig())
        self.trunk.head = nn.Identity()  # type: ignore[assignment]  # not on the way here
        self.trunk.pooled = nn.Identity()  # type: ignore[assignment]
        for tap in self.trunk.modules():
            if isinstance(tap, Tap):
                tap.name = "guide." + tap.name
        self.lateral = nn.ModuleList(_zero(c, dim) for c, dim in zip(CHANNELS, dims, strict=True))

    def forward(self, image: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """(B, 3, h, w) RGB in [0, 1] and the grid of each stage -> maps (B, dims[i], *sizes[i])."""
        side = ARCFACE_112.size
        *first, fourth = self.trunk.maps(F.interpolate(image, (side, side), mode="bilinear", antialias=True))
        maps = [*first, laid_out(fourth)]
        grids = [F.interpolate(m, size, mode="bilinear", antialias=True) for m, size in zip(maps, sizes, strict=True)]
        return [lateral(grid) for lateral, grid in zip(self.lateral, grids, strict=True)]


def _zero(cin: int, cout: int) -> nn.Sequential:
    conv = nn.Conv2d(cin, cout, 1)
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.get_parameter("bias"))
    return nn.Sequential(LayerNorm2d(cin), conv)


def with_guide(state: Mapping[str, Tensor], encoder: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of an S-ViT without a guide and those of an EdgeFace -> what a guided one starts from."""
    lent = {name: value for name, value in encoder.items() if name.startswith("trunk.") and ".head." not in name}
    return {**state, **{PREFIX + name: value for name, value in lent.items()}}
