"""Squeeze-and-excitation: one weight per channel from the channel's mean over the map.

Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018, eq. 3: s = sigmoid(W2 relu(W1 mean(x))), without biases.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.taps import Tap


class SqueezeExcite(nn.Module):
    """x * s, with s the channel gate on the tap "<tap>.channel_gate" (B, C, 1, 1).

    Args:
        channels: C of the map.
        reduction: C / reduction hidden units.
        tap: dotted path that names this gate in the network.
    """

    def __init__(self, channels: int, reduction: int, tap: str) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction, bias=False)
        self.excite = nn.Linear(channels // reduction, channels, bias=False)
        self.tap = Tap(f"{tap}.channel_gate")

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        hidden = torch.relu(self.squeeze(x.mean((2, 3))))
        gate = self.excite(hidden).sigmoid()[:, :, None, None]  # (B, C, 1, 1)
        return x * self.tap(gate)
