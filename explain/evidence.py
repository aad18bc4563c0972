"""Everything the model gave away while it answered: attention, cross-attention and the parts of its log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from explain.core.findings import AttentionMaps, Links
from explain.core.shares import Shares
from explain.methods.attention_maps import attention_maps
from explain.methods.branches import branch_shares
from explain.methods.cross_attention import cross_attention
from models.pair import Branched
from models.predict import Result
from models.taps import tap_names


@dataclass(frozen=True)
class Evidence:
    """Raw evidence of one answer, on the CPU.

    Attributes:
        attention: `attn` tap -> maps, one a face, in order of depth.
        links: `cross_attn` tap -> links a -> b and b -> a.
        shares: of the network's parts in the log-odds; None where the model cannot tell.
    """

    attention: Mapping[str, tuple[AttentionMaps, ...]]
    links: Mapping[str, tuple[Links, Links]]
    shares: Shares | None


def read_evidence(result: Result) -> Evidence:
    """What was recorded in the pass that made the score; runs no network on the photos.

    Raises:
        ValueError: evidence of a shape that fits no square grid.
    """
    return Evidence(
        {name: attention_maps(result, name) for name in tap_names(result.model, "attn")},
        {name: cross_attention(result, name) for name in tap_names(result.model, "cross_attn")},
        branch_shares(result) if isinstance(result.model, Branched) else None,
    )


@dataclass(frozen=True)
class PatchQuery:
    """Which patch of which layer is looked at.

    Attributes:
        place: (y, x) in [0, 1] of the crop's height and width; the patch that holds it asks.
        layer: an `attn` tap, None for the last.
        head: from 0, None for the mean of all heads.
        links: how many of the strongest links are drawn.
    """

    place: tuple[float, float]
    layer: str | None = None
    head: int | None = None
    links: int = 20


def patch_at(grid: tuple[int, int], place: tuple[float, float]) -> tuple[int, int]:
    """(row, column) of the patch that holds a place (y, x) in [0, 1]; places outside go to the nearest patch."""
    row, column = (min(max(int(p * n), 0), n - 1) for p, n in zip(place, grid, strict=True))
    return row, column


def centre_of(grid: tuple[int, int], row: int, column: int) -> tuple[float, float]:
    """The middle (y, x), in [0, 1], of a patch."""
    return (row + 0.5) / grid[0], (column + 0.5) / grid[1]


def left_eye(result: Result) -> tuple[float, float]:
    """(y, x) in [0, 1] of the left eye on the crop of the first face: the place that is looked at first."""
    x, y = (float(v) for v in result.faces[0].keypoints[0, 0])
    return y, x


def reading(maps: AttentionMaps, place: tuple[float, float], head: int | None) -> np.ndarray:
    """(h, w) float32 over the key grid: where the patch at a place reads, by one head or the mean of all.

    Raises:
        ValueError: no such head.
    """
    rows = maps.from_query(*patch_at(maps.grid_q, place))
    if head is None:
        return rows.mean(0)
    if not 0 <= head < len(rows):
        raise ValueError(f"head {head} of {len(rows)}")
    return np.ascontiguousarray(rows[head])
