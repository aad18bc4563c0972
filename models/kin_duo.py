"""Kinship from two networks that know different things, side by side: the reference encoder and S-ViT's backbone.

    aligned face (168 px, ArcFace's frame) -> cut to dlib's frame (150 px) -> DlibTrunk -> K kinship heads -> u
                                           -> resized to 128 px -> PCPVT -> embed                          -> v
    embedding = [sqrt(1 - w) u, sqrt(w) v],  u and v of unit length;     logit = slope * cos(a, b) + offset

The cosine of two joined embeddings is the mean of both networks' cosines with weights 1 - w and w. dlib's frame reaches
below ArcFace's; what lies outside is black, as in every face it was trained on (Families In the Wild is stored in
ArcFace's frame). Not a published network: it stands beside the published ones so that their distance can be seen. Taps
of the convolutional network begin with "encoder."; `on_crop` lays their maps back on the crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.dlib_kin import DlibKinConfig, KinHeads
from models.dlib_resnet import DlibTrunk
from models.faces import ARCFACE_112, DLIB_150, similarity_transform
from models.outputs import InputSpec
from models.pair import CosineLogit, Lenders, PairModel
from models.svit import PCPVT, SvitConfig, pooled
from models.taps import Tap

ENCODER = "encoder."
SPEC = ARCFACE_112.resized(168)
"""At 168 px the eyes lie as far apart as in dlib's crop of 150 px."""


@dataclass(frozen=True)
class KinDuoConfig:
    """Shape of the pair of networks.

    Attributes:
        heads: kinship heads on the reference encoder.
        share: w, the part of S-ViT's cosine.
        guide: whether S-ViT has a guide (models/svit_guide.py).
    """

    heads: int = 8
    share: float = 0.35
    guide: bool = False


def cut(outer: InputSpec, inner: InputSpec) -> Tensor:
    """(2, 3) affine from coordinates of the inner crop to those of the outer one, both spanning [-1, 1].

    The similarity that brings the outer template onto the inner one, as alignment does from keypoints.
    """
    matrix = np.eye(3)
    matrix[:2] = similarity_transform(inner.points(), outer.points())  # pixels of inner -> pixels of outer
    to_pixels = np.array(
        [[inner.size / 2, 0, (inner.size - 1) / 2], [0, inner.size / 2, (inner.size - 1) / 2], [0, 0, 1]]
    )
    to_unit = np.array([[2 / outer.size, 0, 1 / outer.size - 1], [0, 2 / outer.size, 1 / outer.size - 1], [0, 0, 1]])
    return torch.from_numpy((to_unit @ matrix @ to_pixels)[:2]).float()


class KinDuo(PairModel):
    """The cosine of two networks' joined kinship embeddings; symmetric by construction."""

    cam_tap = "encoder.stage3.features"
    lenders: ClassVar[Lenders] = {
        **{part: ("dlib_kin", part) for part in ("trunk.", "heads.")},
        **{part: ("svit", part) for part in ("backbone.", "embed.")},
    }
    frame: Tensor

    def __init__(self, config: KinDuoConfig | None = None) -> None:
        super().__init__()
        config = config or KinDuoConfig()
        vit = SvitConfig(guide=config.guide)
        self.config, self.vit_size = config, vit.input_size
        self.spec: InputSpec = SPEC
        self.trunk = DlibTrunk()
        for tap in self.trunk.modules():
            if isinstance(tap, Tap):
                tap.name = ENCODER + tap.name
        self.heads = KinHeads(DlibKinConfig(config.heads))
        self.backbone = PCPVT(vit)
        self.embed = nn.Linear(2 * vit.dims[-1], vit.embed_dim)
        self.logit = CosineLogit()
        self.register_buffer("frame", cut(SPEC, DLIB_150), persistent=False)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 168, 168) -> (B, heads * 256 + 256) unit kinship embedding."""
        grid = F.affine_grid(self.frame.expand(len(image), -1, -1), [len(image), 3, 150, 150], align_corners=False)
        u = self.heads(self.trunk(F.grid_sample(image, grid, align_corners=False)))
        small = F.interpolate(image, (self.vit_size, self.vit_size), mode="bilinear", antialias=True)
        v = F.normalize(self.embed(pooled(self.backbone(small))), dim=1)
        return torch.cat([u * (1 - self.config.share) ** 0.5, v * self.config.share**0.5], 1)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """Maps of the reference encoder from dlib's frame to the crop's, at twice their resolution; zero outside."""
        if not tap.startswith(ENCODER):
            return values
        count, height, width = values.shape
        linear = torch.linalg.inv(self.frame[:, :2].to(values))
        back = torch.cat([linear, -linear @ self.frame[:, 2:].to(values)], 1)
        grid = F.affine_grid(back.expand(count, -1, -1), [count, 1, 2 * height, 2 * width], align_corners=False)
        return F.grid_sample(values[:, None], grid, align_corners=False)[:, 0]
