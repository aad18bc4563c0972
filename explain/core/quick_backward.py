"""The same network with backward passes that are quicker when one forward pass is differentiated many times.

Inside `with QuickBackward():` values are what they always are; two operations remember what their gradient needs:

- GELU keeps its derivative, which torch computes anew in every backward pass.
- A strided convolution of the pixels hands gradients down as one plain convolution a stride's worth of phases at once;
  torch's own way down to three channels is several times slower on a CPU.

The mode holds for one thread and leaves nothing on the model.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

COLOURS = 3


class QuickBackward(TorchFunctionMode):
    """While it is in force, GELU and strided convolutions of pixels have quicker gradients."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name == "gelu" and len(args) == 1 and (kwargs or {}).get("approximate", "none") == "none":
            return _Gelu.apply(*args)
        if name == "conv2d" and not kwargs and len(args) >= 5 and _of_pixels(*args):
            return _Stem.apply(*args[:4], args[4])
        return func(*args, **(kwargs or {}))


def _of_pixels(
    _: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any = (1, 1), groups: int = 1
) -> bool:
    square = weight.shape[2] == weight.shape[3] and len({*stride}) == len({*padding}) == 1 and stride[0] > 1
    frozen = not weight.requires_grad and not (bias is not None and bias.requires_grad)
    return bool(square and frozen and weight.shape[1] == COLOURS and set(dilation) == {1} and groups == 1)


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        ctx.save_for_backward((1 + torch.erf(x / math.sqrt(2))) / 2 + x * density)
        return F.gelu(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return gradient * slope


class _Stem(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any) -> Tensor:
        ctx.save_for_backward(phases(weight, stride[0]))
        ctx.stride, ctx.padding, ctx.size = stride[0], padding[0], x.shape[2:]
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (kernel,) = ctx.saved_tensors
        full = F.pixel_shuffle(F.conv2d(gradient, kernel, padding=kernel.shape[-1] - 1), ctx.stride)
        height, width = (ctx.padding + side for side in ctx.size)
        grown = F.pad(full, (0, max(0, width - full.shape[3]), 0, max(0, height - full.shape[2])))
        return grown[..., ctx.padding : height, ctx.padding : width], None, None, None, None


def phases(weight: Tensor, stride: int) -> Tensor:
    """The kernel that turns gradients behind a strided convolution into those before it, all phases side by side.

    Pixel s u + r gets sum over t of g[u - t] w[r + s t], for each phase r of the stride s, in rows and in columns.

    Args:
        weight: (C, 3, k, k).

    Returns:
        (3 s s, C, T, T) with T = k / s rounded up, for a plain convolution followed by a pixel shuffle.
    """
    count, colours, size, _ = weight.shape
    taps = -(-size // stride)
    w = F.pad(weight, (0, taps * stride - size) * 2).view(count, colours, taps, stride, taps, stride)
    w = w.permute(1, 3, 5, 0, 2, 4).reshape(colours * stride * stride, count, taps, taps)
    return w.flip(2, 3).contiguous()
