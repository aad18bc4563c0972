"""SE against the paper's equation written out in NumPy."""

from __future__ import annotations

import numpy as np
import torch

from models.layers.squeeze_excite import SqueezeExcite
from models.taps import record


def transcription(x: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eq. 2 to 4 of the paper, one sample and one channel at a time."""
    out, gates = np.empty_like(x), np.empty(x.shape[:2])
    for b in range(len(x)):
        z = np.array([x[b, c].sum() / x[b, c].size for c in range(x.shape[1])])
        s = 1 / (1 + np.exp(-(w2 @ np.maximum(w1 @ z, 0))))
        for c in range(x.shape[1]):
            out[b, c], gates[b, c] = s[c] * x[b, c], s[c]
    return out, gates


def layer() -> SqueezeExcite:
    torch.manual_seed(3)
    return SqueezeExcite(32, 8, "stage1.block0").double()


def test_equals_the_transcription() -> None:
    gate = layer()
    x = torch.randn(3, 32, 5, 7, dtype=torch.float64)
    w1, w2 = (m.weight.detach().numpy() for m in (gate.squeeze, gate.excite))
    expected, weights = transcription(x.numpy(), w1, w2)
    with record() as evidence:
        out = gate(x)
    np.testing.assert_allclose(out.detach().numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(evidence["stage1.block0.channel_gate"][..., 0, 0].detach().numpy(), weights, atol=1e-12)
    float32 = gate.float()(x.float()).detach().numpy()
    np.testing.assert_allclose(float32, expected, atol=1e-6)


def test_the_tapped_gate_is_the_one_that_multiplies() -> None:
    gate, x = layer(), torch.randn(2, 32, 4, 4, dtype=torch.float64)
    with record() as evidence:
        out = gate(x)
    assert torch.equal(out, x * evidence["stage1.block0.channel_gate"])
    gate.tap.register_forward_hook(lambda module, inputs, output: output * 0)
    assert gate(x).abs().max() == 0
