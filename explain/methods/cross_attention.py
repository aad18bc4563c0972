"""Cross-attention between the two faces, as it was used: the weights that flowed through a `cross_attn` tap.

Row 0 of the tap is the order (a, b), row 1 the order (b, a). What a weight counts for is the model's own business
(models/nets/facor.py says it for FaCoRNet), so the captions claim no more than where the weight stands.
"""

from __future__ import annotations

import numpy as np

from explain.core.findings import Heatmap, Links
from explain.core.recorded import face_evidence
from explain.methods.attention_maps import square
from models.predict import Result
from models.taps import kind_of, tap_names

CAPTION = (
    "How much each place of this face is looked at from the other face's places, mean over all of them; all places add "
    "up to 1. It shows how places are weighed, not whether that raises the answer."
)
_LINKS = (
    "How much a place on one face counts for a place on the other: one row of the attention, which adds up to 1. Our "
    "reading of FaCoRNet: queries and keys come from both faces' maps together, and the same weights pool either face, "
    "so a link says which places go together, not that one face alone asks and the other answers. "
)
LINK_CAPTION = (
    f"{_LINKS}An average over places follows the attention, as published, so only how much each place is looked at in "
    "all reaches the score, and exchanging its rows changes nothing: a single link is for study, not evidence."
)
ROWS_CAPTION = (
    f"{_LINKS}Of what the links bring to each place the largest value counts, a channel at a time, which is ours: "
    "exchanging rows changes the score."
)


def cross_attention(result: Result, layer: str | None = None) -> tuple[Links, Links]:
    """The cross-attention of one tap: from face a to face b, and from face b to face a.

    Args:
        result: from predict.
        layer: a `cross_attn` tap; by default the model's last one.

    Raises:
        ValueError: no cross-attention was recorded, no such layer, or places that fill no square grid.
    """
    name = layer or _last_cross_attention(result)
    if kind_of(name) != "cross_attn":
        raise ValueError(f"the layer {name!r} holds no cross-attention")
    weights = face_evidence(result, name).detach().float().cpu().numpy()
    grid_q, grid_k = square(weights.shape[1]), square(weights.shape[2])
    caption = ROWS_CAPTION if getattr(result.model, "rows_count", False) else LINK_CAPTION
    to_b, to_a = (Links(w, grid_q, grid_k, face, name, caption) for face, w in enumerate(weights))
    return to_b, to_a


def looked_at(result: Result, *, layer: str | None = None) -> tuple[Heatmap, ...]:
    """How much each place of face a is looked at from face b, and the other way round.

    Raises:
        ValueError: as cross_attention.
    """
    to_b, to_a = cross_attention(result, layer)
    return tuple(
        Heatmap(
            np.ascontiguousarray(links.received()),
            face,
            "cross_attention",
            False,
            "attention",
            f"{CAPTION} Layer: {links.name}.",
        )
        for face, links in enumerate((to_a, to_b))
    )


def _last_cross_attention(result: Result) -> str:
    names = tap_names(result.model, "cross_attn")
    if not names:
        raise ValueError("this model has no cross-attention")
    return names[-1]
