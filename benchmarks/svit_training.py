"""Training speed of our PCPVT against timm's own in the same loop: `python -m benchmarks.svit_training`.

Both are the demo's shape (128 px, depths 2, 2, 4, 2) and train as training/distill.py does: forward, loss.backward,
gradient norm, AdamW, bf16 autocast. Paired: every round runs one step of each on the same faces, in an order that
changes, and the ratio is taken within the round; the figure is the median with a 95 % bootstrap interval. timm fuses
its attention; ours keeps the softmax, which is evidence.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from timm.models.twins import Twins
from torch import Tensor, nn

from benchmarks.speed import machine
from benchmarks.vit_cost import median_interval
from models.nets.svit import PCPVT, SvitConfig

RESULTS = Path(__file__).resolve().parent / "results" / "svit_training.json"
LIMIT = 1.10
"""Ours may take this much of timm's time."""


class Timm(nn.Module):
    """timm's network of the same shape, without its classifier."""

    def __init__(self, config: SvitConfig) -> None:
        super().__init__()
        self.net = Twins(
            img_size=config.input_size,
            num_classes=0,
            embed_dims=config.dims,
            num_heads=config.heads,
            mlp_ratios=config.mlp_ratios,
            depths=config.depths,
            sr_ratios=config.sr_ratios,
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.net.forward_features(image)


def step(net: nn.Module, optimizer: torch.optim.Optimizer, image: Tensor) -> None:
    """One training step; the loss only has to touch every output."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = net(image).float().square().mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()


def round_times(nets: list[nn.Module], image: Tensor, rounds: int) -> np.ndarray:
    """(rounds, 2) seconds a step; two rounds before the first are not counted."""
    optimizers = [torch.optim.AdamW(net.parameters(), lr=1e-5) for net in nets]
    times = np.zeros((rounds + 2, 2))
    for i in range(rounds + 2):
        for k in (0, 1) if i % 2 else (1, 0):
            start = time.perf_counter()
            step(nets[k], optimizers[k], image)
            times[i, k] = time.perf_counter() - start
    return times[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    load, config = os.getloadavg()[0], SvitConfig()
    times = round_times([PCPVT(config), Timm(config)], torch.rand(args.batch, 3, 128, 128), args.rounds)
    ratio, faces = times[:, 0] / times[:, 1], args.batch / np.median(times, 0)
    about = {
        "machine": machine(),
        "load_before": load,
        "rounds": args.rounds,
        "batch": args.batch,
        "faces_per_second": {"ours": round(float(faces[0]), 1), "timm": round(float(faces[1]), 1)},
        "ratio": round(float(np.median(ratio)), 4),
        "ratio_ci95": median_interval(ratio),
        "limit": LIMIT,
    }
    print(json.dumps(about, indent=1))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
