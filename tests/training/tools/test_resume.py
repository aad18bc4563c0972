"""Runs go on bit for bit; two processes equal one."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import training.distill
import training.tools.loop
from tests.training.distill_worker import distil
from tests.training.forked import run_in_two
from training.tools.loop import EarlyStopping, Run, draw_curve, make_accelerator, my_rows, read_log, warm_stable_decay
from training.tools.resume import Batches, ResumeError, load_state, save_state, seed_step, seeds_of

ROOT = Path(__file__).resolve().parents[3]


def test_four_steps_equal_two_and_two_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.tools.loop, "SAVE_EVERY_SECONDS", -1.0)  # after every step
    straight = distil(tmp_path / "straight", 4, "bf16")

    draw, calls = training.distill.draw, []

    def crashing(*args: object) -> object:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(training.distill, "draw", crashing)
    with pytest.raises(KeyboardInterrupt):
        distil(tmp_path / "broken", 4, "bf16")
    assert torch.load(tmp_path / "broken" / "state.pt", weights_only=True)["step"] == 2
    resumed = distil(tmp_path / "broken", 4, "bf16")
    assert len(calls) == 5  # 0, 1, the crash, then 2 and 3: nothing was repeated

    assert torch.equal(straight, resumed)
    a, b = (torch.load(tmp_path / run / "state.pt", weights_only=True) for run in ("straight", "broken"))
    assert a["step"] == b["step"] == 4
    assert a["states"]["stopping"] == b["states"]["stopping"]
    assert all(torch.equal(v, b["states"]["student"][k]) for k, v in a["states"]["student"].items())
    for i, moments in a["states"]["optimizer"]["state"].items():
        assert all(torch.equal(v, b["states"]["optimizer"]["state"][i][k]) for k, v in moments.items())
    logs = [[{**row, "time": 0} for row in read_log(tmp_path / run / "log.jsonl")] for run in ("straight", "broken")]
    assert logs[0] == logs[1]


def test_two_gloo_processes_equal_one(tmp_path: Path) -> None:
    one = distil(tmp_path / "one", 4, drop_path=0.0).numpy()
    (tmp_path / "two").mkdir()
    run_in_two("tests.training.distill_worker", str(tmp_path / "two"), "4")
    two = np.load(tmp_path / "two" / "embedding.npy")
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-5)
    losses = [[row["loss"] for row in read_log(tmp_path / k / "log.jsonl") if "loss" in row] for k in ("one", "two")]
    assert len(losses[0]) == 1  # every tenth step; the embedding holds the other three
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-5)


class Counter:
    """A thing with a state."""

    def __init__(self, n: int) -> None:
        self.n = n

    def state_dict(self) -> dict[str, int]:
        return {"n": self.n}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.n = state["n"]


def test_a_crash_while_saving_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    save_state(path, 3, {"x": Counter(7)}, {"seed": 0})

    def half(_: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        save_state(path, 4, {"x": Counter(8)}, {"seed": 0})
    counter = Counter(0)
    assert load_state(path, {"x": counter}, {"seed": 0}) == 3
    assert counter.n == 7


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    assert load_state(path, {"x": Counter(0)}, {}) == 0
    save_state(path, 3, {"x": Counter(7)}, {"seed": 0, "lr": 0.1})
    with pytest.raises(ResumeError, match=r"lr was 0\.1, is 0\.2"):
        load_state(path, {"x": Counter(0)}, {"seed": 0, "lr": 0.2})
    with pytest.raises(ResumeError, match=r"holds \['x'\], this run has \['y'\]"):
        load_state(path, {"y": Counter(0)}, {"seed": 0, "lr": 0.1})


def test_batches_pass_over_every_row_once_an_epoch() -> None:
    batches = Batches(23, 5, seed=1)
    assert batches.per_epoch == 4
    epochs = [np.concatenate([batches.rows(e * 4 + i) for i in range(4)]) for e in range(2)]
    assert [len(set(rows)) for rows in epochs] == [20, 20]
    assert list(epochs[0]) != list(epochs[1])
    np.testing.assert_array_equal(Batches(23, 5, seed=1).rows(6), batches.rows(6))
    assert list(Batches(23, 5, seed=2).rows(6)) != list(batches.rows(6))
    with pytest.raises(ValueError, match="3 rows do not fill a batch of 5"):
        Batches(3, 5, seed=0)


def test_seeds_differ_by_step_and_process_and_cover_every_generator() -> None:
    assert len({seeds_of(s, k, p) for s in range(2) for k in range(50) for p in range(2)}) == 200

    def numbers(step: int) -> tuple[float, ...]:
        seed_step(0, step)
        return (random.random(), float(np.random.rand()), float(torch.rand(())))

    assert numbers(3) == numbers(3)
    assert all(a != b for a, b in zip(numbers(3), numbers(4), strict=True))


def test_early_stopping_counts_evaluations_since_the_best() -> None:
    stopping = EarlyStopping(patience=2)
    assert [stopping.better(v) for v in (0.1, 0.3, 0.2)] == [True, True, False]
    assert not stopping.exhausted
    other = EarlyStopping(patience=2)
    other.load_state_dict(stopping.state_dict())
    assert not other.better(0.3)
    assert other.exhausted


def test_the_schedule_does_not_know_the_total_before_it_falls() -> None:
    short, long = ([warm_stable_decay(k, n, 10) for k in range(n)] for n in (100, 200))
    assert short[:60] == long[:60]
    assert short[0] == pytest.approx(0.1)
    assert short[9] == short[59] == 1
    assert (np.diff(short[60:]) < 0).all()
    assert short[-1] == pytest.approx(1 / 40)


def test_resuming_cuts_the_log_at_the_checkpoint(tmp_path: Path) -> None:
    accelerator = make_accelerator("no")
    run, layer = Run(tmp_path, accelerator, seed=0), nn.Linear(2, 2)
    for step in range(6):
        run.log(step, loss=float(step))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')  # a crash while writing
    save_state(tmp_path / "state.pt", 4, {"layer": layer}, {})
    assert run.resume({"layer": layer}, {}) == 4
    assert [row["step"] for row in read_log(tmp_path / "log.jsonl")] == [0, 1, 2, 3]
    draw_curve(tmp_path / "log.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_batch_that_does_not_divide_is_refused() -> None:
    accelerator = make_accelerator("no")
    assert my_rows(accelerator, 7) == slice(0, 7)

    class Three:
        num_processes, process_index = 3, 1

    assert my_rows(Three(), 9) == slice(3, 6)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch of 7 does not divide over 3"):
        my_rows(Three(), 7)  # type: ignore[arg-type]
