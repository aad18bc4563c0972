"""The stem that lends a ViT the reference encoder's first stages."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models import create_model
from models.nets.dlib_resnet import DlibTrunk
from models.nets.vit_stem import ReferenceStem
from training.tools.warm_start import lend_stem

TINY = {"dim": 24, "depth": 4, "embed_dim": 16}


def test_its_map_is_the_encoders_own_stage_2() -> None:
    torch.manual_seed(0)
    encoder, stem = DlibTrunk().eval(), ReferenceStem(112, 8, 24).eval()
    stem.trunk.load_state_dict({k: v for k, v in encoder.state_dict().items() if k in stem.trunk.state_dict()})
    crop = torch.rand(2, 3, 168, 168)
    found = crop_map(stem, crop)
    mean = (encoder.mean / 255).expand(2, 3, 178, 178).clone()
    mean[:, :, 5:-5, 5:-5] = crop  # where the padded network sees nothing, the encoder sees its mean colour
    own = encoder.maps(mean)[1]
    assert found.shape == own.shape == (2, 64, 21, 21)
    inner = slice(8, -8)  # the border's padding reaches this far
    assert torch.allclose(found[..., inner, inner], own[..., inner, inner], atol=1e-5)


def crop_map(stem: ReferenceStem, crop: Tensor) -> Tensor:
    x = stem.trunk.entry(crop)
    for stage in stem.trunk.stages:
        x = stage(x)
    return x


def test_tokens_lie_in_rows_on_the_patches_grid() -> None:
    torch.manual_seed(0)
    stem = ReferenceStem(112, 8, 24).eval()
    image = torch.zeros(1, 3, 112, 112)
    spot = image.clone()
    spot[..., 20:28, 84:92] = 1  # the middle of row 2 or 3, column 10 or 11
    change = (stem(spot) - stem(image)).norm(dim=2).view(14, 14)
    row, column = divmod(int(change.argmax()), 14)
    assert stem(image).shape == (1, 196, 24)
    assert (row, column) in {(2, 10), (2, 11), (3, 10), (3, 11)}


@pytest.mark.parametrize("position", ["abs", "irpe", "kprpe"])
def test_all_positions_take_it_and_keep_it_frozen(position: str) -> None:
    model = create_model(f"vit_{position}", **TINY, stem="reference")
    encoder = {f"trunk.{k}": v for k, v in DlibTrunk().state_dict().items()}
    lend_stem(model, encoder)
    trunk = model.get_submodule("net.patch_embed.trunk")
    assert torch.equal(trunk.get_parameter("conv.weight"), encoder["trunk.conv.weight"])
    assert not any(p.requires_grad for p in trunk.parameters())
    model.encode(torch.rand(2, 3, 112, 112), torch.rand(2, 5, 2)).sum().backward()
    assert all(p.grad is None for p in trunk.parameters())
    assert model.get_parameter("net.patch_embed.proj.weight").grad is not None


def test_other_stems_have_nothing_to_lend_to() -> None:
    with pytest.raises(ValueError, match="stem"):
        lend_stem(create_model("vit_abs", **TINY, stem="patch"), {})
    with pytest.raises(ValueError, match="patch, reference"):
        create_model("vit_abs", stem="conv")
