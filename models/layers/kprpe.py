"""Relative position encodings whose offsets are looked up by bucket: iRPE, and KP-RPE, which follows the keypoints.

Sources: Kim et al., "KeyPoint Relative Position Encoding for Face Recognition", CVPR 2024 (KP-RPE); Wu et al.,
"Rethinking and Improving Relative Position Encoding for Vision Transformer", ICCV 2021 (iRPE, contextual, product).

    attention logit of query i and key j = (scale * q_i) . k_j + table[i, bucket(i, j)]

    bucket(i, j)   one of 49: where query i lies relative to key j, rows and columns apart, in 7 steps each
    iRPE           table_i = (scale * q_i) W, so what the offsets depend on is the content of the query token
    KP-RPE         table_i = Linear(token i - keypoints), so the same query gives other offsets when the face moves

iRPE's authors call this variant "on keys", because the offset joins the product with the key: the table is looked up by
what the query holds. Here every head has a table of its own; the ViT that KP-RPE was published with shares one.
The offset is added without a scale, as in the published code (the paper's Eq. 5 scales it): public checkpoints fit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

ALPHA, BETA, GAMMA = 1.9, 3.8, 15.2
"""iRPE's piecewise index: exact up to ALPHA tokens, logarithmic up to GAMMA, where it reaches BETA."""
STEPS = 2 * int(BETA) + 1
"""Distances told apart along one axis."""
BUCKETS = STEPS**2


def piecewise(distance: int) -> int:
    """Signed distance in tokens -> signed step, iRPE Eq. 18: 0, 1, 2, 2, 3, 3... for 0, 1, 2, 3, 4, 5..."""
    size = abs(distance)
    if size <= ALPHA:
        return distance
    step = round(ALPHA + math.log(size / ALPHA) / math.log(GAMMA / ALPHA) * (BETA - ALPHA))
    return int(math.copysign(min(step, BETA), distance))


def bucket_table(side: int) -> Tensor:
    """(N, N) int64, N = side^2 tokens in rows: the bucket of query i (first axis) and key j, in [0, BUCKETS)."""
    steps = torch.tensor([piecewise(d) for d in range(-side + 1, side)]) + int(BETA)
    axis = torch.arange(side)
    step = steps[axis[:, None] - axis[None, :] + side - 1]  # (side of the query, side of the key)
    buckets = step[:, None, :, None] * STEPS + step[None, :, None, :]  # (query y, query x, key y, key x)
    return buckets.reshape(side**2, side**2)


def keypoint_offsets(keypoints: Tensor, side: int) -> Tensor:
    """Where every token lies as seen from every keypoint.

    Args:
        keypoints: (B, K, 2), (x, y) in [0, 1] of the crop.
        side: tokens along one side of the crop.

    Returns:
        (B, side^2, 2K): centre of the token minus keypoint, (x, y) of the first keypoint, then the next...
    """
    centre = (torch.arange(side, device=keypoints.device, dtype=keypoints.dtype) + 0.5) / side
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    tokens = torch.stack([x, y], 2).reshape(1, -1, 1, 2)  # (1, N, 1, 2)
    return (tokens - keypoints[:, None]).flatten(2)


def look_up(table: Tensor, buckets: Tensor) -> Tensor:
    """Offsets of all pairs of tokens.

    One gather with an expanded index: it copies no index and costs about a third of the product q.k beside it.

    Args:
        table: (B, heads, N, BUCKETS), the offset of query i for each bucket.
        buckets: (N, N) from bucket_table.

    Returns:
        (B, heads, N, N): out[b, h, i, j] = table[b, h, i, buckets[i, j]].
    """
    return table.gather(3, buckets.expand(*table.shape[:2], -1, -1))


class KeypointRPE(nn.Module):
    """Keypoints -> the tables of every block and head, by one linear layer for the whole network.

    The layer starts at zero: an untrained KP-RPE changes nothing.
    """

    def __init__(self, depth: int, heads: int, side: int, keypoints: int = 5) -> None:
        super().__init__()
        self.depth, self.heads, self.side = depth, heads, side
        self.linear = nn.Linear(2 * keypoints, depth * heads * BUCKETS)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, ...]:
        """(B, K, 2) in [0, 1] -> `depth` tables (B, heads, N, BUCKETS).

        The product is written out block by block and head by head, because look_up is faster on a contiguous table.
        """
        offsets = keypoint_offsets(keypoints, self.side)[None, :, None]  # (1, B, 1, N, 2K)
        shape = (self.depth, 1, self.heads, BUCKETS, -1)
        weight, bias = self.linear.weight.view(shape), self.linear.bias.view(shape)
        return (offsets @ weight.mT + bias.mT).unbind(0)


class ImageRPE(nn.Module):
    """Queries of one block -> their table; a matrix for each head, zero at the start."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(heads, head_dim, BUCKETS))

    def forward(self, q: Tensor) -> Tensor:
        """Scaled queries (B, heads, N, head_dim) -> (B, heads, N, BUCKETS)."""
        return q @ self.weight
