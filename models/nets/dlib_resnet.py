"""The reference encoder: dlib's face descriptor network, ported to PyTorch.

Source: Davis King's dlib_face_recognition_resnet_model_v1 (public domain, CC0), a 29-convolution residual
network trained with a metric loss; published LFW accuracy 99.38 %. The port equals dlib's own output to 1e-5
(tests/models/nets/test_dlib_resnet.py). Batch norms were folded into per-channel affines by dlib.

    150x150 RGB 0..255 -> (x - mean) / 256
    conv 7x7/2 (32), affine, ReLU, max-pool 3x3/2                35 x 35
    32 x3                                                        35 x 35   stage1
    64 down, 64 x3                                               17 x 17   stage2
    128 down, 128 x2                                              8 x 8    stage3
    256 down, 256 x2                                              4 x 4    stage4
    256 down                                                      2 x 2    stage5
    mean over the map -> fc 256 -> 128

What has stride 2 has no padding, so a map does not reach from border to border of the crop: `on_crop` lays each place
on the centre of what it sees (PLACES).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.align import DLIB_150
from models.faces.face import InputSpec
from models.layers.places import Places, laid_on_crop
from models.pair import CosineLogit, PairModel
from models.taps import Tap

STAGES = ((32, False, 3), (64, True, 3), (128, True, 2), (256, True, 2), (256, True, 0))
"""(channels, starts with a down block, plain blocks) for stage 1 to 5."""
PLACES: Places = {
    "stage1.features": (5.5, 4),
    "stage2.features": (8.5, 8),
    "stage3.features": (14.5, 16),
    "stage4.features": (26.5, 32),
    "stage5.features": (50.5, 64),
}
"""A down block's convolution starts a step of the map before it from that map's start, its shortcut half a step: the
middle of both counts."""


class Affine(nn.Module):
    """Per-channel x * weight + bias: dlib's batch norm at inference."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class Residual(nn.Module):
    """conv3x3 - affine - ReLU - conv3x3 - affine, plus shortcut, ReLU.

    A down block halves the map: its first conv has stride 2 and no padding, its shortcut is a 2x2 mean.
    Where the two sides differ in size or channels, each is zero-padded to the larger (bottom, right, channels).
    """

    def __init__(self, cin: int, cout: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv1 = nn.Conv2d(cin, cout, 3, stride=2 if down else 1, padding=0 if down else 1)
        self.affine1 = Affine(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.affine2 = Affine(cout)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.affine1(self.conv1(x)))
        y = self.affine2(self.conv2(y))
        shortcut = F.avg_pool2d(x, 2) if self.down else x
        return F.relu(add_padded(y, shortcut))


def add_padded(x: Tensor, y: Tensor) -> Tensor:
    """Sum of two (B, C, h, w) maps, each zero-padded at the end of C, h, w to the larger of the two."""
    c, h, w = (max(x.shape[d], y.shape[d]) for d in (1, 2, 3))

    def grown(t: Tensor) -> Tensor:
        pad = (0, w - t.shape[3], 0, h - t.shape[2], 0, c - t.shape[1])
        return F.pad(t, pad) if any(pad) else t

    return grown(x) + grown(y)


def make_stage(cin: int, cout: int, down: bool, plain: int) -> nn.Sequential:
    blocks = [Residual(cin, cout, True)] if down else []
    blocks += [Residual(cout, cout, False) for _ in range(plain)]
    return nn.Sequential(*blocks)


class DlibTrunk(nn.Module):
    """Aligned 150 px crop in [0, 1] -> (B, 256) pooled features: everything before the last layer."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([122.782, 117.001, 104.298]).view(3, 1, 1))
        self.conv = nn.Conv2d(3, 32, 7, stride=2)
        self.affine = Affine(32)
        widths = [32] + [c for c, _, _ in STAGES]
        self.stages = nn.ModuleList(make_stage(widths[i], *STAGES[i]) for i in range(len(STAGES)))
        self.taps = nn.ModuleList(Tap(f"stage{i + 1}.features") for i in range(len(STAGES)))
        self.pooled = Tap("pooled.features")  # 1 x 1: the narrowest place on the way, no layer for maps

    def maps(self, image: Tensor) -> list[Tensor]:
        """(B, 3, h, w) -> the maps of stage 1 to 5."""
        x = (image * 255 - self.mean) / 256
        x = F.max_pool2d(F.relu(self.affine(self.conv(x))), 3, stride=2)
        found = []
        for stage, tap in zip(self.stages, self.taps, strict=True):
            x = tap(stage(x))
            found.append(x)
        return found

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 150, 150) -> (B, 256)."""
        return self.pooled(self.maps(image)[-1].mean((2, 3), keepdim=True)).flatten(1)


def encoder_on_crop(tap: str, values: Tensor, size: int) -> Tensor:
    """(B, h, w) over the map of a tap of DlibTrunk -> (B, size, size) over its crop; other taps' values as they are."""
    return laid_on_crop(values, *PLACES[tap], size) if tap in PLACES else values


class EncoderStart(nn.Module):
    """The encoder up to stage 2 for other crops: padded, so that a map's border is the crop's; with its names."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([122.782, 117.001, 104.298]).view(3, 1, 1))
        self.conv = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.affine = Affine(32)
        self.stages = nn.ModuleList([make_stage(32, *STAGES[0]), make_stage(STAGES[0][0], *STAGES[1])])

    def entry(self, image: Tensor) -> Tensor:
        """(B, 3, h, w) RGB in [0, 1] -> (B, 32, h / 4, w / 4), what stage 1 is given."""
        x = (image * 255 - self.mean) / 256
        return F.max_pool2d(F.relu(self.affine(self.conv(x))), 3, stride=2, padding=1)


@dataclass(frozen=True)
class DlibResnetConfig:
    """The network has one published size."""

    input_size: int = 150


class DlibResnet(PairModel):
    """Same-person verification with the reference encoder: calibrated cosine of two descriptors."""

    cam_tap = "stage3.features"  # 8 x 8; stage4 and stage5 are 4 x 4 and 2 x 2, their last row and column zero-padded
    rectified = True

    def __init__(self, config: DlibResnetConfig | None = None) -> None:
        super().__init__()
        config = config or DlibResnetConfig()
        self.spec: InputSpec = DLIB_150.resized(config.input_size)
        self.trunk = DlibTrunk()
        self.fc = nn.Linear(256, 128, bias=False)
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 150, 150) -> (B, 128) descriptor, as dlib gives it (not normalised)."""
        return self.fc(self.trunk(image))

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return encoder_on_crop(tap, values, self.spec.size)
