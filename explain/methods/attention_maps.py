"""Attention of a model, as it was used: the softmax weights that flowed through an `attn` tap.

Weights say where values were read from, not what was done with them: attention is evidence about the
computation, not a proof of importance (Jain and Wallace, 2019).
"""

from __future__ import annotations

import math

import numpy as np

from explain.core.findings import AttentionMaps, Heatmap
from explain.core.recorded import face_evidence
from models.predict import Result
from models.taps import kind_of, tap_names

CAPTION = (
    "How much attention each place receives, mean over heads and queries of one layer; all places add up to 1. "
    "It shows where the layer reads, not whether that raises the answer."
)


def attention_maps(
    result: Result,
    layer: str | None = None,
    *,
    grid_q: tuple[int, int] | None = None,
    grid_k: tuple[int, int] | None = None,
) -> tuple[AttentionMaps, ...]:
    """The attention of one layer, a finding a face.

    Args:
        result: from predict.
        layer: an `attn` tap; by default the model's last one.
        grid_q, grid_k: (h, w) of the tokens over the crop; by default square.

    Raises:
        ValueError: no attention was recorded, no such layer, or tokens that do not fill the grid.
    """
    name = layer or _last_attention(result)
    if kind_of(name) != "attn":
        raise ValueError(f"the layer {name!r} holds no attention weights")
    weights = face_evidence(result, name).detach().float().cpu().numpy()
    q, k = grid_q or square(weights.shape[2]), grid_k or square(weights.shape[3])
    return tuple(AttentionMaps(w, q, k, face, name) for face, w in enumerate(weights))


def attention_received(result: Result, *, layer: str | None = None) -> tuple[Heatmap, ...]:
    """Attention each place receives, mean over heads and queries, a map a face.

    Raises:
        ValueError: as attention_maps.
    """
    return tuple(
        Heatmap(
            np.ascontiguousarray(m.received()), m.face, "attention", False, "attention", f"{CAPTION} Layer: {m.name}."
        )
        for m in attention_maps(result, layer)
    )


def _last_attention(result: Result) -> str:
    names = tap_names(result.model, "attn")
    if not names:
        raise ValueError("this model has no attention")
    return names[-1]


def square(tokens: int) -> tuple[int, int]:
    """(h, w) of a square grid that holds so many tokens.

    Raises:
        ValueError: there is none.
    """
    side = math.isqrt(tokens)
    if side * side != tokens:
        raise ValueError(f"{tokens} tokens do not make a square: give the grids")
    return side, side
