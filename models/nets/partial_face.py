"""Partial faces with attention: Extract, Attend, Aggregate, and the average-pooled baseline on the same trunk.

Hörmann, Zhang, Knoche, Teepe and Rigoll, "Attention-based Partial Face Recognition", ICIP 2021. The published size is
"partial_face.paper"; the demo's trunk is the reference encoder's.

    Extract    a ResNet cut after block 4                    20 x 20    F           models/nets/partial_trunk.py
               fork after block 3: bottlenecks, conv1x1, ReLU, at most 6
                                                             20 x 20    A, K attention maps
    Attend     A' = sigmoid(A);  s = softmax over k of mean_ij A'_k;  M_k = s_k A'_k
               v_k = K / (h w) sum_ij M_k[ij] F[ij]
    Aggregate  f_k = BN_k(FC_k(v_k));  f = mean_k f_k        (B, 256)

Our reading, where the paper is silent:
  * Block 4 keeps 20 x 20 by leaving out its stride, without dilation where it is trained from the start. The fork has
    bottlenecks of its own, of block 4's shape (`fork_depth`: as many as there in the paper's, one in the demo's).
  * The normaliser of the pooling is K / (h w). It is a constant, so v_k is the paper's plain sum in another unit.
    Dividing by sum_ij M_k instead would cancel s_k and with it the recalibration; no normaliser would make v_k
    grow with the map's area. With this one, v_k has the size of an average-pooled F whatever K is, because s_k is
    1/K on average: networks with other K, without recalibration or with average pooling train alike.
  * Each FC ends in a batch norm, as ArcFace's output does. Once trained the two are one fully connected layer, the
    paper's. Pooled over places, what a ReLU left differs little between faces: without the norm all embeddings start
    close to one line, and training has to leave it first.
  * Without recalibration (an ablation) every s_k is 1/K, in the maps and in the evidence alike.
  * A is cut at 6, where its sigmoid is .9975. Pooling sees no difference above, but L_wDIV's softmax over places does:
    without the cut it is least where every map is a single place.
  * A ReLU before a sigmoid leaves A' in [0.5, 1): s_k differs between two parts by a factor below e^0.5 = 1.65, and
    no place is ever fully ignored. The bias before the ReLU starts at 1, so that no map starts dead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from timm.models.resnet import Bottleneck
from torch import Tensor, nn

from models.faces.align import PARTIAL_160
from models.faces.face import InputSpec
from models.nets.partial_trunk import make_block, make_trunk
from models.pair import CosineLogit, PairModel
from models.taps import Tap

RESIDUAL = 0.25
"""What the last batch norm of a bottleneck starts with: below 1, so that blocks start near the identity."""


@dataclass(frozen=True)
class PartialAverageConfig:
    """Shape of the trunk and of the embedding; the whole of the average-pooled baseline.

    Attributes:
        width: of a bottleneck trunk: channels of the stem; blocks 2, 3, 4 end in 4, 8, 16 times as many. 64 published.
        depths: of a bottleneck trunk: how many in block 2, 3 and 4.
        dim: length of the embedding.
        trunk: "bottleneck" as published, or "reference" (models/nets/partial_trunk.py).
    """

    width: int = 32
    depths: tuple[int, int, int] = (3, 4, 6)
    dim: int = 256
    trunk: str = "bottleneck"


@dataclass(frozen=True)
class PartialFaceConfig(PartialAverageConfig):
    """The trunk's shape and that of the attention.

    Attributes:
        parts: K, the number of attention maps.
        fork_depth: bottlenecks between the fork and the 1x1 convolution that gives the maps.
        recalibrate: weigh each map by its importance s_k; False: all alike, by 1/K.
    """

    parts: int = 12
    fork_depth: int = 1
    recalibrate: bool = True


@dataclass(frozen=True)
class Parts:
    """What the attention made of B faces; the losses in training/tools/partial_losses.py start here.

    Attributes:
        attention: A, (B, K, h, w), before the sigmoid, in [0, 6].
        weights: s, (B, K), rows sum to 1.
        features: f_k, (B, K, dim).
    """

    attention: Tensor
    weights: Tensor
    features: Tensor

    @property
    def embedding(self) -> Tensor:
        """f = mean_k f_k, (B, dim)."""
        return self.features.mean(1)


def fully_connected(cin: int, cout: int) -> nn.Sequential:
    """FC and batch norm: one affine map once trained."""
    return nn.Sequential(nn.Linear(cin, cout, bias=False), nn.BatchNorm1d(cout))


class Attend(nn.Module):
    """Importances and attentional pooling; no parameters.

    Taps: `part_weights` is s, `part_maps` is M, the maps as they pool, s_k A'_k (divide by s_k for A'_k).
    """

    def __init__(self, recalibrate: bool = True) -> None:
        super().__init__()
        self.recalibrate = recalibrate
        self.weights_tap = Tap("attend.part_weights")
        self.maps_tap = Tap("attend.part_maps")

    def importances(self, opened: Tensor) -> Tensor:
        """A' (B, K, h, w) -> s (B, K): softmax over k of the global average, or 1/K without recalibration."""
        mean = opened.mean((2, 3))
        return mean.softmax(1) if self.recalibrate else torch.full_like(mean, 1 / mean.shape[1])

    def forward(self, attention: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """A (B, K, h, w) and F (B, C, h, w) -> s (B, K) and v (B, K, C)."""
        opened = attention.sigmoid()
        weights = self.weights_tap(self.importances(opened))
        maps = self.maps_tap(weights[:, :, None, None] * opened)
        _, parts, height, width = maps.shape
        pooled = torch.einsum("bkhw,bchw->bkc", maps, features)
        return weights, pooled * (parts / (height * width))


class PartialFace(PairModel):
    """Same-person verification of faces that may be cropped or occluded, from K attended parts."""

    cam_tap = "block4.features"

    def __init__(self, config: PartialFaceConfig | None = None) -> None:
        super().__init__()
        config = config or PartialFaceConfig()
        self.spec: InputSpec = PARTIAL_160
        self.trunk = make_trunk(config.trunk, config.width, config.depths)
        shared, channels = self.trunk.shared, self.trunk.channels
        self.fork = make_block(shared, channels // 4, config.fork_depth, stride=1)
        self.to_maps = nn.Conv2d(channels, config.parts, 1)
        self.attend = Attend(config.recalibrate)
        self.aggregate = nn.ModuleList(fully_connected(channels, config.dim) for _ in range(config.parts))
        self.head = CosineLogit()
        initialise(self)
        nn.init.normal_(self.to_maps.weight, std=0.5 * channels**-0.5)
        nn.init.ones_(self.to_maps.get_parameter("bias"))

    def parts(self, image: Tensor) -> Parts:
        """(B, 3, 160, 160) RGB in [0, 1] -> Parts; its embedding is what `encode` gives."""
        shared, features = self.trunk(image)
        attention = F.relu6(self.to_maps(self.fork(shared)))  # (B, K, 20, 20)
        weights, pooled = self.attend(attention, features)
        each = torch.stack([fc(v) for fc, v in zip(self.aggregate, pooled.unbind(1), strict=True)], 1)  # (B, K, dim)
        return Parts(attention, weights, each)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 160, 160) -> f (B, dim), the mean of the parts' features."""
        return self.parts(image).embedding

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.head(x, y)


class PartialAverage(PairModel):
    """The baseline: the same trunk, F averaged over all places, one fully connected layer."""

    cam_tap = "block4.features"

    def __init__(self, config: PartialAverageConfig | None = None) -> None:
        super().__init__()
        config = config or PartialAverageConfig()
        self.spec: InputSpec = PARTIAL_160
        self.trunk = make_trunk(config.trunk, config.width, config.depths)
        self.fc = fully_connected(self.trunk.channels, config.dim)
        self.head = CosineLogit()
        initialise(self)

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 160, 160) -> (B, dim)."""
        _, features = self.trunk(image)
        return self.fc(features.mean((2, 3)))

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        return self.head(x, y)


def initialise(model: nn.Module) -> None:
    """ResNet's: He (fan out) for convolutions; residual branches start small."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.get_parameter("weight"), RESIDUAL)
