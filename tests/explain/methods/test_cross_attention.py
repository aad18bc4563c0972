"""Links are handed on as they were used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import explain
from explain.core.findings import Links
from explain.methods.cross_attention import cross_attention
from models import create_model, predict
from models.predict import Result
from tests.explain.tiny import noise_faces, planted_result, ready, seeded_result

NAME = "relation.cross_attn"


def test_the_tensor_that_was_used_in_both_orders() -> None:
    result = seeded_result()
    to_b, to_a = cross_attention(result)
    assert (to_b.face, to_a.face, to_b.name) == (0, 1, NAME)
    for i, links in enumerate((to_b, to_a)):
        assert torch.equal(torch.from_numpy(links.weights), result.evidence[NAME][i].detach())
        assert (links.grid_q, links.grid_k) == ((8, 8), (8, 8))
    looked = explain(result, "cross_attention")
    assert np.array_equal(looked[0].values, to_a.received())  # what b's places look at lies on a
    assert np.array_equal(looked[1].values, to_b.received())


def test_hand_set_links() -> None:
    """Logits of 8 on the planted four of 64 places: each of them receives e^8 / (4 e^8 + 60)."""
    e8 = 2.718281828459045**8
    to_b, _ = cross_attention(planted_result())
    row = to_b.from_query(0, 0)
    assert row.shape == (8, 8) and row.sum() == pytest.approx(1, abs=1e-5)
    assert row[3, 5] == pytest.approx(e8 / (4 * e8 + 60), rel=1e-4)


def test_strongest_links_first() -> None:
    weights = np.full((4, 6), 0.1, np.float32)
    weights[2] = [0.05, 0.05, 0.05, 0.05, 0.7, 0.1]
    weights[1] = [0.6, 0.08, 0.08, 0.08, 0.08, 0.08]
    weights[[0, 3]] = 1 / 6
    links = Links(weights, (2, 2), (2, 3), 0, NAME, "c")
    assert links.strongest(2) == [
        ((1, 0), (1, 1), pytest.approx(0.7)),
        ((0, 1), (0, 0), pytest.approx(0.6)),
    ]
    assert len(links.strongest(100)) == 24
    assert links.received().sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="outside"):
        links.from_query(0, 2)
    with pytest.raises(ValueError, match="sum to 1"):
        Links(weights * 2, (2, 2), (2, 3), 0, NAME, "c")
    with pytest.raises(ValueError, match="grid_k"):
        Links(weights, (2, 2), (2, 2), 0, NAME, "c")


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no cross-attention"):
        cross_attention(seeded_result(), "pool.attn")
    plain = ready(create_model("dlib_resnet"))
    with pytest.raises(ValueError, match="no cross-attention"):
        cross_attention(predict(plain, noise_faces(plain), noise_faces(plain)))


def test_places_that_make_no_square_are_refused() -> None:
    result = seeded_result()
    odd = Result(result.model, result.faces, result.output, {NAME: torch.full((2, 6, 12), 1 / 12)})
    with pytest.raises(ValueError, match="6 tokens do not make a square"):
        cross_attention(odd)
