"""The log-odds of a pair taken apart, exactly: by part of the network, and by place.

The model itself says how (models.pair.Branched, Placed), on the very codes that were recorded while it answered.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explain.core.findings import Heatmap
from explain.core.recorded import face_evidence
from explain.core.shares import Shares
from models.pair import Branched, Placed
from models.predict import Result

UNIT = "log-odds"
SHARES_CAPTION = (
    "The log-odds behind the score, cut into parts that add up to it exactly; above zero speaks for a match. It is not "
    "what the answer would be without a part: the gates and norms in between depend on all parts together."
)
PLACES_CAPTION = (
    "The log-odds that come through each place of the maps that are compared: they and a rest without a place add up "
    "to the model's log-odds, with this face first. A place of a deep map has seen more of the face than the square it "
    "is drawn on."
)
FUSED = "Both faces are fused place by place before they are compared, so both maps are the same."


def branch_shares(result: Result) -> Shares:
    """What each part of the network puts into the log-odds, in both orders of the pair.

    Raises:
        ValueError: the model cannot take its answer apart, or its parts do not add up to the recorded answer.
    """
    model, x, y = _recorded_codes(result)
    with torch.no_grad():
        parts = model.branches(x, y)
    ab, ba = (float(v) for v in result.pair.logit.detach()[0])
    orders = torch.stack(list(parts.values()), 1).float().cpu().numpy()
    return Shares(tuple(parts), orders, (ab, ba), UNIT, SHARES_CAPTION)


def place_maps(result: Result, *, target: str = "logit") -> tuple[Heatmap, ...]:
    """The log-odds through each place: of face a in the order (a, b), of face b in the order (b, a).

    Raises:
        ValueError: another target than the logit, a model that cannot take its answer apart, or parts that do not add
            up to the recorded answer.
    """
    if target != "logit":
        raise ValueError(f"log_odds_map explains the logit, not the {target}")
    model, x, y = _recorded_codes(result)
    if not isinstance(model, Placed):
        raise ValueError("this model cannot take its answer apart by place")
    with torch.no_grad():
        places, rest = model.places(x, y)
    _check_sum(places.sum((1, 2)) + rest, result.pair.logit.detach()[0], places)
    caption = f"{PLACES_CAPTION} {FUSED}" if torch.allclose(places[0], places[1], atol=1e-5) else PLACES_CAPTION
    return tuple(
        Heatmap(
            np.ascontiguousarray(values.float().cpu().numpy()),
            face,
            "log_odds_map",
            True,
            UNIT,
            f"{caption} Without a place: {float(outside):+.2f}.",
            floor=1e-3,
        )
        for face, (values, outside) in enumerate(zip(places, rest, strict=True))
    )


def _recorded_codes(result: Result) -> tuple[Branched, Tensor, Tensor]:
    """The model, and the codes it compared: the first faces of both orders, and the second ones."""
    if not isinstance(result.model, Branched):
        raise ValueError("this model cannot take its answer apart")
    codes = face_evidence(result, result.model.code_tap).detach()
    return result.model, codes, codes.flip(0)


def _check_sum(found: Tensor, wanted: Tensor, parts: Tensor) -> None:
    slack = 1e-4 * (1 + float(parts.abs().sum()))
    if not torch.allclose(found, wanted, rtol=0, atol=slack):
        raise ValueError(f"the places add up to {found.tolist()}, but the answer is {wanted.tolist()}")
