"""Kinship from two networks that know different things, side by side: the reference encoder and S-ViT's backbone.

    aligned face (150 px) -> DlibTrunk -> K kinship heads, joined     -> u, unit length
                          -> resized to 128 px -> PCPVT -> embed      -> v, unit length
    embedding = [sqrt(1 - w) u, sqrt(w) v],     logit = slope * cos(a, b) + offset

The cosine of two joined embeddings is the mean of both networks' cosines with weights 1 - w and w. Both see the same
crop, so that a map of either lies on what was uploaded. Not a published network: our strongest answer, kept beside the
published ones so that their distance can be seen. Taps of the convolutional network begin with "encoder.".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.dlib_kin import DlibKinConfig, KinHeads
from models.dlib_resnet import DlibTrunk
from models.faces import DLIB_150
from models.outputs import InputSpec
from models.pair import CosineLogit, PairModel
from models.svit import PCPVT, SvitConfig, pooled
from models.taps import Tap


@dataclass(frozen=True)
class KinDuoConfig:
    """Shape of the pair of networks.

    Attributes:
        heads: kinship heads on the reference encoder.
        share: w, the part of S-ViT's cosine.
    """

    heads: int = 4
    share: float = 0.4


class KinDuo(PairModel):
    """The cosine of two networks' joined kinship embeddings; symmetric by construction."""

    cam_tap = "encoder.stage3.features"

    def __init__(self, config: KinDuoConfig | None = None) -> None:
        super().__init__()
        config, vit = config or KinDuoConfig(), SvitConfig()
        self.config = config
        self.spec: InputSpec = DLIB_150
        self.vit_size = vit.input_size
        self.trunk = DlibTrunk()
        for tap in self.trunk.modules():
            if isinstance(tap, Tap):
                tap.name = f"encoder.{tap.name}"
        self.heads = KinHeads(DlibKinConfig(config.heads))
        self.backbone = PCPVT(vit)
        self.embed = nn.Linear(2 * vit.dims[-1], vit.embed_dim)
        self.logit = CosineLogit()

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 150, 150) -> (B, heads * 256 + 256) unit kinship embedding."""
        small = F.interpolate(image, (self.vit_size, self.vit_size), mode="bilinear", antialias=True)
        u = self.heads(self.trunk(image))
        v = F.normalize(self.embed(pooled(self.backbone(small))), dim=1)
        return torch.cat([u * (1 - self.config.share) ** 0.5, v * self.config.share**0.5], 1)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)
