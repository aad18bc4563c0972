"""xSSAB against a loop over dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import explain
from tests.explain.tiny import seeded_result


@pytest.mark.parametrize("theta", [-0.2, 0.0, 0.5])
def test_equals_gradients_added_up_one_by_one(theta: float) -> None:
    result = seeded_result()
    a, b = result.output.embeddings[0][0], result.output.embeddings[1][0]
    maps, groups = explain(result, "xssab", theta=theta), set()
    for i, (own, other) in enumerate(((a, b), (b, a))):
        sums = {True: torch.zeros(3, 64, 64), False: torch.zeros(3, 64, 64)}
        for k in range(len(a)):
            (gradient,) = torch.autograd.grad(own[k], result.faces[i].image, retain_graph=True)
            alike = own[k].item() * other[k].item() >= theta / len(a)
            groups.add(alike)
            sums[alike] += other[k].item() * gradient[0]
        expected = (sums[True].abs().mean(0) - sums[False].abs().mean(0)).numpy()
        np.testing.assert_allclose(maps[i].values, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert groups == {True, False}
    assert f"{theta:.3f}." in maps[0].caption


def test_threshold_parts_the_dimensions() -> None:
    result = seeded_result()
    assert explain(result, "xssab", theta=-16.0)[0].values.min() >= 0  # every dimension speaks for alike
    assert explain(result, "xssab", theta=16.0)[0].values.max() <= 0
    with pytest.raises(ValueError, match="cannot explain 'logit'"):
        explain(result, "xssab", target="logit")
