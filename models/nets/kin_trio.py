"""Kinship from three trained networks that know different things, side by side.

    aligned face (168 px, ArcFace's frame) -> cut to dlib's frame (150 px) -> reference encoder -> K kinship heads -> u
                                                                           -> the same, fine-tuned -> fc           -> t
                                           -> resized to 128 px -> S-ViT's backbone -> embed                       -> v
    embedding = [sqrt(w_u) u, sqrt(w_t) t, sqrt(w_v) v],  each of unit length;     logit = slope * cos(a, b) + offset

The cosine of two joined embeddings is the mean of the networks' cosines with weights w, which add up to 1. dlib's frame
reaches below ArcFace's; what lies outside is black, as in every face it was trained on (Families In the Wild is stored
in ArcFace's frame). Not a published network: it stands beside the published ones so that their distance can be seen.
Taps of the two encoders begin with "encoder." and "tuned."; `on_crop` lays their maps back on the crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.align import ARCFACE_112, DLIB_150
from models.faces.face import InputSpec
from models.faces.geometry import similarity_transform
from models.nets.dlib_kin import DlibKinConfig, KinHeads
from models.nets.dlib_resnet import DlibTrunk
from models.nets.svit import PCPVT, SvitConfig, pooled
from models.pair import CosineLogit, Lenders, PairModel
from models.taps import Tap

ENCODER, TUNED = "encoder.", "tuned."
SPEC = ARCFACE_112.resized(168)
"""At 168 px the eyes lie as far apart as in dlib's crop of 150 px."""


@dataclass(frozen=True)
class KinTrioConfig:
    """Shape of the three networks.

    Attributes:
        shares: w, the parts of the cosines of the reference encoder's heads, of the fine-tuned encoder, and of S-ViT.
        heads: kinship heads on the reference encoder.
        guide: whether S-ViT has a guide (models/nets/svit_guide.py).

    Raises:
        ValueError: shares that are not three positive numbers whose sum is 1.
    """

    shares: tuple[float, ...] = (0.4, 0.3, 0.3)
    heads: int = 8
    guide: bool = False

    def __post_init__(self) -> None:
        if len(self.shares) != 3 or min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"three positive shares that add up to 1 are wanted, got {self.shares}")


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


class KinTrio(PairModel):
    """The cosine of three networks' joined kinship embeddings; symmetric by construction."""

    cam_tap = "tuned.stage3.features"
    lenders: ClassVar[Lenders] = {
        **{part: ("dlib_kin", part) for part in ("trunk.", "heads.")},
        **{part: ("dlib_tuned", part.replace("tuned.", "trunk.")) for part in ("tuned.", "fc.")},
        **{part: ("svit", part) for part in ("backbone.", "embed.")},
    }
    frame: Tensor

    def __init__(self, config: KinTrioConfig | None = None) -> None:
        super().__init__()
        config = config or KinTrioConfig()
        vit = SvitConfig(guide=config.guide)
        self.config, self.vit_size = config, vit.input_size
        self.spec: InputSpec = SPEC
        self.trunk, self.tuned = _trunk(ENCODER), _trunk(TUNED)
        self.heads = KinHeads(DlibKinConfig(config.heads))
        self.fc = nn.Linear(256, 128, bias=False)
        self.backbone = PCPVT(vit)
        self.embed = nn.Linear(2 * vit.dims[-1], vit.embed_dim)
        self.logit = CosineLogit()
        self.register_buffer("frame", cut(SPEC, DLIB_150), persistent=False)

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Of the three parts of an embedding."""
        return len(self.heads) * self.heads.dim, self.fc.out_features, self.embed.out_features

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 168, 168) -> (B, sum of lengths) unit kinship embedding."""
        grid = F.affine_grid(self.frame.expand(len(image), -1, -1), [len(image), 3, 150, 150], align_corners=False)
        inner = F.grid_sample(image, grid, align_corners=False)
        small = F.interpolate(image, (self.vit_size, self.vit_size), mode="bilinear", antialias=True)
        parts = self.heads(self.trunk(inner)), self.fc(self.tuned(inner)), self.embed(pooled(self.backbone(small)))
        return torch.cat([F.normalize(p, dim=1) * w**0.5 for p, w in zip(parts, self.config.shares, strict=True)], 1)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.logit(x, y)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """Maps of the two encoders from dlib's frame to the crop's, at twice their resolution; zero outside."""
        if not tap.startswith((ENCODER, TUNED)):
            return values
        count, height, width = values.shape
        linear = torch.linalg.inv(self.frame[:, :2].to(values))
        back = torch.cat([linear, -linear @ self.frame[:, 2:].to(values)], 1)
        grid = F.affine_grid(back.expand(count, -1, -1), [count, 1, 2 * height, 2 * width], align_corners=False)
        return F.grid_sample(values[:, None], grid, align_corners=False)[:, 0]


def _trunk(name: str) -> DlibTrunk:
    """An encoder whose taps begin with a name."""
    trunk = DlibTrunk()
    for tap in trunk.modules():
        if isinstance(tap, Tap):
            tap.name = name + tap.name
    return trunk
