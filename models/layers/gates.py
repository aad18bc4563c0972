"""The gates of the attention comparison by name: none, SE (channels) or CBAM (channels, then places)."""

from __future__ import annotations

import torch
from torch import nn

from models.layers.cbam import CBAM
from models.layers.squeeze_excite import SqueezeExcite

GATES = ("none", "se", "cbam")


def check_gate(kind: str, narrowest: int, reduction: int) -> None:
    """Raises ValueError: an unknown gate, or one whose hidden layer would have no unit at the narrowest place."""
    if kind not in GATES:
        raise ValueError(f"gate is one of {', '.join(GATES)}, not {kind!r}")
    if kind != "none" and narrowest < reduction:
        raise ValueError(f"width {narrowest} leaves no hidden unit at reduction {reduction}")


def make_gate(kind: str, channels: int, reduction: int, tap: str) -> nn.Module:
    """One of GATES: (B, C, h, w) -> the same shape.

    It draws its initial values from a copy of the random stream: with one seed, every other layer starts from
    the same numbers whatever the gate.

    Args:
        channels: C.  reduction: C / reduction hidden units.  tap: dotted path that names the gate in its network.
    """
    with torch.random.fork_rng(devices=[]):
        if kind == "se":
            return SqueezeExcite(channels, reduction, tap)
        if kind == "cbam":
            return CBAM(channels, reduction, tap)
        return nn.Identity()


@torch.no_grad()
def neutral(gate: nn.Module) -> int:
    """Make a gate the same constant everywhere; what a layer before it is multiplied by to undo the constant.

    The last layer of each starts at zero, so that a channel gate is 1/2 and CBAM's two gates together 1/4. Powers of
    two: the answers are those of the network without gates, bit for bit.
    """
    if isinstance(gate, CBAM):
        gate.channel.excite.weight.zero_()
        gate.spatial.conv.weight.zero_()
        return 4
    if isinstance(gate, SqueezeExcite):
        gate.excite.weight.zero_()
        return 2
    return 1
