"""The ablation trains a fresh head on stored maps, and says what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import create_model
from models.nets.svit import Svit
from tests.training.kin_worker import lesson, tiny
from training.studies.ablation import (
    HEAD,
    RECIPE,
    VARIANTS,
    both_views,
    entered,
    model_of,
    row,
    start_facts,
    train_head,
)


def test_stored_maps_are_those_of_the_network_and_of_its_mirror():
    model = tiny("svit").eval()
    assert isinstance(model, Svit)
    faces = lesson(model, 4)
    codes, batch = both_views(model, faces), faces.crops.batch(range(len(faces.crops)))
    with torch.inference_mode():
        for view, expected in zip(codes, (batch, batch.mirrored()), strict=True):
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
    said = row("head", "fusion product", [0.7, 0.8, 0.75], steps=500)
    assert said["auc"] == pytest.approx({"mean": 0.75, "least": 0.7, "most": 0.8}) and said["seeds"] == [0, 1, 2]
    assert "similarity_auc" not in said
    assert row("whole", "recipe", [0.7], [0.6], steps=5)["similarity_auc"]["mean"] == 0.6


def test_rows_that_are_run_again_take_the_place_of_the_old_ones():
    old = [row("whole", "no guide", [0.7], steps=5), row("head", "fusion sum, lambda 0.003", [0.6], steps=5)]
    new = [row("whole", "recipe", [0.8], steps=5), row("whole", "no guide", [0.75], steps=5)]
    said = [(r["name"], r["auc"]["mean"]) for r in entered(old, new)]
    assert said == [("fusion sum, lambda 0.003", 0.6), ("recipe", 0.8), ("no guide", 0.75)]


def test_a_variant_changes_one_thing():
    for variant in VARIANTS.values():
        assert replace(RECIPE.weights, **variant.weights)  # their names are those of terms
        usual = (
            variant.start == "init",
            variant.model == "svit",
            not variant.plain,
            not variant.weights,
            not variant.balance,
        )
        changed = usual.count(False)
        assert changed <= 1 or variant.model == "siamese_ir"  # another network has another start


def test_a_variant_starts_from_what_was_given():
    trunk = {k: torch.full_like(v, 0.5) for k, v in create_model("siamese_ir").state_dict().items()}
    resnet = model_of(VARIANTS["ResNet-18 in place of S-ViT, cosine of its embeddings"], trunk, 0)
    assert torch.equal(resnet.state_dict()["trunk.conv1.weight"], trunk["trunk.conv1.weight"])


def test_a_start_is_named_by_its_hash_and_what_its_run_says(tmp_path: Path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"x")
    assert set(start_facts(file)) == {"file", "sha256"}
    file.with_suffix(".json").write_text('{"steps": 3, "held_out_cosine": 0.5, "batch": 64}')
    assert start_facts(file)["steps"] == 3 and "batch" not in start_facts(file)
