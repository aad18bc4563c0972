"""Extract, the trunk of the partial-face networks: a ResNet with three spatial halvings, in two makes.

"bottleneck", as published: blocks 1 to 4 of a ResNet-50, block 4 without its stride.

    160x160 RGB in [0, 1] -> (255 x - 128) / 128: the protocol's fill of 128 becomes exactly 0
    conv7x7/2, BN, ReLU, max-pool 3x3/2           40 x 40
    block 2: 3 bottlenecks, 4 width channels      40 x 40
    block 3: 4 bottlenecks, 8 width, first /2     20 x 20    the net forks here
    block 4: 6 bottlenecks, 16 width              20 x 20    F

"edgeface", the demo's: models/nets/partial_edgeface.py.
"""

from __future__ import annotations

import torch.nn.functional as F
from timm.models.resnet import Bottleneck, downsample_conv
from torch import Tensor, nn

from models.nets.partial_edgeface import EdgeFaceStages
from models.taps import Tap

MAKES = ("bottleneck", "edgeface")
GRID = 20


def make_block(cin: int, planes: int, depth: int, stride: int) -> nn.Sequential:
    """`depth` ResNet bottlenecks, cin -> 4 planes channels; the first one carries the stride."""
    cout = planes * Bottleneck.expansion
    shortcut = downsample_conv(cin, cout, 1, stride) if stride > 1 or cin != cout else None
    blocks = [Bottleneck(cin, planes, stride, shortcut)]
    return nn.Sequential(*blocks, *(Bottleneck(cout, planes) for _ in range(depth - 1)))


class BottleneckTrunk(nn.Module):
    """Blocks 1 to 4 of a ResNet-50; `shared` and `channels` are those of block 3 and of F."""

    def __init__(self, width: int, depths: tuple[int, int, int]) -> None:
        super().__init__()
        w, (depth2, depth3, depth4) = width, depths
        self.shared, self.channels = 8 * w, 16 * w
        self.stem = nn.Sequential(
            nn.Conv2d(3, w, 7, 2, 3, bias=False), nn.BatchNorm2d(w), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        self.block2 = make_block(w, w, depth2, stride=1)
        self.block3 = make_block(4 * w, 2 * w, depth3, stride=2)
        self.block4 = make_block(8 * w, 4 * w, depth4, stride=1)
        self.taps = nn.ModuleList(Tap(f"block{i}.features") for i in (2, 3, 4))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 160, 160) RGB in [0, 1] -> block 3's map (B, shared, 20, 20) and F (B, channels, 20, 20)."""
        x = self.stem((image * 255 - 128) / 128)
        x = self.taps[0](self.block2(x))
        shared = self.taps[1](self.block3(x))
        return shared, self.taps[2](self.block4(shared))

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """Nothing to do: the network sees the crop as it is."""
        return values

    def seen(self, shown: Tensor) -> Tensor:
        """(B, H, W) amounts over the crop -> (B, 20, 20), their mean over each place of F."""
        return F.adaptive_avg_pool2d(shown, GRID)


def make_trunk(make: str, width: int, depths: tuple[int, int, int]) -> BottleneckTrunk | EdgeFaceStages:
    """One of MAKES; width and depths are the bottleneck trunk's.

    Raises:
        ValueError: another make.
    """
    if make not in MAKES:
        raise ValueError(f"the trunk is one of {', '.join(MAKES)}, not {make!r}")
    return EdgeFaceStages() if make == "edgeface" else BottleneckTrunk(width, depths)
