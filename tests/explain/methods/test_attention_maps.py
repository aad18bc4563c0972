"""Attention is handed on as it was used."""

from __future__ import annotations

import pytest
import torch

from explain import explain
from explain.methods.attention_maps import attention_maps
from models import create_model, predict
from models.predict import Result
from tests.explain.tiny import noise_faces, planted_result, ready, seeded_result


def test_the_tensor_that_was_used() -> None:
    result = seeded_result()
    a, b = attention_maps(result, grid_q=(2, 2))
    assert (a.face, b.face, a.name) == (0, 1, "pool.attn")
    assert a.weights.shape == (2, 4, 64)
    assert (a.grid_q, a.grid_k) == ((2, 2), (8, 8))
    for i, maps in enumerate((a, b)):
        assert torch.equal(torch.from_numpy(maps.weights), result.evidence["pool.attn"][i].detach())


def test_hand_set_attention() -> None:
    """Weights 8 on the planted four of 64 keys: each of them receives e^8 / (4 e^8 + 60)."""
    e8 = 2.718281828459045**8
    a, _ = attention_maps(planted_result())
    received = a.received()
    assert received.sum() == pytest.approx(1, abs=1e-5)
    assert received[2, 4] == pytest.approx(e8 / (4 * e8 + 60), rel=1e-4)
    assert received[0, 0] == pytest.approx(1 / (4 * e8 + 60), rel=1e-3)
    heatmap = explain(planted_result(), "attention")[0]
    assert heatmap.values.shape == (8, 8)
    assert (heatmap.values == received).all()


def test_what_is_not_there_is_refused() -> None:
    result = seeded_result()
    with pytest.raises(ValueError, match="holds no attention"):
        attention_maps(result, "deep.features")
    with pytest.raises(ValueError, match=r"no layer 'other\.attn' was recorded"):
        attention_maps(result, "other.attn")
    with pytest.raises(ValueError, match="grid_q"):
        attention_maps(result, grid_q=(3, 3))
    plain = ready(create_model("dlib_resnet"))
    with pytest.raises(ValueError, match="no attention"):
        attention_maps(predict(plain, noise_faces(plain), noise_faces(plain)))


def test_tokens_that_make_no_square_want_a_grid() -> None:
    result = seeded_result()
    wide = torch.full((2, 1, 6, 12), 1 / 12)
    odd = Result(result.model, result.faces, result.output, {"pool.attn": wide})
    with pytest.raises(ValueError, match="6 tokens do not make a square"):
        attention_maps(odd)
    assert attention_maps(odd, grid_q=(2, 3), grid_k=(3, 4))[1].received().shape == (3, 4)
