"""Which processor to use."""

from __future__ import annotations

import torch


def pick_device() -> torch.device:
    """cuda when there is one, else mps, else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
