"""The loop that distill, recognition and partial share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training import distill_worker, partial_worker, recognition_worker
from training.tools import epochs
from training.tools.epochs import Step, train
from training.tools.loop import Run, make_accelerator, read_log
from training.tools.resume import Batches


class Passed(Exception):  # noqa: N818 -- not an error
    """The recipe came to the loop."""


@pytest.mark.parametrize("recipe", ["distill", "recognition", "partial"])
def test_the_recipe_trains_by_the_loop(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))

    def passed(*arguments: Any) -> float:
        raise Passed

    monkeypatch.setattr(epochs, "train", passed)
    start = {
        "distill": lambda: distill_worker.distil(tmp_path, 2),
        "recognition": lambda: recognition_worker.train(tmp_path, 1),
        "partial": lambda: partial_worker.train(tmp_path, partial_worker.settings(1)),
    }[recipe]
    with pytest.raises(Passed):
        start()


@dataclass
class How:
    """Ten epochs of three steps, unless two trials bring nothing."""

    epochs: int = 10
    batch: int = 2
    lr: float = 0.5
    warmup: int = 4
    decay: float = 0.1
    patience: int = 2
    seed: int = 0

    def facts(self) -> dict[str, Any]:
        return {"batch": self.batch}


class One(nn.Module):
    """A student of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)


def test_every_step_descends_and_the_best_epoch_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "draw_curve", lambda _: None)
    student, values, seen = One(), iter([0.1, 0.4, 0.3, 0.2, 9.0]), []
    optimizer = torch.optim.SGD(student.parameters(), lr=0)

    def loss(step: Step) -> tuple[Tensor, dict[str, float]]:
        seen.append((step.number, step.own.tolist()))
        return -3 * student.model.weight.sum(), {"shown": 7.0}  # gradient -3, cut to -1

    def trial() -> tuple[float, dict[str, float]]:
        value = next(values)
        return value, {"measured": value, "weight": student.model.weight.item()}

    run = Run(tmp_path, make_accelerator("no"), 0)
    objects = {"student": student, "optimizer": optimizer}
    batches = Batches(6, 2, 0)
    best = train(run, student, student, (optimizer,), How(), batches, loss, trial, objects, {"model": "one"})  # type: ignore[arg-type]
    assert best == 0.4
    assert [number for number, _ in seen] == list(range(12))  # two epochs without a better one end it
    assert sorted(np.concatenate([rows for _, rows in seen[3:6]])) == list(range(6))  # an epoch sees every face once
    rates = [0.5 * min(1, (k + 1) / 4) for k in range(12)]
    assert student.model.weight.item() == pytest.approx(sum(rates))
    rows = read_log(tmp_path / "log.jsonl")
    trials = [row for row in rows if "measured" in row]
    assert [row["step"] for row in trials] == [2, 5, 8, 11]
    assert trials[1]["weight"] == pytest.approx(sum(rates[:6]))
    assert [row["shown"] for row in rows if "loss" in row] == [7.0, 7.0]  # steps 0 and 10
    kept = (tmp_path / "model.json").read_text()
    assert '"steps": 6' in kept and '"measured": 0.4' in kept and '"faces": 6' in kept and '"model": "one"' in kept
