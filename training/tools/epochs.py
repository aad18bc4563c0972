"""The loop of the recipes that pass over a set of faces: distill, recognition, partial. They differ in the loss.

    objects = {"student": student, "optimizer": optimizer}
    best = train(run, student, network, (optimizer,), how, batches, loss, trial, objects, facts)

A step draws its rows, asks `loss`, and descends; after every epoch `trial` measures the network on held-out faces, and
the weights of the best epoch are kept. Learning rate loop.warm_stable_decay, gradient norm 1, early stopping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from training.tools.loop import EarlyStopping, Run, descend, my_rows, set_rate, warm_stable_decay
from training.tools.resume import Stateful, generator_of
from training.tools.student import keep

LOG_EVERY = 10


class Schedule(Protocol):
    """What the loop reads of a recipe's settings.

    Attributes:
        epochs: at most.  batch: over all processes.  lr: highest.  warmup: steps.  decay: last part of the run.
        patience: epochs without a better trial.
    """

    @property
    def epochs(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def decay(self) -> float: ...
    @property
    def patience(self) -> int: ...
    @property
    def seed(self) -> int: ...
    def facts(self) -> dict[str, Any]:
        """What a resumed run must share."""


class Holder(Protocol):
    """What learns; `model` is the network of it that is kept."""

    @property
    def model(self) -> nn.Module: ...


class Rows(Protocol):
    """Which faces a step sees: resume.Batches, or IdentityBatches."""

    count: int

    @property
    def per_epoch(self) -> int: ...
    def rows(self, step: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        number: from 0.
        rows: (batch,) positions of its faces, of all processes.  mine: the part of this process.
        generator: for draws that all processes make alike.
    """

    number: int
    rows: np.ndarray
    mine: slice
    generator: torch.Generator

    @property
    def own(self) -> np.ndarray:
        """Positions of this process's faces."""
        return self.rows[self.mine]


Loss = Callable[[Step], tuple[Tensor, Mapping[str, Tensor | float]]]
"""A step -> its loss, and what to log beside it."""
Trial = Callable[[], tuple[float, dict[str, float]]]
"""-> the value by which weights are chosen (higher is better), and what to log and keep in model.json."""


def train(
    run: Run,
    student: Holder,
    network: nn.Module,
    optimizers: Sequence[Any],
    how: Schedule,
    batches: Rows,
    loss: Loss,
    trial: Trial,
    objects: Mapping[str, Stateful],
    facts: Mapping[str, Any],
    own: Mapping[str, Stateful] | None = None,
) -> float:
    """Train; the best trial's value. Weights of that epoch lie in the run folder: model.safetensors, model.json.

    Args:
        student: its network is kept.
        network: what descends, as the accelerator prepared it.
        objects, own: what a checkpoint holds, for all processes and for each by itself (Run.resume).
        facts: what a resumed run must share beside how.facts().
    """
    stopping, total, mine = (
        EarlyStopping(how.patience),
        how.epochs * batches.per_epoch,
        my_rows(run.accelerator, how.batch),
    )
    objects = {**objects, "stopping": stopping}
    facts = {**facts, **how.facts(), "faces": batches.count}
    start = run.resume(objects, facts, own)
    network.train()
    for number in run.steps(start, total, objects, facts, own):
        set_rate(how.lr * warm_stable_decay(number, total, how.warmup, how.decay), *optimizers)
        value, shown = loss(Step(number, batches.rows(number), mine, generator_of(how.seed, number)))
        descend(run, number, value, network, *optimizers)
        if number % LOG_EVERY == 0:
            run.log(
                number,
                loss=value.item(),
                **{name: x.item() if isinstance(x, Tensor) else x for name, x in shown.items()},
            )
        if (number + 1) % batches.per_epoch == 0:
            select(run, number, student, trial, stopping, facts)
            if stopping.exhausted:
                break
    return stopping.best


def select(
    run: Run, number: int, student: Holder, trial: Trial, stopping: EarlyStopping, facts: Mapping[str, Any]
) -> None:
    """Try the network on held-out faces, log, and keep the weights when they are the best so far."""
    value, measured = trial()
    run.log(number, **measured)
    run.draw_curve()
    if stopping.better(value) and run.accelerator.is_main_process:
        keep(run.folder, student.model, {**facts, "steps": number + 1, **measured})
