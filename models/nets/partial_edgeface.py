"""EdgeFace as the trunk of the partial-face networks: its four stages, the last one at every place.

    160x160 RGB in [0, 1] -> cut to ArcFace's frame, 112x112, 128 / 255 outside -> (x - .5) / .5
    block 1: stem, stage 1, 32 channels                             28 x 28
    block 2: stage 2, 64 channels                                   14 x 14
    block 3: stage 3, 100 channels                                  7 x 7      the net forks here
    block 4: stage 4, 192 channels, at every place                  6 x 6      F

EdgeFace's stage 4 looks at every second place (a 2x2 convolution of stride 2). Here it looks at all of them, and its
9x9 kernels are spread twice as far (a trous): F at every second place, from the first, is what EdgeFace has there. Its
last block's cross-covariance attention is left as it is: its published layer scale, 4e-5, leaves it without effect.
The fork reads stage 3 where stage 4 does: the mean of each 2x2 places.
"""

from __future__ import annotations

from typing import Any

import timm
import torch.nn.functional as F
from timm.models.edgenext import EdgeNeXt
from torch import Tensor, nn

from models.faces.align import ARCFACE_112, PARTIAL_160
from models.faces.partial_crops import FILL
from models.layers.reframe import Reframe
from models.nets.edgeface import ARCHITECTURES
from models.taps import Tap

WIDTHS = 100, 192
"""Channels of stages 3 and 4."""
SIDE = 40
"""Of the grid that maps are laid on over the crop."""


def at_every_place(stage: Any) -> None:
    """Take the stride out of an EdgeNeXt stage and spread its kernels twice as far; parameters stay."""
    stage.downsample[1].stride = (1, 1)
    for module in stage.blocks.modules():
        if isinstance(module, nn.Conv2d):
            reach = module.kernel_size[0] - 1
            module.dilation, module.padding = (2, 2), (reach, reach)


class EdgeFaceDense(nn.Module):
    """The stages of EdgeFace XS with its parameter names; `shared` and `channels` are those of block 3 and of F."""

    def __init__(self) -> None:
        super().__init__()
        net = timm.create_model(ARCHITECTURES["xs"], num_classes=0)
        assert isinstance(net, EdgeNeXt)
        self.stem, self.stages = net.stem, net.stages
        self.shared, self.channels = WIDTHS
        at_every_place(self.stages[3])
        self.to_frame = Reframe(PARTIAL_160, ARCFACE_112, FILL / 255)
        self.taps = nn.ModuleList(Tap(f"block{i}.features") for i in (2, 3, 4))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 160, 160) RGB in [0, 1] -> block 3 as F's places read it (B, 100, 6, 6) and F (B, 192, 6, 6)."""
        x = self.taps[0](self.stages[1](self.stages[0](self.stem(self.to_frame(image) * 2 - 1))))
        x = self.taps[1](self.stages[2](x))
        return F.avg_pool2d(x, 2, 1), self.taps[2](self.stages[3](x))

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """(B, h, w), a map over ArcFace's frame -> (B, 40, 40) over the crop, zero where the tap has no place."""
        if not tap.startswith(("block2.", "block3.")):  # F's places: each in the middle of 2x2 of block 3's
            values = F.pad(values.repeat_interleave(2, -2).repeat_interleave(2, -1), (1, 1, 1, 1))
        return self.to_frame.back(values, SIDE, SIDE, "nearest")

    def seen(self, shown: Tensor) -> Tensor:
        """(B, 160, 160) amounts over the crop -> (B, 6, 6), their mean over what each place of F stands for."""
        over_block3 = F.adaptive_avg_pool2d(self.to_frame.sampled(shown[:, None], 0), 7)
        return F.avg_pool2d(over_block3, 2, 1)[:, 0]
