"""Everything the model gave away while it answered: attention, cross-attention and the parts of its log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explain.attention_maps import attention_maps
from explain.branches import branch_shares
from explain.cross_attention import cross_attention
from explain.findings import AttentionMaps, Links, Shares
from models.outputs import Result
from models.pair import Branched
from models.taps import tap_names


@dataclass(frozen=True)
class Inside:
    """Raw evidence of one answered pair, on the CPU.

    Attributes:
        attention: `attn` tap -> maps of face a and of face b, in order of depth.
        links: `cross_attn` tap -> links a -> b and b -> a.
        shares: of the network's parts in the log-odds; None where the model cannot tell.
    """

    attention: Mapping[str, tuple[AttentionMaps, AttentionMaps]]
    links: Mapping[str, tuple[Links, Links]]
    shares: Shares | None


def look_inside(result: Result) -> Inside:
    """What was recorded in the pass that made the score; runs no network on the photos.

    Raises:
        ValueError: evidence of a shape that fits no square grid.
    """
    return Inside(
        {name: attention_maps(result, name) for name in tap_names(result.model, "attn")},
        {name: cross_attention(result, name) for name in tap_names(result.model, "cross_attn")},
        branch_shares(result) if isinstance(result.model, Branched) else None,
    )
