"""Excitation backpropagation as a mode: the same forward pass, with gradients replaced by excitation.

Inside `with Excitation():` every operation gives what it always gives, but torch.autograd.grad of what was computed
there carries winning probabilities down (Zhang et al., "Top-down Neural Attention by Excitation Backprop", IJCV 2018):

    P_below = A * (W+^T (P / (W+ A)))        A = relu(what flows in), W+ = weights above zero, biases left out

for convolutions, linear layers and averages; a sum of two maps hands P on in the ratio of what they hold; a maximum
hands it to the winner. The mode holds for one thread and leaves nothing on the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Rule = Callable[[Tensor], Tensor]

AVERAGES = ("avg_pool2d", "mean")
AS_USUAL = (
    "relu",
    "max_pool2d",
    "boolean_dispatch",
    "fn",
    "pad",
    "flatten",
    "view",
    "chunk",
    "__getitem__",
    "add",
    "sub",
)
"""Their own gradient is the rule already: P goes on to where the value came from."""
NUMBERS = ("mul", "div", "truediv", "__truediv__", "__rmul__")
"""By plain numbers: how pixels are brought to a network's scale, before the first layer that is read."""


class Excitation(TorchFunctionMode):
    """While it is in force, gradients are excitation.

    Raises:
        ValueError: an operation on the way for which excitation is not defined; it is named.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return func(*args, **kwargs)
        x, *rest = args
        if name in ("conv2d", "linear"):
            return weighted(func, x, *rest, signed=name == "linear", **kwargs)
        if name in AVERAGES:
            return _Excited.apply(x, lambda a: func(a, *rest, **kwargs), lambda a, _: func(a, *rest, **kwargs))
        if name == "add" and isinstance(rest[0], Tensor) and rest[0].requires_grad:
            return _Summed.apply(x, rest[0])
        if name == "mul" and isinstance(rest[0], Tensor) and not rest[0].requires_grad:
            return _Scaled.apply(x, rest[0])
        found = func(*args, **kwargs)
        if isinstance(found, Tensor) and found.requires_grad and name not in (*AS_USUAL, *NUMBERS):
            raise ValueError(f"excitation is not defined for {name!r}")
        return found


def weighted(
    func: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None, *rest: Any, signed: bool, **kwargs: Any
) -> Tensor:
    """A convolution or a linear layer.

    Args:
        signed: its outputs are not rectified: one below zero is excited by the weights below zero.
    """

    def forward(a: Tensor) -> Tensor:
        found: Tensor = func(a, weight, bias, *rest, **kwargs)
        return found

    def exciting(a: Tensor, y: Tensor) -> Tensor:
        up: Tensor = func(a, weight.clamp_min(0), None, *rest, **kwargs)
        return torch.where(y >= 0, up, func(a, (-weight).clamp_min(0), None, *rest, **kwargs)) if signed else up

    return _Excited.apply(x, forward, exciting)


class _Excited(torch.autograd.Function):
    """A linear operation: `forward` as it is, `exciting` with the weights above zero and without a bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: Rule, exciting: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        y = forward(x)
        ctx.save_for_backward(x, y)
        ctx.exciting = exciting
        return y

    @staticmethod
    def backward(ctx: Any, winning: Tensor) -> tuple[Tensor, None, None]:
        x, y = ctx.saved_tensors
        with torch.enable_grad():
            a = F.relu(x.detach()).requires_grad_(True)
            total = ctx.exciting(a, y)
            (down,) = torch.autograd.grad(total, a, per_unit(winning, total.detach()))
        return a.detach() * down, None, None


class _Summed(torch.autograd.Function):
    """Two maps added."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return x + y

    @staticmethod
    def backward(ctx: Any, winning: Tensor) -> tuple[Tensor, Tensor]:
        x, y = (F.relu(t) for t in ctx.saved_tensors)
        share = per_unit(winning, x + y)
        return x * share, y * share


class _Scaled(torch.autograd.Function):
    """Each value times a constant: P goes on where both are above zero."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward((x > 0) & (factor > 0))
        return x * factor

    @staticmethod
    def backward(ctx: Any, winning: Tensor) -> tuple[Tensor, None]:
        (above,) = ctx.saved_tensors
        return winning * above, None


def per_unit(winning: Tensor, total: Tensor) -> Tensor:
    """P / total, 0 where nothing excites."""
    return torch.where(total > 0, winning / total.clamp_min(1e-30), 0.0)
