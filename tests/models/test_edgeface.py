"""EdgeFace against timm's own network, and what its maps may and may not say."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from models import create_model
from models.nets.edgeface import ARCHITECTURES, EdgeFace, EdgeFaceConfig
from models.taps import record, tap_names

SIDES = {"stage1": 28, "stage2": 14, "stage3": 7, "stage4": 3}


def awake(net: nn.Module, seed: int = 0) -> nn.Module:
    """Random parameters of ordinary size: timm starts layer scales at 1e-6, which would hide every block."""
    torch.manual_seed(seed)
    for name, p in net.named_parameters():
        if "gamma" in name:
            nn.init.uniform_(p, 0.2, 0.6)
        elif name.endswith("bias"):
            nn.init.normal_(p, std=0.1)
    return net.eval()


def pair_of(size: str) -> tuple[EdgeFace, nn.Module]:
    """Our network and timm's with the same random weights."""
    theirs = awake(timm.create_model(ARCHITECTURES[size], num_classes=512))
    ours = EdgeFace(EdgeFaceConfig(size)).eval()
    ours.trunk.load_timm(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("size", ARCHITECTURES)
@torch.no_grad()
def test_equals_timms_network(size: str) -> None:
    ours, theirs = pair_of(size)
    image = torch.rand(2, 3, 112, 112)
    code = ours.encode(image, torch.zeros(2, 5, 2))
    torch.testing.assert_close(code, theirs(image * 2 - 1), atol=1e-6, rtol=0)
    assert code.shape == (2, 512) and code.std() > 0.01
    with record() as evidence:
        ours.encode(image, torch.zeros(2, 5, 2))
    last, maps = theirs.forward_intermediates(image * 2 - 1)
    for tensor, wanted in zip(evidence.values(), [*maps, last.mean((2, 3), keepdim=True)], strict=True):
        torch.testing.assert_close(tensor, wanted, atol=1e-6, rtol=0)


def test_published_sizes() -> None:
    count = {size: sum(p.numel() for p in EdgeFace(EdgeFaceConfig(size)).parameters()) for size in ARCHITECTURES}
    assert count == {"xs": 2_242_620, "xxs": 1_244_744}
    with pytest.raises(ValueError, match="'s' is not one of xs, xxs"):
        EdgeFace(EdgeFaceConfig("s"))


def test_loading_is_strict() -> None:
    ours, theirs = pair_of("xxs")
    state = theirs.state_dict()
    with pytest.raises(RuntimeError, match="Missing key"):
        ours.trunk.load_timm({k: v for k, v in state.items() if k != "head.fc.bias"})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        ours.trunk.load_timm({**state, "head.extra": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        ours.trunk.load_timm(timm.create_model(ARCHITECTURES["xxs"], num_classes=10).state_dict())


def test_normalisation_travels_with_the_weights() -> None:
    assert {"trunk.mean", "trunk.std"} <= EdgeFace().state_dict().keys()


def test_there_is_no_batch_norm_to_freeze() -> None:
    assert not [m for m in EdgeFace().modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def test_taps_are_the_four_stages_and_their_mean() -> None:
    model = create_model("edgeface").eval()
    with record() as evidence, torch.no_grad():
        model.encode(torch.rand(1, 3, 112, 112), torch.zeros(1, 5, 2))
    assert tap_names(model) == [*(f"{stage}.features" for stage in SIDES), "pooled.features"]
    assert [tuple(t.shape[2:]) for t in evidence.values()] == [*((side, side) for side in SIDES.values()), (1, 1)]


def test_the_last_row_and_column_of_stage_3_are_not_read() -> None:
    model = awake(EdgeFace(EdgeFaceConfig("xxs"))).requires_grad_(False)
    image = torch.rand(1, 3, 112, 112, requires_grad=True)
    with record() as evidence:
        code = model.encode(image, torch.zeros(1, 5, 2))
    (gradient,) = torch.autograd.grad(code.square().sum(), evidence["stage3.features"], retain_graph=True)
    assert not gradient[:, :, -1].any() and not gradient[..., -1].any()
    assert gradient[:, :, :-1, :-1].abs().sum(1).min() > 0
    (pixels,) = torch.autograd.grad(code.square().sum(), image)
    assert pixels[..., 96:].abs().max() > 0  # those pixels reach the answer on other ways


def test_maps_lie_on_the_places_that_were_read() -> None:
    model = EdgeFace()
    stage3 = model.on_crop("stage3.features", torch.ones(2, 7, 7))
    assert stage3.shape == (2, 7, 7) and stage3[:, :6, :6].all() and stage3.sum() == 2 * 36
    stage4 = model.on_crop("stage4.features", torch.arange(9.0).view(1, 3, 3))
    assert stage4.shape == (1, 7, 7) and not stage4[:, 6].any() and not stage4[..., 6].any()
    assert stage4[0, :6, :6].view(3, 2, 3, 2).mean((1, 3)).flatten().tolist() == list(range(9))
    same = torch.rand(1, 14, 14)
    assert torch.equal(model.on_crop("stage2.features", same), same)
