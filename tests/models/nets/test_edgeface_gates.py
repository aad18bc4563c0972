"""Gates in EdgeFace: where they stand, and a block with a gate by a second way."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import create_model
from models.layers.gates import GATES
from models.nets.edgeface_gates import GatedBranch
from models.taps import tap_names

KINDS = {"none": (), "se": ("channel_gate",), "cbam": ("channel_gate", "spatial_gate")}


@pytest.mark.parametrize("gate", GATES)
def test_every_convolution_block_of_stages_1_to_3_has_a_gate(gate: str) -> None:
    blocks = [(1, i) for i in range(3)] + [(2, i) for i in range(2)] + [(3, i) for i in range(8)]
    wanted = [f"stage{s}.block{b}.{kind}" for s, b in blocks for kind in KINDS[gate]]
    names = tap_names(create_model(f"edgeface_{gate}"))
    assert [n for n in names if n.endswith("_gate")] == wanted and len(names) == len(wanted) + 5


def by_hand(block: nn.Module, x: Tensor) -> Tensor:
    """A convolution of each channel, norm, two linear layers, gamma, the gate, and the addition."""
    y = F.conv2d(x, block.conv_dw.weight, block.conv_dw.bias, padding=block.conv_dw.padding, groups=x.shape[1]).permute(
        0, 2, 3, 1
    )
    y = F.layer_norm(y, y.shape[-1:], block.norm.weight, block.norm.bias, 1e-6)
    y = block.mlp.fc2(F.gelu(block.mlp.fc1(y))) * block.gamma
    return x + block.drop_path.gate(y.permute(0, 3, 1, 2))


@pytest.mark.parametrize("gate", ["se", "cbam"])
@torch.no_grad()
def test_the_gate_weighs_the_branch_before_it_is_added(gate: str) -> None:
    torch.manual_seed(0)
    model = create_model(f"edgeface_{gate}", size="xxs").eval()
    block, x = model.trunk.stages[0].blocks[1], torch.randn(2, 24, 28, 28)
    block.gamma.fill_(1)
    assert isinstance(block.drop_path, GatedBranch)
    torch.testing.assert_close(block(x), by_hand(block, x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"), [({"gate": "cbram"}, "one of none, se, cbam"), ({"reduction": 64}, "no hidden unit")]
)
def test_gates_that_cannot_be_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create_model("edgeface_cbam", **given)
