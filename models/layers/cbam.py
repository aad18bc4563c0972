"""CBAM: a channel gate, then a spatial gate.

Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018, eq. 2 and 3:
channel  Mc = sigmoid(MLP(mean over the map) + MLP(maximum over the map)), one MLP C -> C/r -> C for both;
spatial  Ms = sigmoid(conv7x7([mean over channels, maximum over channels])).
The equations have no biases and no normalisation, nor has this module.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.taps import Tap


class ChannelGate(nn.Module):
    """x * Mc; Mc on the tap "<tap>.channel_gate" (B, C, 1, 1)."""

    def __init__(self, channels: int, reduction: int, tap: str) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction, bias=False)
        self.excite = nn.Linear(channels // reduction, channels, bias=False)
        self.tap = Tap(f"{tap}.channel_gate")

    def mlp(self, pooled: Tensor) -> Tensor:
        """(B, C) -> (B, C), before the sigmoid."""
        return self.excite(torch.relu(self.squeeze(pooled)))

    def forward(self, x: Tensor) -> Tensor:
        gate = (self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))).sigmoid()
        return x * self.tap(gate[:, :, None, None])  # (B, C, 1, 1)


class SpatialGate(nn.Module):
    """x * Ms; Ms on the tap "<tap>.spatial_gate" (B, 1, h, w)."""

    def __init__(self, tap: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.tap = Tap(f"{tap}.spatial_gate")

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)  # (B, 2, h, w)
        return x * self.tap(self.conv(pooled).sigmoid())


class CBAM(nn.Sequential):
    """Channel gate first, then spatial gate: (B, C, h, w) -> the same shape.

    Args:
        channels: C of the map.
        reduction: C / reduction hidden units in the channel gate.
        tap: dotted path that names both gates in the network.
    """

    def __init__(self, channels: int, reduction: int, tap: str) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction, tap)
        self.spatial = SpatialGate(tap)
