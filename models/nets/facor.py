"""FaCoRNet: kinship from the relation between the components of two faces.

Su et al., "Kinship Representation Learning with Face Componential Relation" (FaCoRNet), ICCV AMFG workshop 2023.

    face -> trunk -> map x (B, C, 7, 7) and global embedding g (B, C), C = 512 as published
    A    = softmax over j of q_i . k_j / sqrt(C/16),  q, k = 1x1 conv of sqrt(C) [x^, y^] (2C -> C/16),
                                                      i and j of the 49 positions
    x'   = pool over the map of (A V x^ + x^),        x^ = x with every position at unit length
    g'   = M g^ + g^,                                 M = channel attention from [gx^, gy^]
    w    = sigmoid(2C -> C/4 -> 2C of [g', x'])       channel-interaction gate
    f    = w_g g' + w_x x'                            logit = slope * cos(f of x, f of y) + offset

A is one map for a pair in one order: it weighs the positions of x for x and those of y for y, and is computed from
both. A_ij reads: how much position j counts for position i, given both faces.

Pooling. Published is the mean over the map. The mean of A V x^ over the places i is sum_j (mean_i A_ij) V x^_j: only
the column means of A reach the score, and exchanging its rows changes it by exactly 0. So a published link i -> j says
nothing about i. Ours, `pooling="max"`: the largest value over the map, a channel at a time, then unit length. There a
place gives what its own row of A brings to it, and exchanging rows changes the score.

Trunk. Published is an IR-ResNet. Ours, `trunk="edgeface"`: stage 3 of EdgeFace (7 x 7) is the map, its embedding the
global one, each brought to C numbers by a linear layer. Training starts with EdgeFace's own cosines and a gate that
trusts them (training/tools/warm_start.py: global_first).

Our reading, where public code and paper leave a choice: the published code takes the attention it shows (and feeds
to its loss) from raw maps and the attention it scores with from unit-length maps, in a second pass. Here is one A,
from the unit-length maps, and it does all three: it makes the score, it is on the tap, it guides the loss. From raw
maps it can become one-hot as their scale grows in training, which nothing else holds. Ours: sqrt(C), so that a channel
is of the order of 1, and the 1 / sqrt of usual attention. The published "init" of a new layer acted on a temporary;
ours is PyTorch's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.nets.edgeface import EdgeFaceConfig, EdgeFaceTrunk
from models.nets.ir_resnet import IRConfig, IRTrunk
from models.outputs import PairOutput
from models.pair import CosineLogit, PairModel
from models.taps import Tap

POOLINGS = ("mean", "max")
TRUNKS = ("ir", "edgeface")
EDGEFACE_MAP = 100
"""Channels of EdgeFace XS's stage 3."""


@dataclass(frozen=True)
class FaCoRConfig:
    """Shape of a FaCoRNet.

    Attributes:
        trunk: one of TRUNKS.  pooling: one of POOLINGS.
        depth, width, final_prelu, dropout: of the IR-ResNet (see IRConfig); its embedding is as long as its map is
            deep, 8 width, because the gate mixes the two.
        reduction: C / reduction channels of query and key.
        gate_reduction: 2C / gate_reduction hidden units of the channel-interaction gate.
    """

    depth: int = 18
    width: int = 32
    final_prelu: bool = True
    dropout: float = 0.0
    reduction: int = 16
    gate_reduction: int = 8
    trunk: str = "ir"
    pooling: str = "mean"

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS:
            raise ValueError(f"no trunk {self.trunk!r}; there are: {', '.join(TRUNKS)}")
        if self.pooling not in POOLINGS:
            raise ValueError(f"no pooling {self.pooling!r}; there are: {', '.join(POOLINGS)}")

    @property
    def channels(self) -> int:
        return 8 * self.width

    def ir(self) -> IRConfig:
        return IRConfig(self.depth, self.width, self.channels, final_prelu=self.final_prelu, dropout=self.dropout)


@dataclass(frozen=True)
class Relation:
    """What the relation of B pairs gives, in one pass.

    Attributes:
        x, y: (B, C) fused representation of each face given the other, not normalised.
        attention: (B, N, N), rows sum to 1; the tensor on the tap.
        global_x, global_y: (B, C) embedding of each face by itself, unit length.
        parts_x, parts_y: the two summands of x and of y, w_g g' and w_x x', (B, C) each.
        weight_x: (B, C) w_x, the gate of the components of x.
    """

    x: Tensor
    y: Tensor
    attention: Tensor
    global_x: Tensor = field(repr=False)
    global_y: Tensor = field(repr=False)
    parts_x: tuple[Tensor, Tensor] = field(repr=False)
    parts_y: tuple[Tensor, Tensor] = field(repr=False)
    weight_x: Tensor = field(repr=False)


class ComponentAttention(nn.Module):
    """A over the positions of two maps, and both maps re-weighted by it."""

    def __init__(self, channels: int, reduction: int, pooling: str = "mean") -> None:
        super().__init__()
        self.pooling = pooling
        self.query = nn.Conv2d(2 * channels, channels // reduction, 1)
        self.key = nn.Conv2d(2 * channels, channels // reduction, 1)
        self.value_x = nn.Conv2d(channels, channels, 1)
        self.value_y = nn.Conv2d(channels, channels, 1)
        self.tap = Tap("relation.cross_attn")

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, h, w) twice -> pooled (B, C) of x, of y, and A (B, N, N)."""
        unit_x, unit_y = F.normalize(x, dim=1), F.normalize(y, dim=1)
        both = torch.cat([unit_x, unit_y], 1) * x.shape[1] ** 0.5
        query, key = self.query(both).flatten(2), self.key(both).flatten(2)  # (B, C/16, N)
        attention = self.tap((query.transpose(1, 2) @ key / query.shape[1] ** 0.5).softmax(-1))  # (B, N, N)
        return self.pooled(self.value_x, unit_x, attention), self.pooled(self.value_y, unit_y, attention), attention

    def linked(self, value: nn.Module, unit: Tensor, attention: Tensor) -> Tensor:
        """A V x^ + x^, of x^ (B, C, h, w): (B, N, C)."""
        return attention @ value(unit).flatten(2).transpose(1, 2) + unit.flatten(2).transpose(1, 2)

    def pooled(self, value: nn.Module, unit: Tensor, attention: Tensor) -> Tensor:
        """Mean of A V x^ + x^ over the places of the map, or its maximum at unit length: (B, C)."""
        linked = self.linked(value, unit, attention)
        return F.normalize(linked.amax(1), dim=1) if self.pooling == "max" else linked.mean(1)

    def by_place(self, x: Tensor, attention: Tensor) -> Tensor:
        """(B, C, h, w), A -> (B, C, N): what each position puts into the pooled x; their sum is the pooled x."""
        whole = F.normalize(x, dim=1)
        unit = whole.flatten(2)  # (B, C, N)
        if self.pooling == "max":
            most, top = self.linked(self.value_x, whole, attention).max(1)  # (B, C): a channel's maximum, and its place
            kept = F.one_hot(top, unit.shape[2]) / most.norm(dim=1)[:, None, None]  # (B, C, N)
        else:
            kept = torch.full_like(unit, 1 / unit.shape[2])
        return kept @ attention * self.value_x(whole).flatten(2) + kept * unit


class ChannelAttention(nn.Module):
    """M over the channels of two global embeddings: h = W [gx, gy], M = softmax(max_j(h_i h_j) - h_i h_j), M g + g."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C) unit vectors twice -> the same shapes."""
        h = self.mix(torch.cat([x, y], 1))
        attention = (-h[:, :, None] * h[:, None, :]).softmax(-1)  # (B, C, C); the maximum of a row shifts it, no more
        return (attention @ x[..., None]).squeeze(-1) + x, (attention @ y[..., None]).squeeze(-1) + y


class InteractionGate(nn.Module):
    """w in [0, 1] for 2C channels from [g', x'], and the summands w_g g' and w_x x' of their mix."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(2 * channels, 2 * channels // reduction)
        self.excite = nn.Linear(2 * channels // reduction, 2 * channels)

    def forward(self, g: Tensor, x: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """(B, C) twice -> the summands, (B, C) each, and w_x (B, C)."""
        both = torch.cat([g, x], 1)
        gate = self.excite(torch.relu(self.squeeze(both))).sigmoid()
        mixed_g, mixed_x = (gate * both).chunk(2, 1)
        return (mixed_g, mixed_x), gate.chunk(2, 1)[1]


def without_last_taps(trunk: EdgeFaceTrunk) -> EdgeFaceTrunk:
    """EdgeFace whose stage 4 is part of the pair's comparison: nothing of it is shown as a face's own."""
    trunk.taps = trunk.taps[:3]
    trunk.pooled = nn.Identity()  # type: ignore[assignment]
    return trunk


class FaCoR(PairModel):
    """Are two people blood relatives? A face's code is its map; everything about the pair starts from two maps.

    Rows of the tap "relation.cross_attn" are (a -> b, b -> a): the order in which the maps were joined.
    """

    by_similarity = False

    def __init__(self, config: FaCoRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FaCoRConfig()
        self.spec: InputSpec = ARCFACE_112
        if config.trunk == "edgeface":
            self.trunk: EdgeFaceTrunk | IRTrunk = without_last_taps(EdgeFaceTrunk(EdgeFaceConfig()))
            self.to_map: nn.Module = nn.Conv2d(EDGEFACE_MAP, config.channels, 1)
            self.to_global: nn.Module = nn.Linear(EdgeFaceConfig().dim, config.channels, bias=False)
            nn.init.orthogonal_(self.to_global.weight)
            self.cam_tap = self.code_tap = "stage3.features"
        else:
            self.trunk = IRTrunk(config.ir())
            self.to_map, self.to_global = nn.Identity(), nn.Identity()
            self.cam_tap = self.code_tap = "stage4.features"
        self.components = ComponentAttention(config.channels, config.reduction, config.pooling)
        self.channel_attention = ChannelAttention(config.channels)
        self.gate = InteractionGate(config.channels, config.gate_reduction)
        self.logit = CosineLogit()

    @property
    def rows_count(self) -> bool:
        """Whether the rows of the attention reach the score, and not their mean alone."""
        return self.config.pooling == "max"

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        """(B, 3, 112, 112) -> (B, C, 7, 7), of EdgeFace (B, 100, 7, 7)."""
        return self.trunk.maps(image, 3)[-1] if isinstance(self.trunk, EdgeFaceTrunk) else self.trunk.maps(image)

    def on_crop(self, tap: str, values: Tensor) -> Tensor:
        return self.trunk.on_crop(tap, values, self.spec.size) if isinstance(self.trunk, IRTrunk) else values

    def embedding(self, code: Tensor) -> Tensor:
        """A code -> (B, C), the global embedding of a face by itself, unit length: what search ranks by."""
        trunk = self.trunk
        whole = F.normalize(trunk.rest(code), dim=1) if isinstance(trunk, EdgeFaceTrunk) else trunk.head(code)
        return F.normalize(self.to_global(whole), dim=1)

    def fuse(self, x: Tensor, y: Tensor) -> Relation:
        """Maps of B pairs -> their relation. One pass gives features and attention to the loss.

        The global embeddings of both faces go through the head's batch norm in one call: in two, its statistics
        would tell x from y.
        """
        global_x, global_y = self.embedding(torch.cat([x, y])).chunk(2)
        return self._related(self.to_map(x), self.to_map(y), global_x, global_y)

    def _related(self, map_x: Tensor, map_y: Tensor, global_x: Tensor, global_y: Tensor) -> Relation:
        pooled_x, pooled_y, attention = self.components(map_x, map_y)
        mixed_x, mixed_y = self.channel_attention(global_x, global_y)
        (parts_x, weight_x), (parts_y, _) = self.gate(mixed_x, pooled_x), self.gate(mixed_y, pooled_y)
        fused_x, fused_y = parts_x[0] + parts_x[1], parts_y[0] + parts_y[1]
        return Relation(fused_x, fused_y, attention, global_x, global_y, parts_x, parts_y, weight_x)

    def relate(self, x: Tensor, y: Tensor) -> Tensor:
        relation = self.fuse(x, y)
        return self.logit(relation.x, relation.y)

    def branches(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The cosine's four products (first × second face), in log-odds (models.pair.Branched)."""
        relation = self.fuse(x, y)
        scale, names = self._scale(relation), ("whole face", "components")
        parts = {
            f"{names[i]} × {names[j]}": scale * (u * v).sum(1)
            for i, u in enumerate(relation.parts_x)
            for j, v in enumerate(relation.parts_y)
        }
        return {**parts, "calibration": self.logit.offset.expand(len(x))}

    def places(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The log-odds through each component of x (models.pair.Placed); its whole face has no place."""
        relation = self.fuse(x, y)
        scale = self._scale(relation)
        by_place = self.components.by_place(self.to_map(x), relation.attention)  # (B, C, N)
        weighed = relation.weight_x[:, :, None] * by_place
        places = scale[:, None] * (weighed * relation.y[:, :, None]).sum(1)
        rest = scale * (relation.parts_x[0] * relation.y).sum(1) + self.logit.offset
        return places.unflatten(1, x.shape[2:]), rest

    def _scale(self, relation: Relation) -> Tensor:
        """(B,) what a product of the two representations is worth in log-odds: slope / (their lengths)."""
        return self.logit.slope / (relation.x.norm(dim=1) * relation.y.norm(dim=1))

    def compare(self, x: Tensor, y: Tensor) -> PairOutput:
        """As PairModel.compare, with what a face is by itself computed once for both orders."""
        distinct = [code[:1] if code.stride(0) == 0 else code for code in (x, y)]  # one code may stand for all
        (mx, my), (ex, ey) = (
            [part.expand(len(x), *part.shape[1:]) for part in found.split([len(code) for code in distinct])]
            for found in (self.to_map(torch.cat(distinct)), self.embedding(torch.cat(distinct)))
        )
        relation = self._related(*(torch.cat(both) for both in ((mx, my), (my, mx), (ex, ey), (ey, ex))))
        ab, ba = self.logit(relation.x, relation.y).chunk(2)
        return PairOutput(torch.stack([ab, ba], 1), (ex * ey).sum(1), (ex, ey))
