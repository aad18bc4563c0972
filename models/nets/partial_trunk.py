"""Extract, the trunk of the partial-face networks: a ResNet with three spatial halvings, in two makes.

"bottleneck", as published: blocks 1 to 4 of a ResNet-50, block 4 without its stride.

    160x160 RGB in [0, 1] -> (255 x - 128) / 128: the protocol's fill of 128 becomes exactly 0
    conv7x7/2, BN, ReLU, max-pool 3x3/2           40 x 40
    block 2: 3 bottlenecks, 4 width channels      40 x 40
    block 3: 4 bottlenecks, 8 width, first /2     20 x 20    the net forks here
    block 4: 6 bottlenecks, 16 width              20 x 20    F

"reference", the demo's: the first stages of the reference encoder (models/nets/dlib_resnet.py), so that a small
training starts from features of millions of faces. From block 4 on no stride is left; what it would have skipped is
computed too and the kernels are spread as far apart as before (a trous), so every fourth place of F in each direction
is, away from the borders, what the reference encoder has after its stage 4's first block.

    (255 x - mean) / 256
    block 1: conv7x7/2, ReLU, max-pool 3x3/2, padded                40 x 40
    block 2: stage 1, 32 channels                                   40 x 40
    block 3: stage 2, 64 channels, first /2                         20 x 20    the net forks here
    block 4: stage 3, 128 channels, and stage 4's first, 256        20 x 20    F
"""

from __future__ import annotations

import torch.nn.functional as F
from timm.models.resnet import Bottleneck, downsample_conv
from torch import Tensor, nn

from models.nets.dlib_resnet import STAGES, EncoderStart, Residual, add_padded
from models.taps import Tap

MAKES = ("bottleneck", "reference")


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


class DenseResidual(Residual):
    """The reference encoder's residual where its map is computed at every place, `spacing` places to one of its own.

    A down block leaves no place out: what it made of every second place, it makes of all.
    """

    def __init__(self, cin: int, cout: int, down: bool, spacing: int) -> None:
        super().__init__(cin, cout, down)
        self.spacing, after = spacing, spacing * (2 if down else 1)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=spacing, dilation=spacing)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=after, dilation=after)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.affine1(self.conv1(x)))
        return F.relu(add_padded(self.affine2(self.conv2(y)), self.halved(x) if self.down else x))

    def halved(self, x: Tensor) -> Tensor:
        """The 2 x 2 mean of a place and of those before it; beyond the border its own value counts."""
        s = self.spacing
        x = F.pad(x, (s, 0, s, 0), mode="replicate")
        x = (x[..., s:, :] + x[..., :-s, :]) / 2
        return (x[..., s:] + x[..., :-s]) / 2


def make_dense_stage(cin: int, cout: int, plain: int, spacing: int) -> nn.Sequential:
    """A down block and `plain` others; its input lies `spacing` places apart, its output twice as far."""
    rest = (DenseResidual(cout, cout, False, 2 * spacing) for _ in range(plain))
    return nn.Sequential(DenseResidual(cin, cout, True, spacing), *rest)


class ReferenceTrunk(EncoderStart):
    """The first stages of the reference encoder on a 20 x 20 grid, with its parameter names.

    `shared` and `channels` are the channels of block 3 and of F.
    """

    def __init__(self) -> None:
        super().__init__()
        _, (self.shared, *_), (c3, _, plain), (self.channels, *_), _ = STAGES
        self.stages.append(make_dense_stage(self.shared, c3, plain, spacing=1))
        self.stages.append(make_dense_stage(c3, self.channels, 0, spacing=2))
        self.taps = nn.ModuleList(Tap(f"block{i}.features") for i in (2, 3, 4))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 160, 160) RGB in [0, 1] -> block 3's map (B, 64, 20, 20) and F (B, 256, 20, 20)."""
        x = self.taps[0](self.stages[0](self.entry(image)))
        shared = self.taps[1](self.stages[1](x))
        return shared, self.taps[2](self.stages[3](self.stages[2](shared)))


def make_trunk(make: str, width: int, depths: tuple[int, int, int]) -> BottleneckTrunk | ReferenceTrunk:
    """One of MAKES; width and depths are the bottleneck trunk's.

    Raises:
        ValueError: another make.
    """
    if make not in MAKES:
        raise ValueError(f"the trunk is one of {', '.join(MAKES)}, not {make!r}")
    return ReferenceTrunk() if make == "reference" else BottleneckTrunk(width, depths)
