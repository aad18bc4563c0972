"""The quick gradients are torch's own, and only the two operations are touched."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from explain.core.quick_backward import QuickBackward

SHAPES = [(32, 150, 7, 2, 0), (8, 112, 4, 4, 0), (4, 50, 7, 2, 3), (4, 33, 3, 2, 1), (4, 40, 5, 3, 2), (4, 41, 2, 3, 0)]


@pytest.mark.parametrize(("channels", "side", "kernel", "stride", "padding"), SHAPES)
def test_strided_convolution_of_pixels(channels: int, side: int, kernel: int, stride: int, padding: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, side, side, generator=generator, dtype=torch.float64).requires_grad_(True)
    layer = torch.nn.Conv2d(3, channels, kernel, stride, padding).double().requires_grad_(False)
    plain = layer(x)
    with QuickBackward():
        quick = layer(x)
    assert torch.equal(plain, quick) and type(quick.grad_fn).__name__ == "_StemBackward"
    gradient = torch.randn(plain.shape, generator=generator, dtype=torch.float64)
    (wanted,), (found,) = (torch.autograd.grad(y, x, gradient) for y in (plain, quick))
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_gelu() -> None:
    x = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    with QuickBackward():
        quick = torch.nn.GELU()(x)
    plain = F.gelu(x)
    assert torch.equal(plain, quick) and type(quick.grad_fn).__name__ == "_GeluBackward"
    (wanted,), (found,) = (torch.autograd.grad(y.sum(), x) for y in (plain, quick))
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_everything_else_is_torchs_own() -> None:
    x, wide = torch.rand(1, 3, 8, 8, requires_grad=True), torch.rand(1, 4, 8, 8, requires_grad=True)
    with QuickBackward():
        made = [
            torch.nn.Conv2d(3, 2, 3, 2)(x),  # its weights are trained
            torch.nn.Conv2d(3, 2, 3, 1).requires_grad_(False)(x),
            torch.nn.Conv2d(4, 2, 3, 2).requires_grad_(False)(wide),
            torch.nn.GELU("tanh")(x),
        ]
    assert not [y for y in made if type(y.grad_fn).__name__.startswith("_")]
