"""The link study counts places by hand-made attention, and its flat links are flat in the forward pass."""

from __future__ import annotations

import pytest
import torch

from models.nets.facor import FaCoR
from models.taps import record
from tests.training.kin_worker import lesson, tiny
from training.evaluate.scoring import encode_crops, unique_images
from training.studies.link_study import links_alike, places, study


def facor() -> FaCoR:
    model = tiny("facor").eval()
    assert isinstance(model, FaCoR)
    with torch.no_grad():
        model.components.query.weight.mul_(20)
    return model


def test_places_that_count():
    one, alike = torch.zeros(1, 9, 9), torch.full((1, 9, 9), 1 / 9)
    one[..., 4] = 1
    three = torch.zeros(1, 9, 9)
    three[..., :3] = 1 / 3
    assert places(torch.cat([one, three, alike])).tolist() == pytest.approx([1, 3, 9])


def test_links_are_alike_only_inside_the_block():
    model, x = facor(), torch.randn(2, 32, 7, 7)
    with links_alike(model):
        flat = model.fuse(x, x.flip(0))
    assert torch.equal(flat.attention, torch.full((2, 49, 49), 1 / 49))
    with record() as evidence:
        after = model.fuse(x, x.flip(0))
    assert after.attention is evidence["relation.cross_attn"] and after.attention.std() > 0
    assert not torch.allclose(flat.x, after.x)


def test_the_study_says_what_the_links_bring():
    model = facor()
    faces = lesson(model, 8)
    codes = encode_crops(model, faces.crops, unique_images(faces.held))
    found = study(model, codes, faces.held)
    assert found["places"]["of"] == 49 and 1 <= found["places"]["p5"] <= found["places"]["median"] <= 49
    assert found["gain"]["mean"] == pytest.approx(found["auc"] - found["auc_links_alike"])
    assert found["mean_change_of_log_odds"] > 0
