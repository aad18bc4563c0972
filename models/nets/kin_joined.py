"""Kinship from three trained networks side by side: EdgeFace twice, as published and fine-tuned, and kinship heads.

    aligned face (168 px, ArcFace's frame) -> resized to 112 px -> EdgeFace, fine-tuned on kin                  -> e
                                                                -> EdgeFace as published (same person?)         -> p
                                           -> cut to dlib's frame (150 px) -> reference encoder, kinship heads  -> u
    embedding = [sqrt(w_e) e, sqrt(w_p) p, sqrt(w_u) u],  each of unit length
    logit = slope * (cos(a, b) - crowd_share * (crowd(e_a) + crowd(e_b))) + offset

The cosine of two joined embeddings is the mean of the networks' cosines with weights w, which add up to 1. Two common
faces are alike without being kin, so what each has in common with the crowd is taken off (models/layers/crowd.py); the
score is therefore no function of the cosine alone. dlib's frame reaches below ArcFace's; what lies outside is black, as
in the faces that the heads were trained on (Families In the Wild is stored in ArcFace's frame). Not a published
network: an ensemble of encoders that were trained on different data. Taps begin with "edgeface.", "plain." and
"encoder."; `on_crop` lays their maps back on the crop. The weight stores the centres of the crowd, the shares and the
calibration; all parameters are read from `edgeface_kin`, `edgeface` and `dlib_kin` (models/weights.py: Loan).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.face_model import Lenders
from models.faces.align import ARCFACE_112, DLIB_150
from models.faces.face import InputSpec
from models.faces.geometry import similarity_transform
from models.layers.crowd import Crowd
from models.nets.dlib_kin import DlibKinConfig, KinHeads
from models.nets.dlib_resnet import DlibTrunk, encoder_on_crop
from models.nets.edgeface import EdgeFaceConfig, EdgeFaceTrunk, read_places
from models.pair import CosineLogit, PairModel
from models.taps import Tap

EDGEFACE, PLAIN, ENCODER = "edgeface.", "plain.", "encoder."
NETWORKS = ("EdgeFace, fine-tuned", "EdgeFace", "kinship heads")
"""In the order of the shares."""
EDGEFACE_SIZE = 112
SPEC = ARCFACE_112.resized(168)
"""At 168 px the eyes lie as far apart as in dlib's crop of 150 px."""


@dataclass(frozen=True)
class KinJoinedConfig:
    """Shape of the three networks.

    Attributes:
        shares: w, the parts of the cosines of fine-tuned EdgeFace, of EdgeFace as published, and of the heads.
        heads, hidden: kinship heads on the reference encoder, and hidden units of each.
        crowd_share: how much of both faces' crowds is taken off the cosine.
        centres, nearest: of the crowd.

    Raises:
        ValueError: shares that are not three positive numbers whose sum is 1.
    """

    shares: tuple[float, ...] = (0.5, 0.25, 0.25)
    heads: int = 8
    hidden: int = 1024
    crowd_share: float = 0.2
    centres: int = 256
    nearest: int = 10

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


def resized(image: Tensor) -> Tensor:
    """(B, 3, 168, 168) -> (B, 3, 112, 112), what both EdgeFaces see."""
    return F.interpolate(image, (EDGEFACE_SIZE, EDGEFACE_SIZE), mode="bilinear", antialias=True)


def named(trunk: nn.Module, beginning: str) -> None:
    """Put a word before the names of all taps of a network."""
    for tap in trunk.modules():
        if isinstance(tap, Tap):
            tap.name = beginning + tap.name


class KinJoined(PairModel):
    """The cosine of three networks' joined embeddings, less what both faces share with the crowd; symmetric."""

    by_similarity = False
    code_tap = "joined.pooled.features"
    cam_tap = "edgeface.stage2.features"
    lenders: ClassVar[Lenders] = {
        "edgeface.": ("edgeface_kin", "trunk."),
        "plain.": ("edgeface", "trunk."),
        **{part: ("dlib_kin", part) for part in ("trunk.", "heads.")},
    }
    frame: Tensor

    def __init__(self, config: KinJoinedConfig | None = None) -> None:
        super().__init__()
        self.config = config or KinJoinedConfig()
        self.spec: InputSpec = SPEC
        self.edgeface, self.plain = EdgeFaceTrunk(EdgeFaceConfig()), EdgeFaceTrunk(EdgeFaceConfig())
        self.trunk = DlibTrunk()
        for trunk, word in ((self.edgeface, EDGEFACE), (self.plain, PLAIN), (self.trunk, ENCODER)):
            named(trunk, word)
        self.heads = KinHeads(DlibKinConfig(self.config.heads, self.config.hidden))
        self.whole = Tap(self.code_tap)
        self.crowd = Crowd(self.config.centres, EdgeFaceConfig().dim, self.config.nearest)
        self.logit = CosineLogit()
        self.register_buffer("frame", cut(SPEC, DLIB_150), persistent=False)

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Of the three parts of an embedding."""
        return EdgeFaceConfig().dim, EdgeFaceConfig().dim, len(self.heads) * self.heads.dim

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 168, 168) -> (B, sum of lengths) unit kinship embedding."""
        grid = F.affine_grid(self.frame.expand(len(image), -1, -1), [len(image), 3, 150, 150], align_corners=False)
        inner, small = F.grid_sample(image, grid, align_corners=False), resized(image)
        parts = self.edgeface(small), self.plain(small), self.heads(self.trunk(inner))
        code = torch.cat([F.normalize(p, dim=1) * w**0.5 for p, w in zip(parts, self.config.shares, strict=True)], 1)
        return self.whole(code[:, :, None, None]).flatten(1)  # (B, D, 1, 1), as other taps: it has one place

    def crowds(self, code: Tensor) -> Tensor:
        """(B, sum of lengths) -> (B,): how common each face looks to fine-tuned EdgeFace."""
        return self.crowd(code[:, : self.lengths[0]])

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        common = self.config.crowd_share * (self.crowds(x) + self.crowds(y))
        return self.logit(x, y) - self.logit.slope * common

    def branches(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The networks' cosines and both faces' crowds, in log-odds (models.pair.Branched)."""
        x, y, slope = x.flatten(1), y.flatten(1), self.logit.slope  # as recorded: (B, D, 1, 1)
        products = (x * y).split(self.lengths, 1)
        off = slope * self.config.crowd_share
        return {
            **{name: slope * product.sum(1) for name, product in zip(NETWORKS, products, strict=True)},
            "what the first face shares with the crowd": -off * self.crowds(x),
            "what the second face shares with the crowd": -off * self.crowds(y),
            "calibration": self.logit.offset.expand(len(x)),
        }

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        """EdgeFace: see read_places. Encoder: laid on dlib's frame, and from there on the crop's, zero outside."""
        if tap.startswith((EDGEFACE, PLAIN)):
            return read_places(tap.partition(".")[2], values)
        seen = encoder_on_crop(tap.removeprefix(ENCODER), values, DLIB_150.size)[:, None]
        linear = torch.linalg.inv(self.frame[:, :2].to(values))
        back = torch.cat([linear, -linear @ self.frame[:, 2:].to(values)], 1)
        size = [len(values), 1, self.spec.size, self.spec.size]
        grid = F.affine_grid(back.expand(len(values), -1, -1), size, align_corners=False)
        return F.grid_sample(seen, grid, align_corners=False)[:, 0]
