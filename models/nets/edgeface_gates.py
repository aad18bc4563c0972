"""Gates (SE or CBAM) in EdgeFace: in every convolution block of stages 1 to 3, on the branch before it is added.

    block: convolution of each channel, norm, C -> 4C -> C, * gamma, [gate], + shortcut

So they stand in IR-ResNet and in CBAM's own paper (Woo et al., ECCV 2018, figure 3). The XCA blocks have none, and
stage 4 has none: on its 3 x 3 map a 7x7 convolution over places says nothing about places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch
from timm.models.edgenext import ConvBlock
from torch import Tensor, nn

from models.layers.gates import make_gate, neutral

GATED = 3
"""Stages with gates, from the first."""


class GatedBranch(nn.Module):
    """What becomes of a block's branch before it is added: gate, then timm's stochastic depth."""

    def __init__(self, gate: nn.Module, drop_path: nn.Module) -> None:
        super().__init__()
        self.gate, self.drop_path = gate, drop_path

    def forward(self, branch: Tensor) -> Tensor:
        return self.drop_path(self.gate(branch))


def add_gates(stages: Iterable[Any], kind: str, reduction: int) -> None:
    """Give EdgeNeXt's stages their gates, one of models.layers.gates.GATES; "none" changes nothing."""
    if kind == "none":
        return
    for number, stage in enumerate(itertools.islice(stages, GATED), 1):
        for index, block in enumerate(stage.blocks):
            if isinstance(block, ConvBlock):
                gate = make_gate(kind, len(block.conv_dw.weight), reduction, f"stage{number}.block{index}")
                block.add_module("drop_path", GatedBranch(gate, block.drop_path))


@torch.no_grad()
def open_gates(block: ConvBlock) -> None:
    """Set a block's gate to a constant and undo the constant in gamma: the block answers as without a gate."""
    branch: nn.Module = block.drop_path
    if isinstance(branch, GatedBranch):
        assert block.gamma is not None
        block.gamma.mul_(neutral(branch.gate))
