"""Partial FC: at rate 1 the full softmax, with one process and with two; below it, the softmax over the sample."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.forked import run_in_two
from tests.training.partial_fc_worker import CLASSES, DIM, FACES, one_step
from training.tools.losses import ArcFace
from training.tools.partial_fc import PartialFC, shard


def full() -> dict[str, torch.Tensor]:
    """The same step by the plain ArcFace head."""
    torch.manual_seed(0)
    net = nn.Linear(5, DIM)
    x, y = torch.randn(FACES, 5), torch.tensor([0, 10, 3, 3, 7, 1, 9, 5])
    head = ArcFace(DIM, CLASSES, scale=8.0)
    head.weight.data = PartialFC(DIM, CLASSES, seed=3).weight.data.clone()
    loss = head(net(x), y)
    loss.backward()
    assert net.weight.grad is not None and head.weight.grad is not None
    return {"loss": loss.detach(), "net": net.weight.grad, "shard": head.weight.grad}


def two_processes(folder: Path, rate: float) -> list[dict[str, torch.Tensor]]:
    run_in_two("tests.training.partial_fc_worker", str(folder), str(rate))
    return [torch.load(folder / f"{i}.pt", weights_only=True) for i in (0, 1)]


def test_one_process_at_rate_one_is_the_full_softmax(tmp_path: Path) -> None:
    one_step(tmp_path, 1.0)
    found, wanted = torch.load(tmp_path / "0.pt", weights_only=True), full()
    for key in wanted:
        torch.testing.assert_close(found[key], wanted[key])


def test_two_processes_are_the_full_softmax(tmp_path: Path) -> None:
    found, wanted = two_processes(tmp_path, 1.0), full()
    for part in found:
        torch.testing.assert_close(part["loss"], wanted["loss"])
        torch.testing.assert_close(part["net"], wanted["net"], atol=1e-5, rtol=1e-4)
    both = torch.cat([part["shard"] for part in found])
    torch.testing.assert_close(both, wanted["shard"], atol=1e-5, rtol=1e-4)


def test_a_sample_has_every_class_of_the_batch_and_the_softmax_is_over_it(tmp_path: Path) -> None:
    head = PartialFC(DIM, 40, rate=0.25, scale=8.0)
    y = torch.tensor([3, 39, 17])
    rows = head.sample(y, step=0)
    assert len(rows) == 10 and set(y.tolist()) <= set(rows.tolist()) and len(rows.unique()) == 10
    assert rows.tolist() != head.sample(y, step=1).tolist() and rows.tolist() == head.sample(y, step=0).tolist()
    x = torch.randn(3, DIM)
    part = ArcFace(DIM, 10, scale=8.0)
    part.weight.data = head.weight.data[rows]
    wanted = part(x, torch.searchsorted(rows, y))
    torch.testing.assert_close(head(x, y, step=0), wanted)
    head(x, y, step=0).backward()
    assert head.weight.grad is not None
    touched = head.weight.grad.abs().sum(1) > 0
    assert set(touched.nonzero().flatten().tolist()) == set(rows.tolist())


def test_shards_cover_every_class_once() -> None:
    parts = [shard(11, 3, i) for i in range(3)]
    assert [c for p in parts for c in p] == list(range(11)) and [len(p) for p in parts] == [4, 4, 3]
    with pytest.raises(ValueError, match="sample rate"):
        PartialFC(4, 8, rate=0.0)
