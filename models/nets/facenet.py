"""FaceNet: Inception-ResNet-v1 with an embedding of 512 numbers.

Sources: Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR 2015 (the embedding on
the unit sphere); Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
2016 (the network). Sizes, residual scales and parameter names are those of facenet-pytorch's `InceptionResnetV1`, whose
checkpoints load (`from_facenet_pytorch`).

    160x160 RGB in [0, 1] -> (255 x - 127.5) / 128
    3x3/2, 3x3, 3x3 pad, max 3/2, 1x1, 3x3, 3x3/2          256   17 x 17
    5 blocks 35: 1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3            256   17 x 17   stage1
    reduction A, 10 blocks 17: 1x1 | 1x1, 1x7, 7x1         896    8 x 8    stage2
    reduction B, 6 blocks 8: 1x1 | 1x1, 1x3, 3x1          1792    3 x 3    stage3
    mean over the map -> dropout -> fc 512 -> BN -> unit length

    block: x + scale * 1x1(its branches side by side), then ReLU; the last block has neither scale nor ReLU

Convolutions of stride 2 have no padding, so a map does not reach from border to border of the crop: `on_crop` lays each
place on the centre of what it sees.

The public weights were trained on boxes of MTCNN with a margin, stretched to a square. Here a face keeps its
proportions, and FACENET_160 is the ArcFace template laid over where the five keypoints fall in such boxes (the mean of
150 CelebA photos, margin 14 px of 160, least squares): the framing is theirs, the stretch is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.face import InputSpec
from models.layers.places import Places, laid_on_crop
from models.pair import CosineLogit, PairModel
from models.taps import Tap

FACENET_160 = InputSpec(160, ((52.8, 60.1), (107.2, 60.1), (80.0, 91.2), (57.4, 123.0), (102.6, 123.0)))
PLACES: Places = {"stage1.features": (13.5, 8), "stage2.features": (21.5, 16), "stage3.features": (37.5, 32)}
BN_EPS = 1e-3
"""Of every batch norm, as in the TensorFlow original."""


@dataclass(frozen=True)
class FaceNetConfig:
    """The network has one published size.

    Attributes:
        dim: length of the embedding.
        dropout: probability before the last linear layer; .6 as published.
    """

    dim: int = 512
    dropout: float = 0.6


class BasicConv2d(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, cin: int, cout: int, kernel: int | tuple[int, int], stride: int = 1, same: bool = True) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if same else (0, 0)
        self.conv = nn.Conv2d(cin, cout, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class ResidualBlock(nn.Module):
    """relu(x + scale * 1x1(branches)); each branch is a row of convolutions.

    Args:
        channels: of x.  width: of every convolution in the branches.
        kernels: one tuple of kernels a branch.
        scale: of the residual.  relu: at the end.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        kernels: tuple[tuple[int | tuple[int, int], ...], ...],
        scale: float,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.scale, self.relu, self.branches = scale, relu, len(kernels)
        for i, row in enumerate(kernels):
            convs = [BasicConv2d(channels if j == 0 else width, width, k) for j, k in enumerate(row)]
            setattr(self, f"branch{i}", convs[0] if len(convs) == 1 else nn.Sequential(*convs))
        self.conv2d = nn.Conv2d(len(kernels) * width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([getattr(self, f"branch{i}")(x) for i in range(self.branches)], 1)
        y = x + self.scale * self.conv2d(y)
        return F.relu(y) if self.relu else y


def block35() -> ResidualBlock:
    return ResidualBlock(256, 32, ((1,), (1, 3), (1, 3, 3)), 0.17)


def block17() -> ResidualBlock:
    return ResidualBlock(896, 128, ((1,), (1, (1, 7), (7, 1))), 0.10)


def block8(last: bool = False) -> ResidualBlock:
    return ResidualBlock(1792, 192, ((1,), (1, (1, 3), (3, 1))), 1.0 if last else 0.20, not last)


def halving(cin: int, cout: int) -> BasicConv2d:
    """3x3 of stride 2 without padding."""
    return BasicConv2d(cin, cout, 3, 2, same=False)


class ReductionA(nn.Module):
    """(B, 256, 17, 17) -> (B, 896, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch0 = halving(256, 384)
        self.branch1 = nn.Sequential(BasicConv2d(256, 192, 1), BasicConv2d(192, 192, 3), halving(192, 256))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), F.max_pool2d(x, 3, 2)], 1)


class ReductionB(nn.Module):
    """(B, 896, 8, 8) -> (B, 1792, 3, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(BasicConv2d(896, 256, 1), halving(256, 384))
        self.branch1 = nn.Sequential(BasicConv2d(896, 256, 1), halving(256, 256))
        self.branch2 = nn.Sequential(BasicConv2d(896, 256, 1), BasicConv2d(256, 256, 3), halving(256, 256))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), F.max_pool2d(x, 3, 2)], 1)


class InceptionResnetV1(nn.Module):
    """Aligned crop in [0, 1] -> unit embedding. Parameter names are facenet-pytorch's."""

    def __init__(self, config: FaceNetConfig) -> None:
        super().__init__()
        self.conv2d_1a = halving(3, 32)
        self.conv2d_2a = BasicConv2d(32, 32, 3, same=False)
        self.conv2d_2b = BasicConv2d(32, 64, 3)
        self.conv2d_3b = BasicConv2d(64, 80, 1)
        self.conv2d_4a = BasicConv2d(80, 192, 3, same=False)
        self.conv2d_4b = halving(192, 256)
        self.repeat_1 = nn.Sequential(*(block35() for _ in range(5)))
        self.mixed_6a = ReductionA()
        self.repeat_2 = nn.Sequential(*(block17() for _ in range(10)))
        self.mixed_7a = ReductionB()
        self.repeat_3 = nn.Sequential(*(block8() for _ in range(5)))
        self.block8 = block8(last=True)
        self.dropout = nn.Dropout(config.dropout)
        self.last_linear = nn.Linear(1792, config.dim, bias=False)
        self.last_bn = nn.BatchNorm1d(config.dim, eps=BN_EPS)
        self.taps = nn.ModuleList(Tap(name) for name in PLACES)

    def stem(self, image: Tensor) -> Tensor:
        """(B, 3, 160, 160) -> (B, 256, 17, 17)."""
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a((255 * image - 127.5) / 128)))
        return self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(F.max_pool2d(x, 3, 2))))

    def maps(self, image: Tensor) -> Tensor:
        """(B, 3, 160, 160) -> (B, 1792, 3, 3)."""
        x = self.taps[0](self.repeat_1(self.stem(image)))
        x = self.taps[1](self.repeat_2(self.mixed_6a(x)))
        return self.taps[2](self.block8(self.repeat_3(self.mixed_7a(x))))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 160, 160) -> (B, dim), of length 1."""
        pooled = self.dropout(self.maps(image).mean((2, 3)))
        return F.normalize(self.last_bn(self.last_linear(pooled)), dim=1)


class FaceNet(PairModel):
    """Same-person verification with FaceNet: calibrated cosine of two embeddings."""

    cam_tap = "stage2.features"  # 8 x 8 (16 px a place); stage 3 has 3 x 3

    def __init__(self, config: FaceNetConfig | None = None) -> None:
        super().__init__()
        self.spec: InputSpec = FACENET_160
        self.trunk = InceptionResnetV1(config or FaceNetConfig())
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 160, 160) -> (B, dim), of length 1."""
        return self.trunk(image)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return laid_on_crop(values, *PLACES[tap], self.spec.size)


def from_facenet_pytorch(state: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """facenet-pytorch's InceptionResnetV1 -> config values and state dict of the one here, without its classifier."""
    own = {name: value for name, value in state.items() if not name.startswith("logits.")}
    return {"dim": len(own["last_linear.weight"])} if "last_linear.weight" in own else {}, own
