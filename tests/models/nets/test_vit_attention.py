"""The ViT's attention is fused where nothing records it: the answer stays the same."""

from __future__ import annotations

import pytest
import torch

from models import record
from models.nets.vit_kprpe import POSITIONS
from tests.models.nets.test_vit_kprpe import batch, moved


@torch.no_grad()
@pytest.mark.parametrize("position", POSITIONS)
def test_fused_attention_is_the_recorded_one(position: str) -> None:
    model = moved(position)
    plain = model.encode(*batch())
    with record() as evidence:
        recorded = model.encode(*batch())
    torch.testing.assert_close(plain, recorded, rtol=1e-4, atol=1e-5)
    assert "block0.attn" in evidence


@torch.no_grad()
def test_one_faces_keypoints_may_be_expanded() -> None:
    """Then the offsets are looked up once for all versions of that face."""
    model, (image, keypoints) = moved("kprpe"), batch(4)
    own = keypoints[:1].expand(4, -1, -1)
    wanted = model.encode(image, own.contiguous())
    torch.testing.assert_close(model.encode(image, own), wanted, rtol=1e-4, atol=1e-5)
    with record() as evidence:
        model.encode(image, own)
    assert evidence["block0.rpe_bias"].shape == (4, 3, 196, 196)
