"""predict answers one pair and says so when asked for more."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import FaceBatch, create_model, predict
from tests.models.test_every_model import faces


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return create_model("dlib_resnet").eval().requires_grad_(False)


def test_one_pair_only(model) -> None:
    with pytest.raises(ValueError, match="one answer"):
        predict(model, faces(model, 2), faces(model, 2))


def test_as_many_faces_as_the_task_says(model) -> None:
    with pytest.raises(ValueError, match="answers about 2 face"):
        predict(model, faces(model, 1))
    with pytest.raises(TypeError, match=r"a face is wanted .* got ndarray"):
        predict(model, np.zeros((8, 8, 3), np.uint8), faces(model, 1))


def test_the_callers_batch_is_left_alone(model) -> None:
    a = faces(model, 1)
    before = a.image.clone()
    result = predict(model, a, a, grad=True)
    assert torch.equal(a.image, before)
    assert not a.image.requires_grad
    assert result.faces[0].image.requires_grad


def test_no_graph_without_grad(model) -> None:
    result = predict(model, faces(model, 1), faces(model, 1, seed=1))
    assert not result.output.logit.requires_grad
    assert all(not t.requires_grad for t in result.evidence.values())
    assert isinstance(result.faces[0], FaceBatch)
    assert 0 <= result.score <= 1
    assert result.score == pytest.approx((result.score_ab + result.score_ba) / 2)
