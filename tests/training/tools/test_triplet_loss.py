"""FaceNet's triplet loss with semi-hard mining, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.training.tools.test_losses import tensor, unit
from training.tools.losses import semi_hard_triplet


def mined(x: np.ndarray, labels: list[int], margin: float = 0.2) -> list[tuple[int, int, int]]:
    """FaceNet's semi-hard triplets: for every anchor and positive the nearest negative beyond the positive."""
    d = ((unit(x)[:, None] - unit(x)[None]) ** 2).sum(2)
    triplets = []
    for a in range(len(x)):
        for p in range(len(x)):
            if p == a or labels[p] != labels[a]:
                continue
            inside = [n for n in range(len(x)) if labels[n] != labels[a] and d[a, p] < d[a, n] < d[a, p] + margin]
            if inside:
                triplets.append((a, p, min(inside, key=lambda n: d[a, n])))
    return triplets


@pytest.mark.parametrize("seed", range(3))
def test_semi_hard_triplet(seed: int) -> None:
    rng, labels = np.random.default_rng(seed), [0, 0, 0, 1, 1, 2, 2, 3]
    x = rng.normal(size=(4, 3))[labels] + 0.8 * rng.normal(size=(8, 3))
    u, triplets = unit(x), mined(x, labels)
    assert triplets
    want = np.mean([((u[a] - u[p]) ** 2).sum() - ((u[a] - u[n]) ** 2).sum() + 0.2 for a, p, n in triplets])
    assert semi_hard_triplet(tensor(x), torch.tensor(labels)).item() == pytest.approx(want, rel=1e-4)
    assert semi_hard_triplet(tensor(3 * x), torch.tensor(labels)).item() == pytest.approx(want, rel=1e-4)


def test_semi_hard_triplets_part_the_people() -> None:
    torch.manual_seed(0)
    x, labels = torch.nn.Parameter(torch.randn(8, 6)), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    optimizer, losses = torch.optim.Adam([x], lr=0.05), []

    def wrong() -> int:
        """Triplets whose negative is not farther than the positive by the margin."""
        u = unit(x.detach().numpy())
        d, same = ((u[:, None] - u[None]) ** 2).sum(2), labels[:, None] == labels[None]
        pairs = [(a, p) for a in range(8) for p in range(8) if a != p and same[a, p]]
        return sum(d[a, n] < d[a, p] + 0.2 for a, p in pairs for n in range(8) if not same[a, n])

    before = wrong()
    for _ in range(150):
        loss = semi_hard_triplet(x, labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert before > 10 and wrong() == 0
    assert losses[-1] == 0 < losses[0]


def test_semi_hard_negatives_lie_between_the_positive_and_the_margin() -> None:
    def at(degrees: float) -> list[float]:
        return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]

    def squared(degrees: float) -> float:
        return 2 - 2 * math.cos(math.radians(degrees))

    # from the anchor at 0 degrees: positive 30, negatives -20 (too near), -36 (semi-hard), -60 (beyond the margin)
    x = torch.tensor([at(0), at(30), at(-20), at(-36), at(-60)], requires_grad=True)
    labels = torch.tensor([0, 0, 1, 2, 3])
    loss = semi_hard_triplet(x, labels)
    from_zero = squared(30) - squared(36) + 0.2
    from_thirty = squared(30) - squared(50) + 0.2  # at -20 from the other side: 50 degrees, beyond the margin
    assert from_thirty < 0 < from_zero
    assert loss.item() == pytest.approx(from_zero, rel=1e-5)
    loss.backward()
    assert x.grad[0].abs().sum() > 0 and x.grad[3].abs().sum() > 0 and not x.grad[[2, 4]].any()
    nothing = semi_hard_triplet(x[:2], labels[:2])
    nothing.backward()
    assert nothing.item() == 0
