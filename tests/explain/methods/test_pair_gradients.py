"""FGGB against its equations, one dimension at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from explain import explain, layers_for
from explain.methods.pair_gradients import (
    cosine_at,
    decision_cosine,
    dimension_weights,
    narrow_neck,
    signed_maps,
    smoothed,
)
from models import Result, create_model, predict
from models.taps import Tap
from tests.explain.tiny import Seeded, noise_faces, planted_result, ready, seeded_result


@pytest.mark.parametrize("theta", [-0.3, 0.0, 0.7])
def test_sum_rule(theta: float) -> None:
    result = seeded_result()
    weights = dimension_weights(result.output.embeddings[0][0], result.output.embeddings[1][0], theta)
    assert float(weights.sum()) == pytest.approx(result.similarity - theta, abs=1e-6)


def test_equals_a_loop_over_dimensions() -> None:
    result, theta = seeded_result(), 0.2
    a, b = result.output.embeddings[0][0], result.output.embeddings[1][0]
    expected = [np.zeros((64, 64)), np.zeros((64, 64))]
    for k in range(len(a)):
        w = a[k].item() * b[k].item() - theta / len(a)
        for i, (value, image) in enumerate(((a[k], result.faces[0].image), (b[k], result.faces[1].image))):
            (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
            magnitude = gradient[0].abs().double().mean(0).numpy()
            expected[i] += w * magnitude / np.sqrt((magnitude**2).sum())
    maps = signed_maps(result, dimension_weights(a, b, theta))
    for ours, theirs in zip(maps, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-3, atol=1e-6 * np.abs(theirs).max())
    heatmaps = explain(result, "fggb", theta=theta)
    for heatmap, theirs in zip(heatmaps, expected, strict=True):
        np.testing.assert_allclose(heatmap.values, blurred(theirs), rtol=1e-3, atol=1e-6 * np.abs(theirs).max())
    assert "0.200" in heatmaps[0].caption


def blurred(values: np.ndarray) -> np.ndarray:
    """Gaussian 25 x 25, sigma 5, written out: (H, W) mirrored at its borders without repeating them."""
    kernel = [[math.exp(-(dx * dx + dy * dy) / 50) for dx in range(-12, 13)] for dy in range(-12, 13)]
    total, (height, width) = sum(map(sum, kernel)), values.shape
    wide, out = np.pad(np.asarray(values, np.float64), 12, mode="reflect"), np.zeros(values.shape)
    for dy in range(25):
        for dx in range(25):
            out += kernel[dy][dx] / total * wide[dy : dy + height, dx : dx + width]
    return out


def test_smoothing_spreads_an_impulse_as_a_gaussian_of_five_pixels() -> None:
    impulse = torch.zeros(64, 64)
    impulse[30, 20] = 1.0
    spread = smoothed(impulse)
    # exp(-d^2 / 50) over the square of the kernel's sum 12.379312; 13 pixels away the kernel has ended
    literal = {(30, 20): 0.0065254, (30, 25): 0.0039579, (25, 20): 0.0039579, (33, 24): 0.0039579, (42, 20): 0.00036630}
    for place, value in literal.items():
        assert float(spread[place]) == pytest.approx(value, rel=1e-4)
    assert spread[30, 33] == spread[43, 20] == 0
    assert float(spread.sum()) == pytest.approx(1.0, abs=1e-5)


def test_smoothing_mirrors_at_the_border() -> None:
    values = np.random.default_rng(3).normal(size=(40, 31)).astype(np.float32)
    np.testing.assert_allclose(smoothed(torch.from_numpy(values)).numpy(), blurred(values), atol=1e-5)


def test_threshold_turns_the_sign() -> None:
    """Far above the cosine every dimension speaks for "different"; far below, for "alike"."""
    result = planted_result()
    assert explain(result, "fggb", theta=-1.0)[0].values.min() >= 0
    assert explain(result, "fggb", theta=1.0)[0].values.sum() < 0


def test_the_default_threshold_is_the_one_the_weight_was_shipped_with() -> None:
    model = ready(Seeded())
    model.logit.slope.fill_(20.0)
    model.logit.offset.fill_(-12.0)
    assert cosine_at(model, 0.5) == pytest.approx(0.6)
    assert decision_cosine(model) == pytest.approx(0.6)  # untrained: where the score is a half
    assert torch.sigmoid(torch.tensor(20 * cosine_at(model, 0.8) - 12)).item() == pytest.approx(0.8)
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=True)
    default, explicit = explain(result, "fggb"), explain(result, "fggb", theta=0.6)
    np.testing.assert_allclose(default[0].values, explicit[0].values, rtol=1e-4, atol=1e-8)
    model.threshold = 0.2  # log-odds -1.386294
    assert decision_cosine(model) == pytest.approx(0.6 - 1.386294 / 20)
    shipped, explicit = explain(result, "fggb"), explain(result, "fggb", theta=0.530685)
    np.testing.assert_allclose(shipped[0].values, explicit[0].values, rtol=1e-4, atol=1e-8)
    assert not np.allclose(shipped[0].values, default[0].values) and "cosine: 0.531." in shipped[0].caption
    with pytest.raises(ValueError, match="inside"):
        cosine_at(model, 1.0)


def test_a_score_that_is_no_function_of_the_cosine_has_no_threshold_on_it() -> None:
    model = ready(Seeded())
    model.threshold, model.by_similarity = 0.3, False
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=True)
    assert decision_cosine(model) is None
    found, explicit = explain(result, "fggb"), explain(result, "fggb", theta=0.0)
    np.testing.assert_array_equal(found[0].values, explicit[0].values)
    assert "cosine: none (0): the score is no function of the cosine." in found[0].caption
    assert "cosine: 0.000." in explicit[0].caption


def test_a_face_that_moves_nothing_gives_a_zero_map() -> None:
    model = ready(Seeded())
    model.fc.weight.zero_()
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=True)
    assert not signed_maps(result, torch.ones(16))[0].any()


def test_fewer_and_more_dimensions_at_once_give_the_same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen dimensions in threes leave one over: its copies are idle, not counted twice."""
    for result in (seeded_result(), necked_result()):
        weights = dimension_weights(result.output.embeddings[0][0], result.output.embeddings[1][0], 0.1)
        wanted = signed_maps(result, weights)
        monkeypatch.setattr("explain.methods.pair_gradients.CHUNK", 3)
        monkeypatch.setattr("explain.methods.pair_gradients.PRODUCT", 5)
        for ours, theirs in zip(signed_maps(result, weights), wanted, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
        monkeypatch.undo()


class Necked(Seeded):
    """Everything passes through four pooled values, spread over an embedding of 64 dimensions."""

    def __init__(self, leak: float = 0.0) -> None:
        super().__init__()
        self.neck, self.leak = Tap("pooled.features"), leak
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.fc, self.wide = nn.Linear(16 * 64, 4, bias=False), nn.Linear(4, 64)

    def encode(self, image: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
        narrow = self.neck(self.fc(super().encode(image, keypoints).flatten(1))[:, :, None, None]).flatten(1)
        return torch.tanh(self.wide(narrow)) + self.leak * image.mean((1, 2, 3))[:, None]

    def embedding(self, code: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(code, dim=1)

    def relate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.logit(x, y)


def necked_result(leak: float = 0.0) -> Result:
    model = ready(Necked(leak))
    return predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=True)


def test_the_chain_rule_at_a_neck_gives_the_same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    result = necked_result()
    weights = dimension_weights(result.output.embeddings[0][0], result.output.embeddings[1][0], 0.1)
    assert narrow_neck(result) == "pooled.features"
    short = signed_maps(result, weights)
    monkeypatch.setattr("explain.methods.pair_gradients.narrow_neck", lambda _: None)
    for ours, direct in zip(short, signed_maps(result, weights), strict=True):
        torch.testing.assert_close(ours, direct, rtol=1e-3, atol=1e-5 * float(direct.abs().max()))


def test_edgeface_is_differentiated_at_its_pooled_features() -> None:
    """192 values on the way to 512 dimensions."""
    model = ready(create_model("edgeface"))
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=True)
    assert narrow_neck(result) == "pooled.features"
    assert result.evidence["pooled.features"].shape[1:] == (192, 1, 1)
    assert "pooled.features" not in layers_for(model, "grad_cam")


def test_a_neck_with_a_way_around_it_is_not_used() -> None:
    assert narrow_neck(necked_result(leak=5.0)) is None
    assert narrow_neck(seeded_result()) is None  # its embedding is narrower than any of its layers
