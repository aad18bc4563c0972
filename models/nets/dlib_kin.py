"""A first kinship model: several small heads side by side on the frozen reference encoder.

    aligned face -> DlibTrunk (frozen) -> 256 pooled features -> K heads -> K x 256, each of unit length, joined
    logit = slope * cos(a, b) + offset

Each head is a LayerNorm, then a linear map plus a two-layer correction. Heads differ by their seed alone; the
cosine of the joined embeddings is the mean of the heads' cosines: an ensemble that costs one encoder.
Trained with InfoNCE (TeamCNU's RFIW2021 recipe: tau .08, one kin pair a family in a batch) on Families In the
Wild; slope and offset are Platt scaling on held-out training families (training/kinship_head.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.face_model import Lenders
from models.faces.align import DLIB_150
from models.faces.face import InputSpec
from models.nets.dlib_resnet import DlibTrunk, encoder_on_crop
from models.pair import CosineLogit, PairModel


@dataclass(frozen=True)
class DlibKinConfig:
    """Widths of the heads.

    Attributes:
        heads: how many, K.
        hidden: units of each head's hidden layer.
        dim: length of each head's embedding; the kinship embedding is heads * dim long.
    """

    heads: int = 8
    hidden: int = 1024
    dim: int = 256


class KinHead(nn.Module):
    """(B, 256) pooled features -> (B, dim) unit kinship embedding."""

    def __init__(self, config: DlibKinConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(256)
        self.linear = nn.Linear(256, config.dim)
        self.correction = nn.Sequential(nn.Linear(256, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.dim))

    def forward(self, pooled: Tensor) -> Tensor:
        x = self.norm(pooled)
        return F.normalize(self.linear(x) + self.correction(x), dim=1)


class KinHeads(nn.ModuleList):
    """K heads on the same features: (B, 256) -> (B, K * dim) of unit length."""

    def __init__(self, config: DlibKinConfig) -> None:
        super().__init__(KinHead(config) for _ in range(config.heads))
        self.dim = config.dim

    def forward(self, pooled: Tensor) -> Tensor:
        return torch.cat([head(pooled) for head in self], 1) / len(self) ** 0.5


class DlibKin(PairModel):
    """Kinship of two faces from the cosine of their kinship embeddings; symmetric by construction."""

    cam_tap = "stage3.features"
    lenders: ClassVar[Lenders] = {"trunk.": ("dlib_resnet", "trunk.")}

    def __init__(self, config: DlibKinConfig | None = None) -> None:
        super().__init__()
        self.spec: InputSpec = DLIB_150
        self.trunk = DlibTrunk()
        self.heads = KinHeads(config or DlibKinConfig())
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 150, 150) -> (B, heads * dim) unit kinship embedding."""
        return self.heads(self.trunk(image))

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return encoder_on_crop(tap, values, self.spec.size)
