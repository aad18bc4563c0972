"""MobileFaceNet, only as a teacher: Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face
Verification on Mobile Devices", 2018, table 1.

    112x112 RGB -> conv 3x3/2 (64) -> depthwise 3x3 -> bottlenecks 64/2, 4x 64, 128/2, 6x 128, 128/2, 2x 128
    -> 1x1 conv (512) -> global depthwise conv 7x7 -> 1x1 conv (128) -> batch norm = embedding

Module names follow the public checkpoints (names under `arcface.`), which the user supplies; the network is not
registered and has no weights in the repository.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution without bias, batch norm, and PReLU unless linear."""

    def __init__(self, cin: int, cout: int, kernel: int = 1, stride: int = 1, groups: int = 1, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(cout)
        self.prelu = nn.Identity() if linear else nn.PReLU(cout)

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    """1x1 expansion, depthwise 3x3, linear 1x1 projection; the input is added where nothing is downsampled."""

    def __init__(self, cin: int, cout: int, expanded: int, stride: int) -> None:
        super().__init__()
        self.conv = ConvBlock(cin, expanded)
        self.conv_dw = ConvBlock(expanded, expanded, 3, stride, expanded)
        self.project = ConvBlock(expanded, cout, linear=True)
        self.residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Repeated(nn.Module):
    """`count` residual bottlenecks."""

    def __init__(self, channels: int, expanded: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(Bottleneck(channels, channels, expanded, 1) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class MobileFaceNet(nn.Module):
    """(B, 3, 112, 112) RGB in [0, 1], ArcFace's template -> (B, 128), not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = ConvBlock(3, 64, 3, 2)
        self.conv2_dw = ConvBlock(64, 64, 3, 1, 64)
        self.conv_23 = Bottleneck(64, 64, 128, 2)
        self.conv_3 = Repeated(64, 128, 4)
        self.conv_34 = Bottleneck(64, 128, 256, 2)
        self.conv_4 = Repeated(128, 256, 6)
        self.conv_45 = Bottleneck(128, 128, 512, 2)
        self.conv_5 = Repeated(128, 256, 2)
        self.sep = nn.Conv2d(128, 512, 1, bias=False)
        self.sep_bn = nn.BatchNorm2d(512)
        self.prelu = nn.PReLU(512)
        self.GDC_dw = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        self.GDC_bn = nn.BatchNorm2d(512)
        self.features = nn.Conv2d(512, 128, 1, bias=False)
        self.last_bn = nn.BatchNorm2d(128)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv2_dw(self.conv1((image * 255 - 127.5) / 127.5))
        x = self.conv_3(self.conv_23(x))
        x = self.conv_4(self.conv_34(x))
        x = self.conv_5(self.conv_45(x))
        x = self.prelu(self.sep_bn(self.sep(x)))
        return self.last_bn(self.features(self.GDC_bn(self.GDC_dw(x)))).flatten(1)


def load_mobilefacenet(path: Path) -> MobileFaceNet:
    """A public checkpoint with names under `arcface.`, loaded strictly, in eval mode.

    Raises:
        RuntimeError: names or shapes differ.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = MobileFaceNet()
    model.load_state_dict({k.removeprefix("arcface."): v for k, v in state.items() if k.startswith("arcface.")})
    return model.eval()
