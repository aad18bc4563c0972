"""L_wCE and L_wDIV against plain NumPy transcriptions of their formulas, and at values known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.tools.partial_losses import weighted_cross_entropy, weighted_diversity


def draw(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits (4, 3, 7), importances (4, 3), classes (4,), attention (4, 3, 5, 6)."""
    rng = np.random.default_rng(seed)
    weights = rng.random((4, 3))
    return (
        3 * rng.standard_normal((4, 3, 7)),
        weights / weights.sum(1, keepdims=True),
        rng.integers(0, 7, 4),
        3 * np.maximum(rng.standard_normal((4, 3, 5, 6)), 0),
    )


def numpy_cross_entropy(logits: np.ndarray, weights: np.ndarray, target: np.ndarray) -> float:
    faces = []
    for face, s, y in zip(logits, weights, target, strict=True):
        faces.append(sum(s[k] * -math.log(math.exp(z[y]) / sum(math.exp(v) for v in z)) for k, z in enumerate(face)))
    return float(np.mean(faces))


def numpy_diversity(attention: np.ndarray, weights: np.ndarray) -> float:
    faces = []
    for maps, s in zip(attention, weights, strict=True):
        p = [np.exp(a) / np.exp(a).sum() for a in maps]
        covered = 0.0
        for i in range(maps.shape[1]):
            for j in range(maps.shape[2]):
                covered += max(s[k] * p[k][i, j] for k in range(len(p)))
        faces.append(1 - covered)
    return float(np.mean(faces))


@pytest.mark.parametrize("seed", range(3))
def test_same_as_numpy(seed: int) -> None:
    logits, weights, target, attention = draw(seed)
    z, s, y, a = (torch.as_tensor(v) for v in (logits, weights, target, attention))
    ours = float(weighted_cross_entropy(z, s, y))
    assert ours == pytest.approx(numpy_cross_entropy(logits, weights, target), rel=1e-5)
    assert float(weighted_diversity(a, s)) == pytest.approx(numpy_diversity(attention, weights), rel=1e-5)


def test_cross_entropy_by_hand() -> None:
    """Part 1 is certain (loss 0) with weight 1/4, part 2 is a coin toss (loss ln 2) with weight 3/4."""
    logits = torch.tensor([[[100.0, 0.0], [0.0, 0.0]]])
    loss = weighted_cross_entropy(logits, torch.tensor([[0.25, 0.75]]), torch.tensor([0]))
    assert float(loss) == pytest.approx(0.75 * math.log(2), rel=1e-6)


def test_one_part_is_plain_cross_entropy() -> None:
    logits, _, target, _ = draw()
    z, y = torch.as_tensor(logits[:, :1]), torch.as_tensor(target)
    plain = torch.nn.functional.cross_entropy(z[:, 0], y)
    torch.testing.assert_close(weighted_cross_entropy(z, torch.ones(4, 1), y), plain.float())


@pytest.mark.parametrize("parts", [2, 4, 12])
def test_disjoint_maps_cost_nothing_and_equal_maps_the_most(parts: int) -> None:
    weights = torch.full((1, parts), 1 / parts)
    apart = torch.zeros(1, parts, 4, 4)
    for k in range(parts):
        apart[0, k, k // 4, k % 4] = 60.0
    same = apart[:, :1].expand(-1, parts, -1, -1)
    assert float(weighted_diversity(apart, weights)) == pytest.approx(0, abs=1e-6)
    assert float(weighted_diversity(same, weights)) == pytest.approx(1 - 1 / parts, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_diversity_keeps_its_range(seed: int) -> None:
    _, weights, _, attention = draw(seed)
    loss = float(weighted_diversity(torch.as_tensor(attention), torch.as_tensor(weights)))
    assert 0 < loss <= 1 - 1 / 3


def test_descent_drives_maps_apart() -> None:
    torch.manual_seed(0)
    attention = torch.rand(1, 3, 6, 6, requires_grad=True)
    weights = torch.full((1, 3), 1 / 3)
    before = float(weighted_diversity(attention, weights).detach())
    optimiser = torch.optim.Adam([attention], lr=0.2)
    for _ in range(100):
        optimiser.zero_grad()
        weighted_diversity(attention, weights).backward()
        optimiser.step()
    assert before > 0.4
    assert float(weighted_diversity(attention, weights).detach()) < 0.05


def test_uncertain_parts_lose_importance() -> None:
    """The gradient with respect to s is each part's own cross-entropy: descent lowers the worse one's weight more."""
    logits = torch.tensor([[[5.0, 0.0], [0.0, 0.0]]])
    weights = torch.tensor([[0.5, 0.5]], requires_grad=True)
    (gradient,) = torch.autograd.grad(weighted_cross_entropy(logits, weights, torch.tensor([0])), weights)
    expected = torch.tensor([[math.log1p(math.exp(-5)), math.log(2)]])
    torch.testing.assert_close(gradient, expected)


def test_half_precision_inputs_are_summed_in_full() -> None:
    logits, weights, target, attention = draw()
    z, a = torch.as_tensor(logits).bfloat16(), torch.as_tensor(attention).bfloat16()
    s, y = torch.as_tensor(weights), torch.as_tensor(target)
    assert float(weighted_cross_entropy(z, s, y)) == pytest.approx(
        numpy_cross_entropy(z.float().numpy(), weights, target), rel=1e-5
    )
    assert float(weighted_diversity(a, s)) == pytest.approx(numpy_diversity(a.float().numpy(), weights), rel=1e-5)
