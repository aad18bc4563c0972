"""The ablation trains a fresh head on stored maps, and says what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.svit import Svit
from tests.training.kin_worker import lesson, tiny
from training.ablation import HEAD, both_views, row, train_head
from training.evaluate.scoring import mirrored


def test_stored_maps_are_those_of_the_network_and_of_its_mirror():
    model = tiny("svit").eval()
    assert isinstance(model, Svit)
    faces = lesson(model, 4)
    codes, batch = both_views(model, faces), faces.crops.batch(range(len(faces.crops)))
    with torch.inference_mode():
        for view, expected in zip(codes, (batch, mirrored(batch)), strict=True):
            want = model.encode(expected.image, expected.keypoints)
            assert torch.allclose(view.float(), want, rtol=2e-3, atol=2e-3)  # kept in float16


def test_the_head_learns_pairs_by_heart_and_the_backbone_stays():
    model = tiny("svit")
    assert isinstance(model, Svit)
    faces = lesson(model, 8)
    codes = both_views(model, faces)
    before = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("head.")}
    how = replace(HEAD, steps=150, lr=1e-2, warmup=5)
    assert train_head(model, codes, faces, how) > 0.95
    after = model.state_dict()
    assert before and all(torch.equal(after[k], v) for k, v in before.items())


def test_a_row_says_how_far_the_seeds_are_apart():
    said = row("head", "fusion product", [0.7, 0.8, 0.75], 500)
    assert said["auc"] == pytest.approx({"mean": 0.75, "least": 0.7, "most": 0.8}) and said["seeds"] == [0, 1, 2]
