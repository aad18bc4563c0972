"""Losses compared alike: every head learns people from maps; the statistics equal ones written out by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import t

from models.faces.face import FaceBatch
from models.nets.dlib_resnet import DlibTrunk
from training.data.crops import Crops
from training.data.stage_maps import VIEWS, stage_maps, view_of
from training.studies.loss_runs import LOSSES, Faces, HeldOut, Schedule, codes, train
from training.studies.losses import differences, report
from training.studies.losses_table import losses as section

PEOPLE, EACH = 24, 8
HOW = Schedule(epochs=3, batch=32, lr=2e-3, warmup=2)


def world(seed: int = 0) -> tuple[Faces, HeldOut]:
    """Maps of people: a pattern each, and noise; half of the faces of each are held out."""
    draw = np.random.default_rng(seed)
    people = draw.normal(size=(PEOPLE, 1, 8, 8, 128))
    maps = (people + draw.normal(size=(PEOPLE, EACH, 8, 8, 128))).astype(np.float16).reshape(-1, 8, 8, 128)
    labels, half = np.repeat(np.arange(PEOPLE), EACH), np.arange(PEOPLE * EACH) % 2 == 0
    pairs = np.array(list(combinations(range(half.sum()), 2)))
    same = labels[half][pairs[:, 0]] == labels[half][pairs[:, 1]]
    keypoints = torch.tensor([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]).expand(len(maps), 5, 2)
    learnt = maps[~half]
    flipped = np.ascontiguousarray(learnt[:, :, ::-1])
    kept = torch.from_numpy(labels[~half])
    return Faces(learnt, flipped, learnt, learnt, kept, keypoints[~half]), HeldOut(maps[half], pairs, same)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_learns_to_tell_people_apart(name: str) -> None:
    learnt, held = world()
    network, curve = train(LOSSES[name], learnt, held, HOW, seed=0, say=lambda _: None)
    assert len(curve) == HOW.epochs and curve[-1] == pytest.approx(held.auc(network))
    assert curve[-1] > 0.8
    assert torch.allclose(codes(network, held.maps).norm(dim=1), torch.ones(len(held.maps)))


def answers(name: str, seed: int) -> torch.Tensor:
    learnt, held = world()
    return codes(train(LOSSES[name], learnt, held, HOW, seed, lambda _: None)[0], held.maps)


def test_a_run_depends_on_its_seed_alone() -> None:
    once, again, other = (answers("softmax", seed) for seed in (0, 0, 1))
    assert torch.equal(once, again) and not torch.allclose(once, other, atol=1e-2)


def test_the_symmetric_term_changes_what_is_learnt() -> None:
    assert not torch.allclose(answers("ArcFace", 0), answers("ArcFace + SymFace", 0), atol=1e-2)


def test_differences_as_written_out() -> None:
    draw = np.random.default_rng(1)
    accuracy = {name: [draw.uniform(0.8, 0.9, 10) for _ in range(2)] for name in "abc"}
    found = {frozenset((d["better"], d["worse"])): d for d in differences(accuracy)}
    assert len(found) == 3
    halves = [abs(runs[0].mean() - runs[1].mean()) ** 2 / 2 for runs in accuracy.values()]  # variance of two values
    of_seeds = sum(halves) / 3  # of a mean over two seeds half of it, of a difference twice that
    for pair in combinations("abc", 2):
        gap = sum(accuracy[pair[0]]) / 2 - sum(accuracy[pair[1]]) / 2
        of_folds = ((gap - gap.mean()) ** 2).sum() / 9 / 10
        free = (of_seeds + of_folds) ** 2 / (of_seeds**2 / 3 + of_folds**2 / 9)
        half = t.ppf(1 - 0.05 / 3 / 2, free) * (of_seeds + of_folds) ** 0.5
        row = found[frozenset(pair)]
        assert row["mean"] == pytest.approx(abs(gap.mean())) and row["mean"] >= 0
        assert row["ci95"] == pytest.approx([row["mean"] - half, row["mean"] + half])


def test_the_section_names_what_can_be_told_apart() -> None:
    draw = np.random.default_rng(2)

    def run(loss: str, seed: int, level: float) -> dict[str, object]:
        answers = {s: {"folds": (level + draw.normal(0, 0.005, 10)).tolist(), "auc": level} for s in ("LFW", "MFR2")}
        return {"loss": loss, "seed": seed, "faces": 1000, "identities": 100, "held_out_auc": [level], **answers}

    runs = [
        run(loss, s, level) for loss, level in (("softmax", 0.9), ("triplet", 0.8), ("ArcFace", 0.9)) for s in (0, 1)
    ]
    told = section(report(runs, HOW))
    assert "- LFW: 2 of 3 pairs of losses can be told apart: " in told
    assert "softmax above triplet by +" in told and "ArcFace above softmax" not in told
    assert "3 epochs over 1,000 faces of 100 people" in told


def test_maps_are_those_of_stage_3_and_are_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("training.data.stage_maps.cache_dir", lambda: tmp_path)
    torch.manual_seed(0)
    trunk, image = DlibTrunk().eval(), np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), np.uint8)
    crops = Crops(("a", "b", "c"), image, np.full((3, 5, 2), 0.5, np.float32), np.ones(3, bool))
    plain, mirrored = (stage_maps(trunk, crops, view, "x") for view in ("plain", "mirrored"))
    with torch.inference_mode():
        whole = trunk.maps(crops.batch(range(3)).image)[2].permute(0, 2, 3, 1).numpy()
    assert plain.shape == (3, 8, 8, 128) and np.abs(plain - whole).max() < 0.02 * np.abs(whole).max()
    assert not np.array_equal(plain, mirrored) and len(list(tmp_path.iterdir())) == 2
    stage_maps(trunk, crops, "plain", "x")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("view", VIEWS)
def test_views(view: str) -> None:
    image = torch.rand(1, 3, 4, 6)
    seen = view_of(FaceBatch(image, torch.full((1, 5, 2), 0.5)), view)
    kept = {"plain": image, "mirrored": image.flip(3)}.get(view, seen.flip(3))  # a half is made whole by its mirror
    assert torch.equal(seen, kept)
    if view in ("left", "right"):
        side = slice(None, 3) if view == "left" else slice(3, None)
        assert torch.equal(seen[..., side], image[..., side])
