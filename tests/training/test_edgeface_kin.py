"""The kinship recipe on EdgeFace: hard negatives, its own augmentation, and a run that continues bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from torch import Tensor

from models import create_model
from models.pair import PairModel
from tests.training.kin_worker import lesson
from training import kinship
from training.data.augment import Augment
from training.distill import make_accelerator
from training.kinship import Settings, fit, start_from
from training.tools.kin_objectives import Weights, objective_for
from training.tools.loop import Run
from training.tools.losses import info_nce


def fresh() -> PairModel:
    torch.manual_seed(0)
    return create_model("edgeface_kin", size="xxs")


def trained(folder: Path, steps: int) -> Tensor:
    """Some steps with hard negatives -> all parameters in a row."""
    how = Settings(
        steps=steps, pairs=8, groups=2, lr=1e-3, warmup=1, check=100, decay=0.1, weights=Weights(0.2, hard=0.5)
    )
    model = fresh()
    objective, run = objective_for(model, how.weights), Run(folder, make_accelerator("no"), how.seed)
    fit(objective, lesson(model), how, Augment(erase=0), run, {"model": "edgeface_kin"}, started=True)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_one_step_and_one_more_are_two(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", 2)
    first = trained(tmp_path / "parts", 1)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert torch.equal(trained(tmp_path / "parts", 2), whole)
    assert not torch.equal(first, whole)


def test_hard_negatives_reach_the_objective() -> None:
    x, y = torch.randn(2, 8, 16)
    terms, embedding = objective_for(fresh(), Weights(0.2, hard=0.8)).pair_terms(x, y, torch.zeros(8, 1).long())
    torch.testing.assert_close(terms["info_nce"], info_nce(x, y, 0.2, 0.8))
    assert terms["info_nce"] < info_nce(x, y, 0.2) and embedding.shape == (16, 16)


def test_the_verification_weight_is_a_start() -> None:
    model, start = fresh(), create_model("edgeface", size="xxs")
    start_from(model, start.state_dict(), objective_for(model, Weights()).trunk)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), start.parameters(), strict=True))


def test_augmentation_and_hard_negatives_are_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["kinship", "--model", "edgeface_kin", "--hard", "0.8", "--augment", '{"scale": 1.1, "erase": 0}']
    monkeypatch.setattr("sys.argv", line)
    args = kinship.parse()
    assert kinship.settings_of(args).weights.hard == 0.8 and args.augment == {"scale": 1.1, "erase": 0}
    assert kinship.settings_of(args).facts()["weight_hard"] == 0.8
