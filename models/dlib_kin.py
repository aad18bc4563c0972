"""A first kinship model: a small head on the frozen reference encoder.

    aligned face -> DlibTrunk (frozen) -> 256 pooled features -> MLP -> 128, unit length
    logit = slope * cos(a, b) + offset

Trained with InfoNCE (SupCon-style pairs, TeamCNU's RFIW2021 recipe: tau .08, one pair a family in a batch) on
Families In the Wild; slope and offset are Platt scaling on held-out training families (training/kinship_head.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from models.dlib_resnet import DlibTrunk
from models.faces import DLIB_150
from models.outputs import InputSpec
from models.pair import CosineLogit, PairModel


@dataclass(frozen=True)
class DlibKinConfig:
    """Widths of the head.

    Attributes:
        hidden: units of the hidden layer.
        dim: length of the kinship embedding.
    """

    hidden: int = 512
    dim: int = 128


class KinHead(nn.Module):
    """(B, 256) pooled features -> (B, dim) unit kinship embedding."""

    def __init__(self, config: DlibKinConfig) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(256), nn.Linear(256, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.dim)
        )

    def forward(self, pooled: Tensor) -> Tensor:
        return F.normalize(self.net(pooled), dim=1)


class DlibKin(PairModel):
    """Kinship of two faces from the cosine of their kinship embeddings; symmetric by construction."""

    cam_tap = "stage3.features"

    def __init__(self, config: DlibKinConfig | None = None) -> None:
        super().__init__()
        self.spec: InputSpec = DLIB_150
        self.trunk = DlibTrunk()
        self.head = KinHead(config or DlibKinConfig())
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 150, 150) -> (B, dim) unit kinship embedding."""
        return self.head(self.trunk(image))

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)
