"""Evidence without hooks: a Tap hands tensors to the recording in force, and is otherwise invisible.

    class Block(nn.Module):
        def __init__(self):
            self.tap = Tap("stage1.features")
        def forward(self, x):
            return self.tap(conv(x))

    with record() as evidence:
        model(a, b)
    evidence["stage1.features"]          # the very tensor the model went on with

The recording lives in a ContextVar, so threads and tasks do not mix, an exception ends it, and nothing is
left behind on the model. Gradients come from torch.autograd.grad(target, evidence[name]).
Passing a Tap is also a step of a task (models/running.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from models.running import step

KINDS: dict[str, int] = {
    "features": 4,  # (B, C, h, w)
    "attn": 4,  # (B, heads, N, M), rows sum to 1
    "cross_attn": 3,  # (B, N of a, N of b), rows sum to 1
    "rpe_bias": 4,  # (B, heads, N, N)
    "channel_gate": 4,  # (B, C, 1, 1), in [0, 1]
    "spatial_gate": 4,  # (B, 1, h, w), in [0, 1]
    "part_maps": 4,  # (B, K, h, w)
    "part_weights": 2,  # (B, K), rows sum to 1
}
"""The closed vocabulary: last word of a tap's name -> number of dimensions."""

_LOG: ContextVar[dict[str, Tensor] | None] = ContextVar("kinsight_taps", default=None)


def kind_of(name: str) -> str:
    """The evidence kind of a tap: the last word of its dotted name."""
    return name.rsplit(".", 1)[-1]


class Tap(nn.Module):
    """Identity with a name. No parameters, no buffers, no hooks.

    Raises:
        ValueError: when the last word of the name is not one of KINDS.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        if kind_of(name) not in KINDS:
            raise ValueError(f"tap {name!r}: last word must be one of {', '.join(KINDS)}")
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return x
        step()
        log = _LOG.get()
        if log is not None:
            self._store(log, x)
        return x

    def _store(self, log: dict[str, Tensor], x: Tensor) -> None:
        if x.ndim != KINDS[kind_of(self.name)]:
            raise ValueError(f"tap {self.name!r} wants {KINDS[kind_of(self.name)]} dimensions, got {tuple(x.shape)}")
        if self.name in log:
            raise ValueError(f"tap {self.name!r} was passed twice in one recording")
        log[self.name] = x

    def extra_repr(self) -> str:
        return self.name


@contextmanager
def record() -> Iterator[dict[str, Tensor]]:
    """Collect what flows through every Tap until the block ends; recordings nest, the innermost wins."""
    log: dict[str, Tensor] = {}
    token = _LOG.set(log)
    try:
        yield log
    finally:
        _LOG.reset(token)


def recording() -> bool:
    """Is there a recording in force? Where there is none, what only evidence needs may be left out."""
    return _LOG.get() is not None


def tap_names(model: nn.Module, kind: str | None = None) -> list[str]:
    """Names of a model's taps in order of definition, all or of one kind."""
    names = [m.name for m in model.modules() if isinstance(m, Tap)]
    return [n for n in names if kind is None or kind_of(n) == kind]
