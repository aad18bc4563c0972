"""Several processes that share one task, as `accelerate launch` or `torchrun` starts them; alone otherwise."""

from __future__ import annotations

import os
from datetime import timedelta

import torch

from models.device import pick_device

PATIENCE = timedelta(days=30)
"""How long the first process waits for the slowest."""


def share() -> tuple[int, int]:
    """Number of this process, from 0, and how many there are."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def own_device() -> torch.device:
    """The processor of this process: with several GPUs each process has its own."""
    if share()[1] > 1 and torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    return pick_device()


def wait_for_all() -> None:
    """Return when every process has come here."""
    if share()[1] > 1:
        group = torch.distributed
        if not group.is_initialized():
            group.init_process_group("gloo", timeout=PATIENCE)
        group.barrier()
