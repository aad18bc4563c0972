"""What is drawn of the inside counts: permuting, averaging and zeroing it changes the score as its caption claims.

One test a weight, for the first and the last tap of each kind. What cannot reach the score is claimed so: where an
average over places follows FaCoRNet's attention, its rows can change places and nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from explain.methods.cross_attention import cross_attention
from models import available_weights, load_model, predict
from models.face_model import FaceModel
from models.outputs import ClassOutput
from models.predict import Result
from models.taps import KINDS, kind_of, tap_names
from tests.explain.test_evidence_used import replaced
from tests.explain.tiny import noise_faces

Change = Callable[[Tensor], Tensor]


def shuffled(dim: int) -> Change:
    """The same places in another order, along one dimension, alike for all faces."""

    def change(x: Tensor) -> Tensor:
        order = torch.randperm(x.shape[dim], generator=torch.Generator().manual_seed(0))
        return x.index_select(dim, order)

    return change


def averaged(*dims: int) -> Change:
    return lambda x: x.mean(dims, keepdim=True).expand_as(x)


def without_strongest(x: Tensor) -> Tensor:
    """Features with the place of the largest length set to zero, in every face."""
    strongest = x.norm(dim=1).flatten(1).argmax(1)
    mask = torch.ones(len(x), x.shape[2] * x.shape[3]).scatter(1, strongest[:, None], 0)
    return x * mask.view(len(x), 1, *x.shape[2:])


COUNTS: dict[str, dict[str, Change]] = {
    "features": {"zero": torch.zeros_like, "its strongest place zero": without_strongest},
    "attn": {"zero": torch.zeros_like, "average": averaged(-1), "keys permuted": shuffled(-1)},
    "cross_attn": {"zero": torch.zeros_like, "average": averaged(-1), "columns permuted": shuffled(-1)},
    "rpe_bias": {"zero": torch.zeros_like, "average": averaged(-1), "keys permuted": shuffled(-1)},
    "channel_gate": {"zero": torch.zeros_like, "average": averaged(1), "channels permuted": shuffled(1)},
    "spatial_gate": {"zero": torch.zeros_like, "average": averaged(2, 3), "rows permuted": shuffled(2)},
    "part_maps": {"zero": torch.zeros_like, "average": averaged(2, 3), "rows permuted": shuffled(2)},
    "part_weights": {"average": averaged(1), "parts permuted": shuffled(1)},
}
"""Kind -> changes after which the score must be another."""
NOTHING: dict[str, dict[str, Change]] = {
    "cross_attn": {"rows permuted": shuffled(-2), "rows averaged": averaged(-2)},
}
"""Kind -> changes that cannot reach the score, as the caption says, unless the model has `rows_count`."""


def ends(model: FaceModel) -> list[str]:
    """The first and the last tap of each kind that a picture is drawn of."""
    taps = [t for t in tap_names(model) if not t.startswith(("pooled.", "guide."))]
    kinds = dict.fromkeys(map(kind_of, taps))
    return list(dict.fromkeys(t for kind in kinds for t in own_ends([t for t in taps if kind_of(t) == kind])))


def own_ends(taps: list[str]) -> list[str]:
    return [taps[0], taps[-1]]


WEIGHTS = [w for w in available_weights() if w != "kin_joined"]  # made of the others


@lru_cache(maxsize=1)
def network(weight: str) -> FaceModel:
    return load_model(weight, "cpu")


@lru_cache(maxsize=1)
def told(weight: str) -> Result:
    model = network(weight)
    return predict(model, *(noise_faces(model, seed) for seed in (1, 2)[: model.faces]))


def moved(weight: str, tap: str, change: Change) -> float:
    """How far the log-odds or the cosine, or of classes the logits, go when a tap hands on something else."""
    result = told(weight)  # of the network as it is
    before = result.output
    scalars = before.scalars if isinstance(before, ClassOutput) else ("logit", "similarity")
    with replaced(network(weight), tap, change) as model:
        output = predict(model, *result.faces).output
    return max(float((output.scalar(s) - before.scalar(s)).abs()) for s in scalars)


def test_every_kind_is_covered() -> None:
    assert set(COUNTS) == set(KINDS)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_what_is_drawn_does_what_its_caption_says(weight: str) -> None:
    for tap in ends(network(weight)):
        flat = kind_of(tap) == "channel_gate" and one_value(told(weight).evidence[tap])
        for what, change in COUNTS[kind_of(tap)].items():
            counts = not flat or what == "zero"  # the page names gates with one value for all channels
            assert (moved(weight, tap, change) > 1e-6) == counts, f"{tap} of {weight}: {what}"
        if kind_of(tap) in NOTHING:
            check_what_cannot_reach_the_score(weight, tap)


def one_value(gate: Tensor) -> bool:
    """(B, C, 1, 1): the same for all channels of every face?"""
    return bool((gate == gate[:, :1]).all())


def check_what_cannot_reach_the_score(weight: str, tap: str) -> None:
    """It does not, unless rows count in this model, and the caption says which."""
    rows = getattr(network(weight), "rows_count", False)
    for what, change in NOTHING[kind_of(tap)].items():
        assert (moved(weight, tap, change) > 1e-5) == rows, f"{tap} of {weight}: {what}"
    said = cross_attention(told(weight), tap)[0].caption
    assert ("exchanging rows changes the score" if rows else "exchanging its rows changes nothing") in said
