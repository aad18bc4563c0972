from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from models.nets.dlib_kin import DlibKinConfig, KinHead
from training.data.holdout import is_held_out
from training.data.kin_batches import held_out_list, split
from training.data.sets import Kin, Pair, family_of, identity_of
from training.data.trunk_features import ViewFeatures
from training.evaluate.metrics import auc
from training.kinship_head import KinDraw, Settings, pair_cosines, rows_of, train
from training.tools.loop import Run, read_log


@pytest.fixture
def eight() -> tuple[ViewFeatures, list[Kin]]:
    """Eight families of two members with two images each; nothing in the features says who is kin."""
    names = tuple(f"F{f:04d}/MID{m}/P{m}{i}_face0.jpg" for f in range(8) for m in (1, 2) for i in (0, 1))
    person = np.random.default_rng(0).normal(size=(16, 256)).repeat(2, 0)
    values = person[None] + np.random.default_rng(1).normal(size=(2, 32, 256)) * 0.1
    return ViewFeatures(names, values.astype(np.float32)), [
        Kin(f"F{f:04d}/MID1", f"F{f:04d}/MID2", "fs") for f in range(8)
    ]


def test_the_head_overfits_eight_pairs(eight: tuple[ViewFeatures, list[Kin]], tmp_path: Path):
    table, pairs = eight
    torch.manual_seed(0)
    head, listed = KinHead(DlibKinConfig(hidden=64, dim=32)), held_out_list(table.names, pairs)
    same, rows = np.array([p.same for p in listed]), rows_of(listed, table.names)
    before = auc(pair_cosines(head, torch.from_numpy(table.values[0]), rows), same)
    how = Settings(steps=150, batch=8, check=50, average=0.9, lr=3e-3)
    best = train(Run(tmp_path, Accelerator(cpu=True), 0), head, table, KinDraw(table.names, pairs), listed, how)
    after = auc(pair_cosines(best, torch.from_numpy(table.values[0]), rows), same)
    assert before < 0.8 and after == 1.0
    log = read_log(tmp_path / "log.jsonl")
    assert log[-1]["loss"] < log[0]["loss"] < 2.8 and (tmp_path / "curve.png").stat().st_size > 1000


def test_a_batch_is_one_kin_pair_a_family(eight: tuple[ViewFeatures, list[Kin]]):
    table, pairs = eight
    a, b = KinDraw(table.names, pairs)(5, random.Random(0))
    families = [family_of(table.names[i]) for i in a]
    assert len(set(families)) == 5 and families == [family_of(table.names[i]) for i in b]
    assert all(identity_of(table.names[i]) != identity_of(table.names[j]) for i, j in zip(a, b, strict=True))


def test_held_out_negatives_share_the_relation_and_not_the_family():
    names = tuple(f"F{f}/M{m}/P{m}_face0.jpg" for f in range(6) for m in (1, 2))
    pairs = [Kin(f"F{f}/M1", f"F{f}/M2", "fs" if f < 3 else "md") for f in range(6)]
    listed = held_out_list(names, pairs)
    relation = {family_of(p.a): p.relation for p in pairs}
    assert sum(p.same for p in listed) == 6 and len(listed) == 12
    for pair in listed:
        assert (family_of(pair.a) == family_of(pair.b)) == pair.same
        assert relation[family_of(pair.a)] == relation[family_of(pair.b)] == pair.relation


def test_no_family_is_on_both_sides():
    pairs = [Kin(f"F{f:04d}/M1", f"F{f:04d}/M2", "fs") for f in range(300)]
    training, held = split(pairs)
    assert 20 < len(held) < 40 and len(training) + len(held) == 300
    assert not {family_of(p.a) for p in training} & {family_of(p.a) for p in held}
    assert {f for f in range(300) if is_held_out(f"F{f:04d}")} == {int(p.a[1:5]) for p in held}


def test_the_same_seed_gives_the_same_head(eight: tuple[ViewFeatures, list[Kin]], tmp_path: Path):
    table, pairs = eight
    listed: list[Pair] = held_out_list(table.names, pairs)
    results = []
    for folder in ("one", "two"):
        torch.manual_seed(3)
        head = KinHead(DlibKinConfig(hidden=16, dim=8))
        run = Run(tmp_path / folder, Accelerator(cpu=True), 3)
        how = Settings(steps=20, batch=8, check=10)
        results.append(train(run, head, table, KinDraw(table.names, pairs), listed, how).state_dict())
    assert all(torch.equal(results[0][k], results[1][k]) for k in results[0])
