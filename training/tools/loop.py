"""What every recipe's loop shares: log, learning curve, checkpoints on time, early stopping, several processes.

    run = Run(Path("runs/x"), accelerator, seed=0)
    start = run.resume(objects, facts)
    for step in run.steps(start, total, objects, facts):
        set_rate(lr * warm_stable_decay(step, total, warmup), optimizer)
        ...                                  # the recipe's own, visible loss
        descend(run, step, loss, network, optimizer)
        run.log(step, loss=loss.item())

A run folder holds state.pt (resume), log.jsonl (one JSON object a line, each with its step) and curve.png.
"""

from __future__ import annotations

import atexit
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from timm.optim import param_groups_weight_decay
from torch import Tensor, nn
from tqdm import tqdm

from models.errors import UserError
from training.tools.resume import ResumeError, Stateful, load_state, save_state, seed_step

SAVE_EVERY_SECONDS = 180.0


class Run:
    """One training run in one folder; only the main process writes."""

    def __init__(self, folder: Path, accelerator: Accelerator, seed: int) -> None:
        self.folder, self.accelerator, self.seed = folder, accelerator, seed
        if accelerator.is_main_process:
            folder.mkdir(parents=True, exist_ok=True)
        self.bar: tqdm[int] | None = None

    def resume(
        self, objects: Mapping[str, Stateful], facts: Mapping[str, Any], own: Mapping[str, Stateful] | None = None
    ) -> int:
        """Steps already done; later lines of the log are cut off, they will be written again.

        Args:
            own: what every process has for itself, such as its shard of a classifier.

        Raises:
            ResumeError: another run's checkpoint, or one of another number of processes.
        """
        start = load_state(self.folder / "state.pt", objects, facts)
        if own is not None and load_state(self._own_file(), own, self._own_facts(facts)) != start:
            raise ResumeError(f"{self._own_file()} is not of step {start}: the run was cut off while saving")
        if self.accelerator.is_main_process:
            kept = [row for row in read_log(self.folder / "log.jsonl") if row["step"] < start]
            (self.folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
        self.accelerator.wait_for_everyone()
        return start

    def _own_file(self) -> Path:
        return self.folder / f"state-{self.accelerator.process_index}.pt"

    def _own_facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {**facts, "processes": self.accelerator.num_processes}

    def _due(self, saved: float) -> bool:
        """Is it time to save? The main process decides for all of them."""
        due = torch.tensor(float(time.monotonic() - saved > SAVE_EVERY_SECONDS), device=self.accelerator.device)
        if dist.is_initialized():
            dist.broadcast(due, 0)
        return bool(due)

    def steps(
        self,
        start: int,
        total: int,
        objects: Mapping[str, Stateful],
        facts: Mapping[str, Any],
        own: Mapping[str, Stateful] | None = None,
    ) -> Iterator[int]:
        """start .. total - 1 with a progress bar; seeds each step, saves every few minutes and at the end."""
        main = self.accelerator.is_main_process
        self.bar = tqdm(total=total, initial=start, unit="step", disable=not main, mininterval=2.0)
        saved = time.monotonic()
        for step in range(start, total):
            seed_step(self.seed, step, self.accelerator.process_index)
            yield step
            self.bar.update()
            due = self._due(saved) if own is not None else time.monotonic() - saved > SAVE_EVERY_SECONDS
            if step + 1 == total or due:
                if main:
                    save_state(self.folder / "state.pt", step + 1, objects, facts)
                if own is not None:
                    save_state(self._own_file(), step + 1, own, self._own_facts(facts))
                saved = time.monotonic()
        self.bar.close()

    def log(self, step: int, **values: float) -> None:
        """Append one line to log.jsonl and show the values beside the progress bar."""
        if not self.accelerator.is_main_process:
            return
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "time": round(time.time(), 1), **values}) + "\n")
        if self.bar is not None:
            self.bar.set_postfix({k: f"{v:.4g}" for k, v in values.items()})

    def draw_curve(self) -> None:
        """curve.png from the log."""
        if self.accelerator.is_main_process:
            draw_curve(self.folder / "log.jsonl", self.folder / "curve.png")


def report(folder: Path) -> Path:
    """Where a run's best weights are, after saying so and how good they were.

    Raises:
        UserError: there are none.
    """
    state = folder / "model.safetensors"
    if not state.exists():
        raise UserError(f"{folder} holds no trained weights (model.safetensors, model.json)")
    facts = json.loads(state.with_suffix(".json").read_text())
    measured = ", ".join(f"{k} {v:.4f}" for k, v in facts.items() if k.startswith("held_out_"))
    print(f"{measured}; weights: {state}")
    return state


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; none when there is no file. A last line cut short by a crash is left out."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def draw_curve(log: Path, picture: Path) -> None:
    """One panel a logged value, over steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read_log(log)
    names = list(dict.fromkeys(k for row in rows for k in row if k not in ("step", "time")))
    if not names:
        return
    figure = Figure(figsize=(7, 2.2 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axis.plot(*zip(*points, strict=True), linewidth=1.2)
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("step")
    figure.savefig(picture, dpi=110)


class EarlyStopping:
    """Remembers the best value (higher is better) and when it was seen; its state is part of a checkpoint."""

    def __init__(self, patience: int) -> None:
        self.patience, self.best, self.since = patience, -float("inf"), 0

    def better(self, value: float) -> bool:
        """Is this the best so far? Counts evaluations since the best otherwise."""
        improved = value > self.best
        self.best, self.since = (value, 0) if improved else (self.best, self.since + 1)
        return improved

    @property
    def exhausted(self) -> bool:
        """No improvement in `patience` evaluations."""
        return self.since >= self.patience

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "since": self.since}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.since = state["best"], state["since"]


def warm_stable_decay(step: int, total: int, warmup: int, decay: float = 0.4) -> float:
    """Factor of the learning rate: linear rise over `warmup` steps, flat, linear fall over the last `decay` part.

    Hu et al., "MiniCPM", 2024. Until the fall begins the factor does not depend on `total`, so a run can be
    resumed with fewer or more steps than planned and is the same as if it had been started so.
    """
    rise = (step + 1) / max(warmup, 1)
    fall = (total - step) / max(decay * total, 1)
    return max(0.0, min(1.0, rise, fall))


def parameter_groups(
    network: nn.Module, weight_decay: float, fast: Callable[[str], bool], scale: float
) -> list[dict[str, Any]]:
    """For AdamW: no decay on norms and biases; parameters whose names are `fast` learn `scale` times as fast."""
    chosen = {id(p) for name, p in network.named_parameters() if fast(name)}
    groups = []
    for group in param_groups_weight_decay(network, weight_decay):
        for quick in (False, True):
            own = [p for p in group["params"] if (id(p) in chosen) == quick]
            groups += [{**group, "params": own, "lr_scale": scale if quick else 1.0}] if own else []
    return groups


def is_offset(name: str) -> bool:
    """Is this parameter a ViT's position offsets (models/layers/kprpe.py)?"""
    return "rpe." in name


def set_rate(rate: float, *optimizers: Any) -> None:
    """The learning rate of every group, times the group's own "lr_scale" where it has one."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)


def descend(run: Run, step: int, loss: Tensor, network: nn.Module, *optimizers: Any) -> None:
    """One step of the optimizers, with the gradient of `network` cut to norm 1.

    Raises:
        FloatingPointError: the loss is not a number; the weights are as they were.
    """
    if not torch.isfinite(loss):
        raise FloatingPointError(f"the loss of step {step} is {loss.item()}: lower --lr, resume the run")
    for optimizer in optimizers:
        optimizer.zero_grad()
    run.accelerator.backward(loss)
    run.accelerator.clip_grad_norm_(network.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()


def make_accelerator(precision: str = "bf16") -> Accelerator:
    """For any number of processes; parameters outside the embedding (a pair's head) get no gradient.

    Args:
        precision: "bf16" (autocast; parameters stay in fp32) or "no".
    """
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    atexit.register(leave_group)
    return Accelerator(mixed_precision=precision, kwargs_handlers=[unused])


def leave_group() -> None:
    """Ends the process group, if there is one: its threads must not outlive the interpreter."""
    if dist.is_initialized():
        dist.destroy_process_group()


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential average of the weights, in place; buffers are copied."""
    for a, m in zip(average.parameters(), model.parameters(), strict=True):
        a.lerp_(m, 1 - decay)
    for kept, now in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(now)


def gathered(x: Tensor) -> Tensor:
    """(B, ...) of every process -> (processes * B, ...), with gradients.

    A loss over the global batch, computed alike in every process on gathered embeddings, gives exactly the
    single-process gradient after DistributedDataParallel's mean: the backward of the gathering sums the processes.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return x
    from torch.distributed.nn.functional import all_gather

    return torch.cat(list(all_gather(x)))


def my_rows(accelerator: Accelerator, size: int) -> slice:
    """This process's part of a global batch.

    Raises:
        ValueError: the batch does not divide.
    """
    each, rest = divmod(size, accelerator.num_processes)
    if rest:
        raise ValueError(f"a batch of {size} does not divide over {accelerator.num_processes} processes")
    return slice(accelerator.process_index * each, (accelerator.process_index + 1) * each)
