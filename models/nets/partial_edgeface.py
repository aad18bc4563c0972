"""EdgeFace's four stages as the trunk of the partial-face networks.

    160x160 RGB in [0, 1] -> cut to ArcFace's frame, 112x112, 128 / 255 outside -> (x - .5) / .5
    block 1: stem, stage 1, 32 channels                             28 x 28
    block 2: stage 2, 64 channels                                   14 x 14
    block 3: stage 3, 100 channels                                  7 x 7      the net forks here
    block 4: stage 4, 192 channels                                  3 x 3      F

Not shipped: fine-tuned at the demo's rate it is better than the reference trunk on whole faces and on parts in place,
and far worse on parts that were moved to the middle, as EdgeFace knows places; a higher rate loses what it knows.

A face in the protocol's frame is 1.1 times as large as EdgeFace knows it, and higher up: cut to ArcFace's frame first,
it keeps EdgeFace's embedding. The fork reads block 3 as stage 4 does: 2 x 2 places at a time, without the last row and
column. F at all places of block 3 (stage 4 without its stride, a trous) was tried: what lies between EdgeFace's own
places is of no use to it, and training does not make up for it.
"""

from __future__ import annotations

import timm
import torch.nn.functional as F
from timm.models.edgenext import EdgeNeXt
from torch import Tensor, nn

from models.faces.align import ARCFACE_112, PARTIAL_160
from models.faces.partial_crops import FILL
from models.layers.reframe import Reframe
from models.nets.edgeface import ARCHITECTURES, laid_out, read_places
from models.taps import Tap

WIDTHS = 100, 192
"""Channels of stages 3 and 4."""
SIDE = 40
"""Of the grid that maps are laid on over the crop."""


class EdgeFaceStages(nn.Module):
    """The stages of EdgeFace XS with its parameter names; `shared` and `channels` are those of block 3 and of F."""

    def __init__(self) -> None:
        super().__init__()
        net = timm.create_model(ARCHITECTURES["xs"], num_classes=0)
        assert isinstance(net, EdgeNeXt)
        self.stem, self.stages = net.stem, net.stages
        self.shared, self.channels = WIDTHS
        self.to_frame = Reframe(PARTIAL_160, ARCFACE_112, FILL / 255)
        self.taps = nn.ModuleList(Tap(f"block{i}.features") for i in (2, 3, 4))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 160, 160) RGB in [0, 1] -> block 3 as F's places read it (B, 100, 3, 3) and F (B, 192, 3, 3)."""
        x = self.taps[0](self.stages[1](self.stages[0](self.stem(self.to_frame(image) * 2 - 1))))
        x = self.taps[1](self.stages[2](x))
        return F.avg_pool2d(x, 2), self.taps[2](self.stages[3](x))

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """(B, h, w), a map over ArcFace's frame -> (B, 40, 40) over the crop, zero where the tap has no place."""
        if tap == "block3.features":
            values = read_places("stage3.features", values)
        elif tap != "block2.features":  # F's places
            values = laid_out(values)
        return self.to_frame.back(values, SIDE, SIDE, "nearest")

    def seen(self, shown: Tensor) -> Tensor:
        """(B, 160, 160) amounts over the crop -> (B, 3, 3), their mean over what each place of F stands for."""
        return F.avg_pool2d(F.adaptive_avg_pool2d(self.to_frame.sampled(shown[:, None], 0), 7), 2)[:, 0]
