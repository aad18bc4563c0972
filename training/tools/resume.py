"""Runs that continue bit for bit: what a run is made of, in one file, replaced atomically.

Everything random in step k is drawn from seeds made of (seed, k, process), and the faces of step k are a function of
(seed, k). So a checkpoint needs the step number, not the generators' states, and it resumes on any number of
processes. What has a state of its own (network, optimiser, scheduler, early stopping) is stored by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate.utils import set_seed


class Stateful(Protocol):
    """Networks, optimisers, schedulers."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


class ResumeError(RuntimeError):
    """A checkpoint of another run: its facts differ; the message says which."""


def save_state(path: Path, step: int, objects: Mapping[str, Stateful], facts: Mapping[str, Any]) -> None:
    """Write step, facts and the state of every object; a crash leaves the previous file whole.

    Args:
        step: how many steps are done.
        facts: what must agree for the run to go on (plain values): seed, batch, data, config...
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    states = {name: thing.state_dict() for name, thing in objects.items()}
    with partial.open("wb") as file:
        torch.save({"step": step, "facts": dict(facts), "states": states}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_state(path: Path, objects: Mapping[str, Stateful], facts: Mapping[str, Any]) -> int:
    """Restore every object in place; the number of steps done, 0 when there is no checkpoint.

    Raises:
        ResumeError: the checkpoint's facts or objects are not this run's.
    """
    if not path.exists():
        return 0
    saved = torch.load(path, map_location="cpu", weights_only=True)
    differing = sorted(k for k in {*saved["facts"], *facts} if saved["facts"].get(k) != facts.get(k))
    if differing:
        was = ", ".join(f"{k} was {saved['facts'].get(k)!r}, is {facts.get(k)!r}" for k in differing)
        raise ResumeError(f"{path} belongs to another run: {was}. Choose another run folder or delete it.")
    if saved["states"].keys() != objects.keys():
        raise ResumeError(f"{path} holds {sorted(saved['states'])}, this run has {sorted(objects)}")
    for name, thing in objects.items():
        thing.load_state_dict(saved["states"][name])
    return int(saved["step"])


def seeds_of(seed: int, step: int, process: int = 0) -> int:
    """A 32-bit seed for one step of one process."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1)[0])


def seed_step(seed: int, step: int, process: int = 0) -> None:
    """Seed python, NumPy and torch (dropout, stochastic depth...) for one step of one process."""
    set_seed(seeds_of(seed, step, process))


def generator_of(seed: int, step: int) -> torch.Generator:
    """For draws that all processes make alike and slice (augmentation of the global batch)."""
    return torch.Generator().manual_seed(seeds_of(seed, step))


class IdentityBatches:
    """Rows of every step: `each` faces of each of size / each people, for losses that compare faces of a batch.

    Args:
        labels: identity of every row.  size: of the global batch.  each: faces a person, drawn with return where a
            person has fewer.

    Raises:
        ValueError: the batch does not divide, or there are too few people with two faces.
    """

    def __init__(self, labels: Sequence[int], size: int, seed: int, each: int = 4) -> None:
        groups: dict[int, list[int]] = {}
        for row, label in enumerate(labels):
            groups.setdefault(label, []).append(row)
        self.groups = [np.array(rows) for rows in groups.values() if len(rows) > 1]
        if size % each or len(self.groups) < size // each:
            raise ValueError(
                f"a batch of {size} wants {size / each:g} people with {each} faces each; "
                f"{len(self.groups)} have more than one"
            )
        self.count, self.size, self.each, self.seed = len(labels), size, each, seed

    @property
    def per_epoch(self) -> int:
        """Steps an epoch: as many faces as the set has."""
        return self.count // self.size

    def rows(self, step: int) -> np.ndarray:
        """(size,) rows of one step; faces of a person lie side by side."""
        draw = np.random.default_rng([self.seed, step])
        people = draw.choice(len(self.groups), self.size // self.each, replace=False)
        groups = [self.groups[i] for i in people]
        return np.concatenate([draw.choice(g, self.each, replace=len(g) < self.each) for g in groups])


class Batches:
    """Rows of every step: each epoch is a new permutation, the last incomplete batch is dropped.

    Args:
        count: rows of the set.  size: of the global batch.

    Raises:
        ValueError: fewer rows than one batch.
    """

    def __init__(self, count: int, size: int, seed: int) -> None:
        if count < size:
            raise ValueError(f"{count} rows do not fill a batch of {size}")
        self.count, self.size, self.seed = count, size, seed
        self._order = lru_cache(maxsize=1)(self._permutation)

    @property
    def per_epoch(self) -> int:
        """Steps an epoch."""
        return self.count // self.size

    def _permutation(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(self.count)

    def rows(self, step: int) -> np.ndarray:
        """(size,) rows of one step, for all processes together."""
        epoch, i = divmod(step, self.per_epoch)
        return self._order(epoch)[i * self.size : (i + 1) * self.size]
