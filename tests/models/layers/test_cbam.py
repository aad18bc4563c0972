"""CBAM against the paper's equations written out in NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from models.layers.cbam import CBAM
from models.taps import record


def sigmoid(v: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-v))


def transcription(x: np.ndarray, w1: np.ndarray, w2: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, ...]:
    """Eq. 1 to 3 of the paper for one sample (C, h, w): output, channel gate, spatial gate."""
    mean, peak = x.mean(axis=(1, 2)), x.max(axis=(1, 2))
    channel = sigmoid(w2 @ np.maximum(w1 @ mean, 0) + w2 @ np.maximum(w1 @ peak, 0))
    x = x * channel[:, None, None]
    planes = (x.mean(axis=0), x.max(axis=0))
    spatial = sigmoid(sum(correlate2d(p, k, mode="same") for p, k in zip(planes, kernel, strict=True)))
    return x * spatial, channel, spatial


def layer() -> CBAM:
    torch.manual_seed(5)
    return CBAM(32, 16, "stage2.block1").double()


def expected(gate: CBAM, x: torch.Tensor) -> tuple[np.ndarray, ...]:
    weights = (gate.channel.squeeze.weight, gate.channel.excite.weight, gate.spatial.conv.weight[0])
    arrays = [w.detach().double().numpy() for w in weights]
    rows = [transcription(sample, *arrays) for sample in x.double().numpy()]
    return tuple(np.stack(parts) for parts in zip(*rows, strict=True))


@pytest.mark.parametrize("size", [(9, 11), (4, 4)])
def test_equals_the_transcription(size: tuple[int, int]) -> None:
    gate, x = layer(), torch.randn(3, 32, *size, dtype=torch.float64)
    with record() as evidence:
        out = gate(x)
    want, channel, spatial = expected(gate, x)
    np.testing.assert_allclose(out.detach().numpy(), want, atol=1e-12)
    np.testing.assert_allclose(evidence["stage2.block1.channel_gate"][..., 0, 0].detach().numpy(), channel, atol=1e-12)
    np.testing.assert_allclose(evidence["stage2.block1.spatial_gate"][:, 0].detach().numpy(), spatial, atol=1e-12)


def test_equals_the_transcription_in_float32() -> None:
    gate = layer().float()
    x = torch.randn(2, 32, 14, 14)
    np.testing.assert_allclose(gate(x).detach().numpy(), expected(gate, x)[0], atol=1e-6)


def test_channel_comes_before_spatial() -> None:
    """In the other order the spatial gate would see the ungated map: with this input the result differs."""
    gate, x = layer(), torch.randn(1, 32, 6, 6, dtype=torch.float64)
    swapped = gate.channel(gate.spatial(x))
    assert (gate(x) - swapped).abs().max() > 1e-3


def test_the_tapped_gates_are_the_ones_that_multiply() -> None:
    gate, x = layer(), torch.randn(2, 32, 4, 4, dtype=torch.float64)
    with record() as evidence:
        out = gate(x)
    channel, spatial = evidence["stage2.block1.channel_gate"], evidence["stage2.block1.spatial_gate"]
    assert channel.shape == (2, 32, 1, 1)
    assert spatial.shape == (2, 1, 4, 4)
    assert torch.equal(out, x * channel * spatial)
